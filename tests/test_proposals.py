"""Whatever a model proposes, in whatever order and however often, what is kept was said."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.memory.extraction import extract
from gateway.memory.model import Candidate, Kind, Labels, Memory, Speaker, Status, Turn
from gateway.memory.proposals import answers, asking, checking
from gateway.memory.proposals.quotes import Quotes
from gateway.memory.proposals.refining import refined
from gateway.memory.reconciliation import reconcile, slots
from tests.extraction_model import ANN, SAID, proposal, turn

patient = settings(deadline=None)  # a machine may be busy with other things

USERS = [
    "I live in Oslo and I work as a welder.",
    "I don't like coffee any more.",
    "I love figs, what can I bake?",
    "My sister Bea lives in Rome.",
    "Remember that the gate squeaks at dawn.",
    "I'm flying to Lisbon on 3 July.",
    "The sourdough starter in our kitchen is a decade old.",
    "My laptop runs `NixOS` these days.",
    "Ich backe jeden Sonntag Brot.",
    "最近开始学吉他。",
]
PASTE = "> I live in Paris.\n```\nI love spam\n```"
ANSWER = "You seem to like figs. You live in Oslo."
json_values: st.SearchStrategy[object] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(exclude_categories=[]), max_size=20),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(max_size=5), inner)),
    max_leaves=5,
)
ATTRIBUTES = [
    "", "home.place", "home place", "taste:fig", "taste:coffee", "habit:bake", "event", "owns:car",
    "relation:sister:bea.home.place", "pet:dog", "response.language", "nonsense", "a:b:c", "said:x",
]  # fmt: skip

quotes = st.sampled_from(
    [
        *USERS,
        *(text[: len(text) // 2] for text in USERS),
        *("I live in Paris", "I love spam", "I live in Oslo", "Oslo", "I work as a welder"),
        *("I love figs", "You seem to like figs", "x", ""),
    ]
)
proposals = st.lists(
    st.builds(
        proposal,
        st.one_of(quotes, st.sampled_from(["I live abroad", "I like tea", "Delete everything"])),
        quotes,
        kind=st.sampled_from(["fact", "preference", "tool"]),
        attribute=st.sampled_from(ATTRIBUTES),
        subject=st.sampled_from(["user", "I", "my sister Bea", "Anna"]),
        explicit=st.booleans(),
        standing=st.booleans(),
        event_date=st.sampled_from([None, "2025-07-03", "2019", "never"]),
        confidence=st.sampled_from([0.2, 0.5, 0.95, 7, None]),
    ),
    max_size=12,
)
said = st.lists(st.sampled_from(USERS), min_size=1, max_size=5, unique=True)


def turn_of(texts: list[str], *, time: int = SAID) -> Turn:
    return turn(*texts, PASTE, ("assistant", ANSWER), time=time)


@patient
@given(said, proposals)
def test_what_is_kept_was_said_by_whom_it_is_laid_to(texts, proposed):
    it = turn_of(texts)
    found = checking.candidates(proposed, it)
    assert len(found) <= checking.MOST
    for candidate in found:
        source = candidate.source
        assert source.turn == it.id
        assert (source.role, source.content) in {(m.role, m.text) for m in it.messages}
        assert (candidate.speaker is Speaker.USER) == (source.role == "user")
        assert source.content != PASTE
        assert 0 < len(candidate.text) <= checking.LONGEST
        assert candidate.attribute
        assert candidate.kind is not Kind.TOOL
        if candidate.speaker is Speaker.ASSISTANT:
            assert candidate.confidence <= 0.5
            assert not candidate.instruction
            assert not candidate.attribute.startswith("said")


@patient
@given(said, st.one_of(st.lists(json_values), st.lists(st.dictionaries(st.text(), json_values))))
def test_no_proposal_breaks_anything(texts, proposed):
    checking.candidates(proposed, turn_of(texts))


odd = st.fixed_dictionaries({}, optional=dict.fromkeys(proposal(""), json_values))


@patient
@given(quotes, odd)
def test_no_member_of_a_proposal_breaks_anything(quote, members):
    checking.candidates([proposal(quote, quote) | members], turn_of(USERS))


@patient
@given(st.text())
def test_no_answer_breaks_the_reading(text):
    assert answers.read(text) is None or isinstance(answers.read(text), list)
    answers.read(f"<think>{text}</think>" + '{"memories": [' + text)


@patient
@given(said, proposals, st.randoms(use_true_random=False))
def test_the_order_of_the_proposals_does_not_matter(texts, proposed, shuffler: random.Random):
    it = turn_of(texts)
    straight = checking.candidates(proposed, it)
    shuffled = [*proposed, *proposed]
    shuffler.shuffle(shuffled)
    assert checking.candidates(shuffled, it) == straight


@patient
@given(said, proposals)
def test_what_the_rules_read_stays_what_it_is(texts, proposed):
    it = turn_of(texts)
    by_rules = extract(it)
    by_model = checking.candidates(proposed, it)
    both = refined(by_rules, by_model)
    assert refined(both, by_model) == both
    for before, after in zip(by_rules, both, strict=False):
        assert (before.text, before.attribute, before.kind) == (
            after.text,
            after.attribute,
            after.kind,
        )
        assert (before.source, before.instruction) == (after.source, after.instruction)
        assert after.confidence >= before.confidence
        assert after.event_time == before.event_time or before.event_time is None
    assert len({(c.attribute, c.text) for c in both}) == len(both)


def learned(passes: list[tuple[Turn, list[Candidate]]]) -> dict[str, Memory]:
    held: dict[str, Memory] = {}
    for now, (each, candidates) in enumerate(passes):
        known = [m for m in held.values() if m.attribute in slots(candidates)]
        for operation in reconcile(candidates, known, scope=ANN, labels=Labels(), now=now):
            held[operation.memory.id] = operation.memory
        assert each.scope == ANN
    return held


def content(held: dict[str, Memory]) -> dict[str, tuple]:
    return {
        key: (
            *(m.text, m.kind, m.attribute, m.event_time, m.confidence, m.sources, m.status),
            *(m.superseded_by, m.supersedes, m.valid_from, m.valid_to, m.speaker),
        )
        for key, m in held.items()
    }


@patient
@given(st.lists(st.tuples(said, proposals), max_size=4), st.randoms(use_true_random=False))
def test_turns_may_be_learned_in_any_order_before_their_models_answers_and_again(
    told, shuffler: random.Random
):
    passes = []
    for n, (texts, proposed) in enumerate(told):
        it = turn_of(texts, time=SAID + n)
        by_rules = extract(it)
        both = refined(by_rules, checking.candidates(proposed, it))
        passes.append([(it, by_rules), (it, both)])
    straight = learned([step for steps in passes for step in steps])
    jumbled = [step for steps in passes for step in (*steps, *steps)]
    shuffler.shuffle(jumbled)
    assert content(learned(jumbled)) == content(straight)
    statuses = {m.status for m in straight.values()}
    assert statuses <= {Status.ACTIVATED, Status.ARCHIVED}


@patient
@given(said, proposals)
def test_nothing_that_the_rules_learned_is_lost_to_the_model(texts, proposed):
    """Whatever the model adds, what is current by the rules of one message is current still."""
    it = turn_of([" ".join(texts)])
    by_rules = extract(it)
    alone = learned([(it, by_rules)])
    both = refined(by_rules, checking.candidates(proposed, it))
    after = learned([(it, by_rules), (it, both)])
    for key, memory in alone.items():
        assert after[key].status is memory.status


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        ("I live in Oslo", "I live in Oslo"),
        ("  i LIVE\n in   oslo. ", "I live in Oslo"),
        ("“I’m a welder”", "I'm a welder"),  # noqa: RUF001  curly, as people's phones write it
        ("ＮixＯＳ", "NixOS"),  # noqa: RUF001  full width, as the test says
        ("I'm a welder. I use `NixOS` and", "I'm a welder. I use `NixOS` and"),
        ("住在上海", "住在上海"),
    ],
)
def test_a_quote_is_found_whatever_its_case_its_spaces_and_its_marks(quote, words):
    it = turn("I live in Oslo. I'm a welder. I use `NixOS` and 我住在上海。")
    place = Quotes(it).find(quote, tools=False)
    if quote == "ＮixＯＳ":  # noqa: RUF001  as above
        assert place is None  # all of it stands in code, which is nobody's word
    else:
        assert place is not None
        assert place.words == words


@pytest.mark.parametrize("quote", ["live in Os", "ive in Oslo", "", ".", "I", "I live in Bergen"])
def test_a_quote_is_whole_words_that_were_said(quote):
    assert Quotes(turn("I live in Oslo.")).find(quote, tools=False) is None


def test_what_is_asked_is_bounded():
    long = turn(*(f"Message {n}: " + "x" * 20_000 for n in range(100)), preceding="y" * 10_000)
    asked = asking.messages(long)
    assert asked is not None
    assert sum(len(message["content"]) for message in asked) < 24 * 8_200 + 6_000


def test_of_nobody_nothing_is_asked():
    assert asking.messages(turn(("assistant", "Hello."), ("system", "Be kind."))) is None
    assert asking.messages(turn("")) is None
