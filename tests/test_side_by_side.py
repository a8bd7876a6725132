"""What two statements about one thing say, and whether both of them hold."""

import pytest

from gateway.memory.essence import essence, fullness, thing
from gateway.memory.model import Candidate, Kind, Labels, Memory, Scope, Source
from gateway.memory.reconciliation import reconcile
from gateway.memory.side_by_side import side_by_side
from gateway.memory.wording import object_key


def memory(text: str, attribute: str) -> Memory:
    said = Candidate(
        kind=Kind.PREFERENCE,
        text=text,
        source=Source(role="user", content=text, time=1, conversation="c", turn="t"),
        attribute=attribute,
    )
    [added] = reconcile([said], [], scope=Scope("p", "ann"), labels=Labels(), now=1)
    return added.memory


@pytest.mark.parametrize(
    ("attribute", "one", "other"),
    [
        ("taste:high heel", "I hate high heels and prefer flats", "I hate high heels, they hurt"),
        ("taste:seafood", "I avoid seafood and raw fish", "I can't stand seafood or its smell"),
        ("allergy:cat", "I'm allergic to cats but love pets", "I'm allergic to cats and rabbits"),
        ("diet", "I follow a vegan diet and eat no honey", "I'm vegan and cook every day"),
    ],
)
def test_what_says_different_things_alike_holds_together(attribute, one, other):
    assert side_by_side(memory(one, attribute), memory(other, attribute))
    assert side_by_side(memory(other, attribute), memory(one, attribute))


@pytest.mark.parametrize(
    ("attribute", "one", "other"),
    [
        ("taste:coffee", "I love coffee and cake", "I hate coffee and its smell"),
        ("taste:coffee", "I can't live without coffee or cake", "I hate coffee and its smell"),
        ("taste:coffee", "I don't mind coffee and cake", "I can't stand coffee or its smell"),
        ("taste:coffee", "I like coffee, with milk", "I like coffee, without milk"),
        ("taste:coffee", "I like coffee, 2 cups a day", "I like coffee, 3 cups a day"),
        ("taste:coffee", "I like coffee and tea", "I would like coffee and cake"),
        ("taste:coffee", "I love coffee", "I adore coffee"),
        ("taste:咖啡", "我喜欢咖啡", "我讨厌咖啡"),
        ("taste:kaffee", "Ich liebe Kaffee und Kuchen", "Ich hasse Kaffee und Tee"),
        ("allergy:peanut", "I'm allergic to peanuts and soy", "I'm not allergic to peanuts"),
        ("diet", "I'm vegan and eat no honey", "I'm vegetarian and eat eggs"),
        ("diet", "I'm vegan and eat no honey", "I'm no longer vegan"),
        ("favourite:color", "My favourite color is green", "My favourite color is blue"),
        ("home.place", "I live in Oslo and love it", "I live in Rome and love it"),
    ],
)
def test_of_what_clashes_or_may_clash_the_later_holds_alone(attribute, one, other):
    assert not side_by_side(memory(one, attribute), memory(other, attribute))
    assert not side_by_side(memory(other, attribute), memory(one, attribute))


@pytest.mark.parametrize(
    ("text", "against", "spoken_of"),
    [
        ("I love heights", False, {"height"}),
        ("I have a strong aversion to heights", True, {"height"}),
        ("I'm not comfortable with heights", True, {"height"}),
        ("I stay away from heights for safety reasons", True, {"height"}),
        ("I have no fear of heights", False, {"height"}),
        ("I have a severe nut allergy", True, {"nut"}),
        ("I don't mind heights", False, {"height"}),
        ("I have no problem with heights", False, {"height"}),
        ("I can't live without coffee", False, {"coffee"}),
        ("I really can't resist cake", False, {"cake"}),
        ("I can't stand cake", True, {"cake"}),
        ("Heights scare me", None, {"height", "scare"}),
        ("I do not like heels and prefer flats", True, {"heel", "flat"}),
        ("I only eat plants and avoid meat", False, {"plant", "meat"}),
    ],
)
def test_the_words_before_the_thing_say_how_one_stands_to_it(text, against, spoken_of):
    found = essence(text)
    assert (found.against, set(found.spoken_of)) == (against, spoken_of)


def test_a_statement_that_gives_its_reason_says_more_of_the_same():
    plain, reasoned = "I dislike convertibles.", "I dislike convertibles, because of the rain."
    assert essence(plain) == essence(reasoned)
    assert fullness(reasoned) > fullness(plain)


def test_a_slot_is_the_same_whichever_of_two_things_is_named_first():
    films = "any animated films or TV shows that are dubbed", "animated TV shows and films dubbed"
    assert len({object_key(phrase) for phrase in films}) == 1
    assert object_key("tea with milk") != object_key("tea with sugar")


def test_the_thing_is_what_is_spoken_of_in_its_own_words():
    assert thing("I strongly dislike raw seafood, because it smells.") == "raw seafood"
    assert thing("I always do.") == "I always do."
