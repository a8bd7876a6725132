"""What a turn states is found by what it is about, and keeps to what was said."""

import pytest

from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.memory.indexing import index_text, indexed
from gateway.memory.learning import Learner, learnable
from gateway.memory.model import Ending, Kind, Message, Scope, Turn, identifier
from gateway.memory.ports import Search, Selection

pytestmark = pytest.mark.anyio

ANN = Scope("p", "ann")
STATEMENTS = Selection(kinds=frozenset({Kind.FACT, Kind.PREFERENCE}))


def turn(*said: tuple[str, str], ending: Ending = Ending.COMPLETE) -> Turn:
    return Turn(
        id=identifier("turn", str(said)),
        scope=ANN,
        conversation="c",
        messages=tuple(Message(role=role, content=text, time=1000) for role, text in said),
        created=1000,
        ending=ending,
    )


async def learned(*turns: Turn) -> FakeStore:
    store = FakeStore()
    learner = Learner(store=store, outbox=store, embedder=FakeEmbedder())
    for each in turns:
        await learner.record(each)
        await learner.learn(each.id)
    return store


async def test_a_statement_is_found_by_the_words_of_its_slot():
    store = await learned(turn(("user", "I'm vegetarian.")), turn(("user", "I live in Lisbon.")))
    query = Search(selection=STATEMENTS, words="diet", vector=None, limit=5)
    [hit] = [hit for hit in await store.search(ANN, query) if hit.lexical]
    assert hit.memory.text == "I'm vegetarian."
    assert index_text(hit.memory) == "diet: I'm vegetarian."


async def test_a_statement_without_a_slot_is_found_by_itself_alone():
    store = await learned(turn(("user", "Remember that the gate squeaks at dawn.")))
    [memory] = (await store.list_memories(ANN, STATEMENTS, limit=5))[0]
    assert index_text(memory) == memory.text


async def test_a_preference_is_nearer_to_its_thing_than_its_sentence_alone_is():
    embedder = FakeEmbedder()
    said = "I have a strong aversion to seafood, since it smells of harbours."
    store = await learned(turn(("user", said)))
    [memory] = (await store.list_memories(ANN, STATEMENTS, limit=5))[0]
    [entry] = await indexed([memory], embedder)
    sentence, asked = await embedder.embed_documents([entry.words, "any seafood restaurants"])

    def nearness(vector):
        return sum(a * b for a, b in zip(vector, asked, strict=True))

    assert entry.vector is not None
    assert nearness(entry.vector) > nearness(sentence) > 0
    assert sum(each * each for each in entry.vector) == pytest.approx(1)


async def test_what_the_assistant_said_states_nothing_about_the_user():
    store = await learned(turn(("user", "Hello."), ("assistant", "I live in Lisbon.")))
    assert (await store.list_memories(ANN, STATEMENTS, limit=5))[1] == 0


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending is not Ending.COMPLETE])
def test_of_a_broken_answer_nothing_is_learned(ending):
    said = [("user", "Where was I?"), ("assistant", "In Lis")]
    assert [m.text for m in learnable(turn(*said, ending=ending)).messages] == ["Where was I?"]
    assert len(learnable(turn(*said)).messages) == 2
