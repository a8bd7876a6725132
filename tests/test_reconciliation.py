import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.memory.decisions import Change, changed, emptied, moment, out, takes_back
from gateway.memory.model import Candidate, Kind, Labels, Memory, Scope, Source, Speaker, Status
from gateway.memory.reconciliation import (
    Action,
    follow_up,
    given_up,
    history,
    identity,
    reconcile,
    retired,
    slots,
)

SCOPE = Scope("project", "user")
NOBODY = Labels()


def candidate(
    text: str,
    attribute: str,
    time: int,
    *,
    kind: Kind = Kind.FACT,
    turn: str = "",
    speaker: Speaker = Speaker.USER,
    confidence: float = 0.8,
) -> Candidate:
    source = Source(
        role=speaker.value,
        content=f"Well. {text}",
        time=time,
        conversation="talk",
        turn=turn or f"turn-{time}",
    )
    return Candidate(
        kind=kind,
        text=text,
        source=source,
        attribute=attribute,
        speaker=speaker,
        confidence=confidence,
    )


class Known:
    """What is remembered: the reconciled memories, looked up as a store would."""

    def __init__(self, scope: Scope = SCOPE) -> None:
        self.scope = scope
        self.memories: dict[str, Memory] = {}

    def learn(self, *candidates: Candidate, now: int = 1_000, labels: Labels = NOBODY):
        known = [m for m in self.memories.values() if m.attribute in slots(candidates)]
        operations = reconcile(candidates, known, scope=self.scope, labels=labels, now=now)
        self.memories |= {operation.memory.id: operation.memory for operation in operations}
        return operations

    def current(self) -> list[str]:
        held = [m for m in self.memories.values() if m.status is Status.ACTIVATED]
        return [m.text for m in sorted(held, key=lambda m: (m.time, m.position))]

    def by_text(self, text: str) -> Memory:
        (found,) = (m for m in self.memories.values() if m.text == text)
        return found

    def content(self) -> dict[str, Memory]:
        """All of it but when it was written, which the order of jobs may change."""
        return {key: replace(m, created=0, updated=0) for key, m in self.memories.items()}


def home(place: str, time: int, **more) -> Candidate:
    return candidate(f"I live in {place}.", "home.place", time, **more)


def test_what_was_not_known_is_added_with_all_that_its_candidate_says():
    known = Known()
    said = replace(
        home("Oslo", 10), event_time=5, instruction=True, explicit=False, reasoning="because"
    )
    labels = Labels(agent_id="a", tags=("t",))
    (operation,) = known.learn(said, labels=labels, now=77)
    memory = operation.memory
    assert operation.action is Action.ADD
    assert (memory.text, memory.attribute, memory.kind) == (said.text, "home.place", Kind.FACT)
    assert (memory.time, memory.created, memory.updated, memory.event_time) == (10, 77, 77, 5)
    assert (memory.instruction, memory.explicit, memory.reasoning) == (True, False, "because")
    assert (memory.sources, memory.labels, memory.scope) == ((said.source,), labels, SCOPE)
    assert (memory.status, memory.valid_from, memory.valid_to) == (Status.ACTIVATED, 10, None)


def test_the_same_statement_in_another_turn_reinforces_the_one_memory():
    known = Known()
    known.learn(candidate("I live in Oslo.", "home.place", 10), now=100)
    (operation,) = known.learn(candidate("i live in oslo", "home.place", 20), now=200)
    assert operation.action is Action.REINFORCE
    assert len(known.memories) == 1
    memory = operation.memory
    assert [source.time for source in memory.sources] == [10, 20]
    assert (memory.time, memory.created, memory.updated) == (20, 100, 200)
    assert memory.text == "i live in oslo"
    assert memory.confidence > 0.8
    assert memory.valid_from == 10


def test_an_id_names_scope_kind_slot_and_statement_but_no_turn():
    ids = set()
    for scope in (SCOPE, Scope("project", "other"), Scope("other", "user")):
        for kind in (Kind.FACT, Kind.PREFERENCE):
            for slot in ("taste:tea", "said:i love tea"):
                for text in ("I love tea.", "I hate tea."):
                    known = Known(scope)
                    (added,) = known.learn(candidate(text, slot, 1, kind=kind, turn="a"))
                    again = Known(scope)
                    (same,) = again.learn(candidate(text, slot, 2, kind=kind, turn="b"))
                    assert added.memory.id == same.memory.id
                    ids.add(added.memory.id)
    assert len(ids) == 3 * 2 * 2 * 2


