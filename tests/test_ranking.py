"""Which of the memories found are shown, and in which order."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.memory.model import Hit, Kind, Memory, Scope, Source, Speaker
from gateway.memory.ranking import Ranked, fitted, rank

DAY = 86_400_000


def at(year, month, day):
    return int(datetime(year, month, day, 12, tzinfo=UTC).timestamp() * 1000)


NOW = at(2026, 3, 18)


def memory(
    text,
    *,
    kind=Kind.EPISODE,
    speaker=Speaker.USER,
    said=NOW,
    conversation="",
    name="",
    source="",
    turn="t",
    position=0,
):
    return Memory(
        id=f"{text}@{said}",
        scope=Scope("shop", "ann"),
        kind=kind,
        text=text,
        speaker=speaker,
        conversation=conversation,
        time=said,
        created=said,
        updated=said,
        position=position,
        sources=(
            Source(
                role=str(speaker),
                content=source or text,
                time=said,
                conversation=conversation,
                turn=turn,
                name=name,
            ),
        ),
    )


def hit(text, dense=0.5, lexical=None, **kwargs):
    return Hit(memory=memory(text, **kwargs), dense=dense, lexical=lexical)


def ranked(hits, question="Which dog do I have?", *, limit=10, floor=0.0, **kwargs):
    return rank(hits, question, limit=limit, floor=floor, now=NOW, **kwargs)


def texts(*args, **kwargs):
    return [each.memory.text for each in ranked(*args, **kwargs)]


def test_what_both_arms_find_comes_before_what_one_finds():
    hits = [hit("meaning", 0.6), hit("words", 0.3, 5.0), hit("both", 0.6, 5.0)]
    assert texts(hits)[0] == "both"


def test_the_order_does_not_depend_on_the_order_of_the_hits():
    hits = [hit("one"), hit("two"), hit("three", 0.4, 3.0)]
    assert texts(hits) == texts(hits[::-1])


def test_of_equals_the_later_said_comes_first():
    assert texts([hit("old", said=NOW - DAY), hit("new", said=NOW)]) == ["new", "old"]


def test_nothing_below_the_floor_is_shown():
    hits = [hit("near", 0.6), hit("far", 0.1)]
    assert texts(hits, floor=0.45) == ["near"]
    assert texts(hits, floor=0.0) == ["near", "far"]


def test_a_word_that_a_short_question_shares_by_chance_is_no_relevance():
    assert texts([hit("Is it ok?", 0.1, 6.5)], "ok", floor=0.45) == []


def test_a_long_paste_shares_words_with_everything_and_that_is_no_relevance():
    paste = " ".join(f"word{i}" for i in range(200))
    chance = [hit("something", 0.1, 20.0)]
    assert texts(chance, paste, floor=0.45) == []
    assert texts(chance, "a rare word", floor=0.45) == ["something"]


def test_a_memory_without_a_vector_yet_is_found_by_its_words():
    assert texts([hit("just said", None, 4.0)], floor=0.45) == ["just said"]


def test_a_preference_may_be_further_from_the_question_than_what_was_said():
    away = [hit("said", 0.29), hit("preferred", 0.29, kind=Kind.PREFERENCE)]
    assert texts(away, floor=0.45) == ["preferred"]


def test_words_count_for_more_where_people_are_named():
    alike = {"dense": 0.4, "lexical": 6.0, "speaker": Speaker.ASSISTANT}
    assert texts([hit("bare", **alike), hit("named", **alike, name="Bob")]) == ["named", "bare"]


def test_the_users_own_words_come_before_the_assistants():
    hits = [hit("view", 0.52, speaker=Speaker.ASSISTANT), hit("word", 0.5)]
    assert texts(hits) == ["word", "view"]


def test_among_named_people_nobodys_words_come_first():
    hits = [hit("theirs", 0.52, speaker=Speaker.ASSISTANT, name="Bob"), hit("own", 0.5, name="Ann")]
    assert texts(hits) == ["theirs", "own"]


def test_what_the_assistant_said_is_not_behind_when_it_is_asked_for():
    hits = [hit("view", 0.52, speaker=Speaker.ASSISTANT), hit("word", 0.5)]
    assert texts(hits, "Which hotel did you recommend to me?") == ["view", "word"]


def test_to_who_asks_about_themselves_their_own_words_are_nearer():
    hits = [hit("word", 0.35), hit("view", 0.35, speaker=Speaker.ASSISTANT)]
    assert texts(hits, "Which dog do I have?", floor=0.45) == ["word"]
    assert texts(hits, "Which dog is the smallest?", floor=0.45) == []


def test_a_name_that_is_only_a_role_is_nobodys():
    hits = [
        hit("theirs", 0.52, speaker=Speaker.ASSISTANT, name="Assistant"),
        hit("own", 0.5, name="user"),
    ]
    assert texts(hits) == ["own", "theirs"]


def test_among_people_what_answers_a_question_that_is_to_the_point_comes_with_it():
    asked = hit("Where did you meet Rex?", 0.7, name="Ann", turn="a", position=3)
    answer = hit("At the shelter.", 0.3, name="Bob", turn="a", position=4)
    elsewhere = hit("At the station.", 0.4, name="Bob", turn="b", position=4)
    assert texts([asked, answer, elsewhere])[1:] == ["At the shelter.", "At the station."]


def test_an_assistants_answer_does_not_come_with_the_users_question():
    asked = hit("Where do beagles come from?", 0.9, turn="a", position=0)
    answer = hit("England.", 0.3, speaker=Speaker.ASSISTANT, turn="a", position=1)
    told = hit("A beagle.", 0.31, speaker=Speaker.ASSISTANT, turn="b", position=1)
    assert texts([asked, answer, told])[-1] == "England."


def test_among_people_a_question_comes_after_an_equal_statement():
    hits = [hit("Do you like him?", 0.55, name="Ann"), hit("I do like him.", 0.5, name="Ann")]
    assert texts(hits) == ["I do like him.", "Do you like him?"]


def test_among_people_what_says_much_comes_before_what_says_little():
    much = "We adopted a young beagle from that shelter behind the station, together with blankets."
    assert texts([hit("Wow, Rex!", 0.52, name="Ann"), hit(much, 0.5, name="Ann")])[0] == much


def test_among_people_who_asks_when_is_told_a_time_first():
    hits = [hit("We got him.", 0.55, name="Ann"), hit("Got him yesterday.", 0.5, name="Ann")]
    assert texts(hits, "When did Ann get a dog?")[0] == "Got him yesterday."
    assert texts(hits, "Where did Ann get a dog?")[0] == "We got him."


def test_of_a_long_message_one_piece_comes_in_its_turn_and_the_rest_last():
    pieces = [hit(f"part {name}", 0.7, source="all of it") for name in ("one", "two")]
    assert texts([*pieces, hit("something else", 0.5)]) == [
        "part one",
        "something else",
        "part two",
    ]


def test_a_conversation_that_holds_a_good_hit_lifts_its_others():
    hits = [
        hit("best", 0.9, conversation="c1"),
        hit("beside it", 0.4, conversation="c1"),
        hit("elsewhere", 0.45, conversation="c2"),
        hit("nowhere", 0.44),
    ]
    assert texts(hits) == ["best", "beside it", "elsewhere", "nowhere"]


def test_the_conversation_that_asks_comes_first_among_near_equals():
    hits = [hit("other", 0.52, conversation="c1"), hit("this one", 0.5, conversation="c2")]
    assert texts(hits) == ["other", "this one"]
    assert texts(hits, conversation="c2") == ["this one", "other"]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What did I paint in May 2023?", at(2023, 5, 20)),
        ("What did I paint in May of 2023?", at(2023, 5, 20)),
        ("What did I paint in late May?", at(2021, 5, 20)),
        ("What did I paint on May 20th, 2023?", at(2023, 5, 20)),
        ("What did I paint on 20 May 2023?", at(2023, 5, 21)),
        ("What did I paint on the 20th of May?", at(2023, 5, 20)),
        ("What did I paint on 2023-05-20?", at(2023, 5, 20)),
        ("What did I paint in 2023?", at(2023, 11, 2)),
        ("What did I paint in December 2023?", at(2023, 12, 31)),
        ("What did I paint on 29 February?", at(2024, 2, 29)),
        ("What did I paint yesterday?", NOW - DAY),
        ("What did I paint three days ago?", NOW - 3 * DAY),
        ("What did I paint 2 weeks ago?", NOW - 14 * DAY),
        ("What did I paint last week?", NOW - 7 * DAY),
        ("What did I paint last month?", at(2026, 2, 10)),
        ("What did I paint three months ago?", at(2025, 12, 10)),
        ("What did I paint last year?", at(2025, 8, 1)),
    ],
)
def test_what_was_said_when_the_question_says_comes_first(question, said):
    hits = [hit("then", 0.5, said=said), hit("some day", 0.6, said=at(2022, 9, 9))]
    assert texts(hits, question) == ["then", "some day"]


@pytest.mark.parametrize(
    "question",
    [
        "What may I paint?",
        "Did they march?",
        "What did I paint on 31 February 2023?",
        "What happened 40 years ago?",
        "Is 9999-12-31 a date?",
        "Is 0000-00-00 a date?",
    ],
)
def test_a_question_that_names_no_day_of_theirs_leaves_the_order_alone(question):
    hits = [hit("then", 0.5, said=at(2023, 5, 20)), hit("some day", 0.6, said=at(2022, 9, 9))]
    assert texts(hits, question) == ["some day", "then"]


def test_a_fact_is_dated_by_what_it_tells_of():
    told = memory("a trip", kind=Kind.FACT, said=at(2023, 1, 1))
    trip = Hit(memory=replace(told, event_time=at(2023, 5, 20)), dense=0.5)
    assert texts([trip, hit("home", 0.6)], "Where was I in May 2023?") == ["a trip", "home"]


def test_the_same_thing_said_again_is_shown_once_as_said_last():
    old = hit("[2026-01-01] user: I have a beagle called Biscuit.", said=at(2026, 1, 1))
    new = hit("[2026-02-01] user: I have a beagle called Biscuit!", said=at(2026, 2, 1))
    other = hit("[2026-02-01] user: I have a beagle called Rex.", 0.4)
    assert texts([old, new, other]) == [new.memory.text, other.memory.text]


def test_a_brief_message_is_shown_for_the_statements_that_it_makes():
    whole = "We moved in March. I live in Lisbon now, and the dog likes it."
    said = hit("[2026-01-01] user: " + whole, 0.2, source=whole)
    stated = hit("I live in Lisbon now.", 0.7, source=whole, kind=Kind.FACT)
    (shown,) = ranked([said, stated], floor=0.45)
    assert shown.memory == said.memory
    assert shown.relevance == ranked([stated])[0].relevance


def test_of_the_preferences_stated_in_one_breath_one_comes_in_its_turn_and_the_rest_last():
    both = "I hate jazz and can't stand opera."
    stated = [
        hit("I hate jazz", 0.7, source=both, kind=Kind.PREFERENCE),
        hit("can't stand opera", 0.6, source=both, kind=Kind.PREFERENCE),
    ]
    other = hit("I love folk songs.", 0.5, kind=Kind.PREFERENCE)
    assert texts([*stated, other]) == ["I hate jazz", "I love folk songs.", "can't stand opera"]


def test_of_a_message_and_what_was_made_of_it_in_other_words_the_better_is_shown():
    whole = "Yes, since last May!"
    made = hit("Ann has lived in Lisbon since May 2025.", 0.6, source=whole, kind=Kind.FACT)
    for closeness, best in [(0.5, made.memory.text), (0.7, whole)]:
        assert texts([hit(whole, closeness), made]) == [best]


def test_two_statements_of_a_long_message_are_shown_without_it():
    whole = "We moved in March. I live in Lisbon now. The dog likes it. " + "And so on. " * 50
    found = [
        hit("We moved in March", 0.7, source=whole, kind=Kind.FACT),
        hit("I live in Lisbon now", 0.6, source=whole, kind=Kind.FACT),
        hit(whole, 0.5),
    ]
    assert texts(found) == ["We moved in March", "I live in Lisbon now"]


def test_what_the_prompt_holds_already_is_not_repeated():
    hits = [hit("[2026-03-18] user: I like tea.", source="I like tea."), hit("I like cake.")]
    assert texts(hits, present=["Hello.\nI like tea. And you?"]) == ["I like cake."]


def test_the_limit_is_kept():
    hits = [hit(f"memory{i}", i / 100) for i in range(50)]
    assert texts(hits, limit=2) == ["memory49", "memory48"]
    assert texts(hits, limit=0) == []


def test_what_overruns_the_budget_gives_way_to_what_fits():
    hits = [hit("a" * 40, 0.9), hit("b" * 400, 0.8), hit("c" * 36, 0.7), hit("d" * 40, 0.6)]
    assert texts(hits, token_budget=19) == ["a" * 40, "c" * 36]
    assert texts(hits, token_budget=0) == []


def test_an_ideograph_takes_as_much_of_the_budget_as_four_letters():
    hits = [hit("我住在里斯本。", 0.9), hit("a" * 12, 0.8)]
    assert texts(hits, token_budget=7) == ["我住在里斯本。"]
    assert texts(hits, token_budget=6) == ["a" * 12]


def test_no_hits_make_no_memories():
    assert ranked([]) == []


@given(
    found=st.lists(
        st.tuples(
            st.text(min_size=1, max_size=60),
            st.none() | st.floats(-1, 1),
            st.none() | st.floats(0, 60),
            st.sampled_from(Kind),
            st.integers(-(10**14), 10**14),
        ),
        max_size=30,
    ),
    question=st.text(max_size=80),
    limit=st.integers(0, 12),
    floor=st.floats(0, 1),
    budget=st.none() | st.integers(0, 100),
)
def test_whatever_was_found_the_bounds_hold(found, question, limit, floor, budget):
    hits = [
        hit(text, dense, lexical, kind=kind, said=said)
        for text, dense, lexical, kind, said in found
    ]
    shown = ranked(hits, question, limit=limit, floor=floor, token_budget=budget)
    assert len(shown) <= limit
    assert all(floor <= each.relevance <= 1 for each in shown)
    assert len({each.memory.id for each in shown}) == len(shown)
    if budget is not None:
        assert sum(len(each.memory.text) for each in shown) <= 4 * budget


def test_ranking_two_hundred_hits_takes_about_a_millisecond():
    hits = [
        hit(f"{i} " + " ".join(f"w{i * j}" for j in range(30)), i / 250, i / 10) for i in range(200)
    ]
    seconds = []
    for _ in range(20):
        begun = time.thread_time()
        ranked(hits, "What did I paint in May?", limit=25)
        seconds.append(time.thread_time() - begun)
    assert min(seconds) < 0.005


def test_a_question_asked_before_does_not_find_itself_but_what_answers_it():
    asked = hit("Which dog do I have?", dense=1.0, lexical=12.0)
    told = hit("My dog is called Bruno.", dense=0.5, lexical=3.0)
    assert texts([asked, told], floor=0.45) == ["My dog is called Bruno."]
    assert texts([asked, told]) == ["My dog is called Bruno.", "Which dog do I have?"]


@pytest.mark.parametrize(
    "said",
    [
        "I have a dog. Which one is it?",
        "I'm getting a dog, what do I feed it?",
        "Can you name my 3 dogs?",
    ],
)
def test_a_question_that_tells_something_counts_in_full(said):
    assert len(ranked([hit(said, dense=0.9)], floor=0.45)) == 1


def test_a_question_among_people_counts_in_full():
    friend = hit("Which dog do I have?", dense=0.9, name="Caroline")
    assert len(ranked([friend], floor=0.45)) == 1


def from_file(number, dense=0.9):
    return hit(f"chunk {number} of it", dense, kind=Kind.DOCUMENT, speaker=Speaker.DOCUMENT)


def test_at_most_half_comes_from_files_where_something_else_is_relevant():
    files = [from_file(n) for n in range(9)]
    said = [hit(f"said {n} {n}", 0.5) for n in range(9)]
    for limit, most in ((10, 5), (5, 2), (2, 1), (1, 1)):
        shown = ranked([*files, *said], limit=limit)
        kinds = [each.memory.kind for each in shown]
        assert (len(shown), kinds.count(Kind.DOCUMENT)) == (limit, most)
    one = ranked([*files, *said[:1]], limit=6)
    assert [each.memory.kind for each in one] == [*[Kind.DOCUMENT] * 3, Kind.EPISODE]


def test_where_nothing_else_is_relevant_all_may_come_from_files():
    files = [from_file(n) for n in range(9)]
    assert len(ranked(files, limit=6)) == 6
    assert len(ranked([*files, hit("far off", 0.0)], limit=6, floor=0.45)) == 6


def test_the_share_of_files_holds_for_what_a_reranker_put_in_order():
    pool = [Ranked(memory=from_file(n).memory, relevance=0.9) for n in range(9)]
    pool += [Ranked(memory=hit(f"said {n} {n}").memory, relevance=0.5) for n in range(9)]
    kinds = [e.memory.kind for e in fitted(pool, limit=6, token_budget=None)]
    assert kinds == [*[Kind.DOCUMENT] * 3, *[Kind.EPISODE] * 3]