def test_a_newer_state_supersedes_the_older_and_keeps_it_with_its_validity():
    known = Known()
    known.learn(home("Oslo", 10))
    actions = {op.memory.text: op.action for op in known.learn(home("Rome", 20))}
    assert actions == {"I live in Rome.": Action.ADD, "I live in Oslo.": Action.SUPERSEDE}
    oslo, rome = known.by_text("I live in Oslo."), known.by_text("I live in Rome.")
    assert known.current() == ["I live in Rome."]
    assert (oslo.status, oslo.superseded_by) == (Status.ARCHIVED, rome.id)
    assert (oslo.valid_from, oslo.valid_to) == (10, 20)
    assert (rome.supersedes, rome.valid_from, rome.valid_to) == ((oslo.id,), 20, None)


def test_an_older_statement_learned_later_becomes_history_at_once():
    known = Known()
    known.learn(home("Rome", 20))
    (added, moved) = sorted(known.learn(home("Oslo", 10)), key=lambda op: op.action)
    assert (added.action, added.memory.status) == (Action.ADD, Status.ARCHIVED)
    assert (added.memory.valid_from, added.memory.valid_to) == (10, 20)
    assert (moved.action, moved.memory.supersedes) == (Action.SUPERSEDE, (added.memory.id,))
    assert known.current() == ["I live in Rome."]


def test_a_state_returned_to_is_current_again():
    known = Known()
    for place, time in (("Oslo", 10), ("Rome", 20), ("Oslo", 30)):
        known.learn(home(place, time))
    oslo, rome = known.by_text("I live in Oslo."), known.by_text("I live in Rome.")
    assert known.current() == ["I live in Oslo."]
    assert (oslo.superseded_by, oslo.valid_from, oslo.valid_to) == ("", 30, None)
    assert (rome.superseded_by, rome.valid_from, rome.valid_to) == (oslo.id, 20, 30)


def test_of_two_statements_at_one_moment_the_one_said_last_holds():
    known = Known()
    known.learn(home("Zagreb", 10), home("Athens", 10))
    assert known.current() == ["I live in Athens."]


def test_the_newest_word_on_a_thing_holds_whatever_its_polarity():
    known = Known()
    known.learn(candidate("I love coffee", "taste:coffee", 1, kind=Kind.PREFERENCE))
    known.learn(candidate("I don't like coffee any more", "taste:coffee", 2, kind=Kind.PREFERENCE))
    known.learn(candidate("I love tea", "taste:tea", 3, kind=Kind.PREFERENCE))
    assert known.current() == ["I don't like coffee any more", "I love tea"]


def test_two_tastes_of_one_thing_stand_side_by_side_until_it_is_disliked():
    known = Known()
    smell, milk = "I love coffee and the smell of it.", "I love coffee, with milk."
    known.learn(candidate(smell, "taste:coffee", 1), candidate(milk, "taste:coffee", 2))
    assert known.current() == [smell, milk]
    known.learn(candidate("I hate coffee.", "taste:coffee", 3))
    assert known.current() == ["I hate coffee."]
    assert known.by_text(smell).valid_to == known.by_text(milk).valid_to == 3


def test_a_denial_ends_what_it_speaks_of_and_is_remembered_itself():
    known = Known()
    known.learn(home("Oslo", 10))
    known.learn(candidate("I no longer live in Oslo.", "home.place", 20))
    assert known.current() == ["I no longer live in Oslo."]
    assert known.by_text("I live in Oslo.").valid_to == 20


@pytest.mark.parametrize(
    "denial",
    ["I no longer live in Oslo.", "I don't live in Oslo anymore.", "We do not live in Oslo."],
)
def test_a_denial_says_nothing_against_another_state(denial):
    known = Known()
    known.learn(home("Rome", 10))
    known.learn(candidate(denial, "home.place", 20))
    assert known.current() == ["I live in Rome.", denial]


def test_events_never_supersede_one_another():
    known = Known()
    known.learn(candidate("I went to Rome in May.", "event:2025-05-01:i went to rome in may", 10))
    known.learn(candidate("I went to Oslo in May.", "event:2025-05-01:i went to oslo in may", 20))
    assert known.current() == ["I went to Rome in May.", "I went to Oslo in May."]


def test_the_assistants_view_never_ends_the_users_word():
    known = Known()
    known.learn(home("Oslo", 10))
    known.learn(home("Rome", 20, speaker=Speaker.ASSISTANT))
    assert "I live in Oslo." in known.current()
    known.learn(home("Paris", 30))
    assert known.current() == ["I live in Paris."]


def test_what_the_user_confirms_is_the_users_word():
    known = Known()
    known.learn(home("Oslo", 10, speaker=Speaker.ASSISTANT))
    known.learn(home("Oslo", 20))
    assert known.by_text("I live in Oslo.").speaker is Speaker.USER


def test_confidence_grows_with_each_telling_and_never_falls():
    known = Known()
    grown = [known.learn(home("Oslo", n))[0].memory.confidence for n in range(1, 6)]
    assert grown == sorted(set(grown))
    assert all(value <= 1 for value in grown)
    certain = Known()
    certain.learn(home("Oslo", 1, confidence=1.0))
    assert certain.learn(home("Oslo", 2, confidence=0.5))[0].memory.confidence == 1.0


def test_of_many_tellings_the_first_and_the_latest_are_kept():
    known = Known()
    for time in range(20):
        known.learn(home("Oslo", time))
    (memory,) = known.memories.values()
    assert [source.time for source in memory.sources] == [0, *range(13, 20)]
    assert known.learn(home("Oslo", 5)) == []


def test_what_someone_removed_stays_so_until_it_is_said_anew():
    for status in (Status.DELETED, Status.ARCHIVED):
        known = Known()
        (added,) = known.learn(home("Oslo", 10), now=50)
        known.memories[added.memory.id] = replace(added.memory, status=status)
        assert known.learn(home("Oslo", 10), now=60) == []
        assert known.learn(home("Oslo", 20), now=70) == []
        known.learn(home("Rome", 30), now=80)
        assert known.current() == ["I live in Rome."]
        assert known.by_text("I live in Rome.").supersedes == ()
        known.learn(home("Oslo", 90), now=100)
        assert known.current() == ["I live in Oslo."]


def test_the_slots_are_the_candidates_attributes():
    assert slots([home("Oslo", 1), home("Rome", 2), candidate("x", "age", 3)]) == {
        "home.place",
        "age",
    }
    assert slots([]) == frozenset()


def test_no_memory_of_another_scope_is_touched():
    stranger = Known(Scope("project", "stranger"))
    stranger.learn(home("Oslo", 10))
    with pytest.raises(ValueError, match="another scope"):
        reconcile(
            [home("Rome", 20)],
            stranger.memories.values(),
            scope=SCOPE,
            labels=NOBODY,
            now=1,
        )


def test_a_candidate_without_a_slot_is_refused():
    with pytest.raises(ValueError, match="slot"):
        Known().learn(candidate("I live in Oslo.", "", 1))


def test_memories_of_other_slots_are_left_alone():
    known = Known()
    known.learn(candidate("I'm 41.", "age", 1))
    everything = list(known.memories.values())
    operations = reconcile([home("Oslo", 2)], everything, scope=SCOPE, labels=NOBODY, now=3)
    assert [operation.memory.attribute for operation in operations] == ["home.place"]


STATEMENTS = [
    ("I live in Oslo.", "home.place"),
    ("i live in oslo", "home.place"),
    ("I live in Rome.", "home.place"),
    ("I no longer live in Oslo.", "home.place"),
    ("I don't live anywhere anymore.", "home.place"),
    ("I'm 41.", "age"),
    ("I'm 42.", "age"),
    ("I love coffee.", "taste:coffee"),
    ("I don't like coffee any more.", "taste:coffee"),
    ("I love coffee and the smell of it.", "taste:coffee"),
    ("I love coffee, with milk.", "taste:coffee"),
    ("I love coffee, without milk.", "taste:coffee"),
    ("I went to Rome in May.", "event:2025-05-01:i went to rome in may"),
]
unhurried = settings(deadline=None)
turns = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.lists(
            st.tuples(
                st.sampled_from(STATEMENTS),
                st.sampled_from([Speaker.USER, Speaker.USER, Speaker.ASSISTANT]),
                st.sampled_from([0.5, 0.8, 1.0]),
            ),
            min_size=1,
            max_size=4,
        ),
    ),
    max_size=14,
)


def as_turns(drawn) -> list[list[Candidate]]:
    return [
        [
            candidate(text, slot, time, turn=f"turn-{n}", speaker=speaker, confidence=confidence)
            for (text, slot), speaker, confidence in statements
        ]
        for n, (time, statements) in enumerate(drawn)
    ]


@unhurried
@given(turns, st.randoms(use_true_random=False))
def test_the_order_of_the_jobs_does_not_matter(drawn, shuffler: random.Random):
    told = as_turns(drawn)
    straight, shuffled = Known(), Known()
    for now, turn in enumerate(told):
        straight.learn(*turn, now=now)
    shuffler.shuffle(told)
    for now, turn in enumerate(told):
        shuffled.learn(*turn, now=now)
    assert straight.content() == shuffled.content()


@unhurried
@given(turns)
def test_learning_a_turn_again_changes_nothing(drawn):
    known = Known()
    told = as_turns(drawn)
    for turn in told:
        known.learn(*turn)
    for turn in told:
        assert known.learn(*turn, now=9_999) == []


@unhurried
@given(turns)
def test_a_history_is_whole(drawn):
    """What is superseded is archived, names what followed it, and that names it back."""
    known = Known()
    for turn in as_turns(drawn):
        known.learn(*turn)
    for memory in known.memories.values():
        assert memory.scope == SCOPE
        assert len(memory.sources) <= 8
        assert memory.time == max(source.time for source in memory.sources)
        assert memory.valid_from is not None
        if memory.superseded_by:
            follower = known.memories[memory.superseded_by]
            assert memory.status is Status.ARCHIVED
            assert memory.id in follower.supersedes
            assert follower.attribute == memory.attribute
            assert follower.time >= memory.time
            assert memory.valid_to == follower.valid_from
        else:
            assert (memory.status, memory.valid_to) == (Status.ACTIVATED, None)
        for earlier in memory.supersedes:
            assert known.memories[earlier].superseded_by == memory.id


def settle(known: Known, decisions, slots_concerned: set[str]) -> None:
    """Decisions made, and the slots' histories put in order, as `Changer` does it."""
    for key, decide in decisions.items():
        known.memories[key] = decide(known.memories[key])
    for slot in slots_concerned - {""}:
        known.memories |= history([m for m in known.memories.values() if m.attribute == slot])


def decide(known: Known, choice: int, what: str, now: int) -> str:
    """One change by hand of some memory that is there; its id, or "" if nothing was done."""
    there = sorted((m for m in known.memories.values() if m.text), key=lambda m: m.id)
    if not there:
        return ""
    memory = there[choice % len(there)]
    slot = {m.id: m for m in known.memories.values() if m.attribute == memory.attribute}
    at = max(moment(m, now) for m in slot.values())
    concerned = {memory.attribute}
    if what == "undo":
        taken = takes_back(memory, slot, at=at)
        if taken is None:
            return ""
        concerned |= {m.revisions[-1].attribute for m in slot.values() if m.revisions}
        settle(known, taken.decisions, concerned)
        return memory.id
    if what == "delete":
        ended = {m.id for m in slot.values() if m.superseded_by == memory.id}
        decisions = {memory.id: lambda m: emptied(m, at=at)}
        if memory.superseded_by not in slot:
            decisions |= dict.fromkeys(ended, lambda m: out(m, Status.ARCHIVED))
        settle(known, decisions, concerned)
        return memory.id
    change = {
        "edit": Change(text="I live in Bern."),
        "move": Change(text="I'm tall.", attribute="said:i am tall"),
        "archive": Change(status=Status.ARCHIVED),
        "take out": Change(status=Status.DELETED),
        "activate": Change(status=Status.ACTIVATED),
    }[what]
    concerned |= {change.attribute or memory.attribute}
    settle(known, {memory.id: lambda m: changed(m, change, at=at, by="edited")}, concerned)
    return memory.id


BY_HAND = ["edit", "move", "archive", "take out", "activate", "delete", "undo", "undo"]
by_hand = st.lists(st.tuples(st.integers(0, 20), st.sampled_from(BY_HAND)), min_size=1, max_size=4)


class KnownByHand(Known):
    """As the learner looks it up: with what was moved away or deleted for good."""

    def learn(self, *candidates: Candidate, now: int = 1_000, labels: Labels = NOBODY):
        wanted = {identity(each, self.scope) for each in candidates}
        ids: set[str] = set()
        while wanted:
            ids |= wanted
            there = [self.memories[each] for each in wanted if each in self.memories]
            wanted = {follow_up(m) for m in there if given_up(m)}
        known = [
            m for m in self.memories.values() if m.attribute in slots(candidates) or m.id in ids
        ]
        operations = reconcile(candidates, known, scope=self.scope, labels=labels, now=now)
        self.memories |= {operation.memory.id: operation.memory for operation in operations}
        return operations

    def told(self) -> dict[str, tuple[str, Status | None, int]]:
        """What was decided of each. Other words of what is history leave it to its history."""
        return {
            key: (m.text, m.status if m.decided or retired(m) else None, len(m.revisions))
            for key, m in self.memories.items()
        }


@unhurried
@given(turns, by_hand, turns, st.randoms(use_true_random=False))
def test_what_was_decided_by_hand_holds_against_all_that_was_said_before(
    before, decisions, late, shuffler: random.Random
):
    known = KnownByHand()
    learned = as_turns(before)
    for turn in learned:
        known.learn(*turn)
    touched = {decide(known, choice, what, 5_000) for choice, what in decisions}
    decided = {key: told for key, told in known.told().items() if key in touched and told[2]} | {
        key: known.told()[key] for key in touched if key and not known.memories[key].text
    }
    jobs = [*learned, *as_turns(late), *learned]
    shuffler.shuffle(jobs)
    for now, turn in enumerate(jobs, 6_000):
        known.learn(*turn, now=now)
    after = known.told()
    assert {key: after[key] for key in decided} == decided


@unhurried
@given(turns, by_hand, turns, turns, st.randoms(use_true_random=False))
def test_the_order_of_the_jobs_does_not_matter_after_a_change_by_hand(
    before, decisions, late, since, shuffler: random.Random
):
    jobs = [*as_turns(late)]
    said_since = [
        [replace(c, source=replace(c.source, time=c.source.time + 9_000, turn=f"since-{n}"))]
        for n, turn in enumerate(as_turns(since))
        for c in turn
    ]
    jobs += said_since
    straight, shuffled = KnownByHand(), KnownByHand()
    for known in (straight, shuffled):
        for turn in as_turns(before):
            known.learn(*turn)
        for choice, what in decisions:
            decide(known, choice, what, 5_000)
    for now, turn in enumerate(jobs, 20_000):
        straight.learn(*turn, now=now)
    shuffler.shuffle(jobs)
    for now, turn in enumerate(jobs, 20_000):
        shuffled.learn(*turn, now=now)
    assert straight.content() == shuffled.content()
    for turn in jobs:
        assert shuffled.learn(*turn, now=99_999) == []


def test_what_is_said_after_a_change_by_hand_counts_again():
    known = KnownByHand()
    (added,) = known.learn(home("Oslo", 10))
    assert decide(known, 0, "edit", 100) == added.memory.id
    assert known.current() == ["I live in Bern."]
    known.learn(home("Oslo", 50))
    assert known.current() == ["I live in Bern."]
    known.learn(home("Oslo", 200))
    assert known.current() == ["I live in Oslo."]
    bern = known.by_text("I live in Bern.")
    assert bern.superseded_by == follow_up(added.memory)
    assert [revision.text for revision in bern.revisions] == ["I live in Oslo."]


def test_what_is_said_anew_of_what_was_taken_out_counts_whatever_else_has_changed_since():
    known = KnownByHand()
    for number, place in enumerate(("Oslo", "Rome", "Bern"), 1):
        known.learn(home(place, 10 * number))
    bern = known.by_text("I live in Bern.")
    decide(known, sorted(known.memories).index(bern.id), "delete", 5_000)
    assert known.current() == []
    known.learn(home("Oslo", 9_000), now=20_000)  # Rome has not ended it any more
    known.learn(home("Rome", 9_001), now=20_001)
    assert known.current() == ["I live in Rome."]


def test_a_superseding_is_undone_and_the_undoing_too():
    known = KnownByHand()
    known.learn(home("Oslo", 10))
    known.learn(home("Rome", 20))
    rome = known.by_text("I live in Rome.")
    undo_of = sorted(known.memories).index(rome.id)
    decide(known, undo_of, "undo", 100)
    assert known.current() == ["I live in Oslo."]
    known.learn(home("Rome", 20))
    assert known.current() == ["I live in Oslo."]
    decide(known, undo_of, "undo", 200)
    assert known.current() == ["I live in Rome."]
    assert known.by_text("I live in Oslo.").superseded_by == rome.id
    decide(known, undo_of, "undo", 300)
    assert known.current() == ["I live in Oslo."]
