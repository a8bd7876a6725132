"""What is no longer so is recalled for a question about the past, and for no other."""

from dataclasses import replace

import pytest

from gateway.adapters.edge import EdgeStore
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.memory.learning import Learner
from gateway.memory.model import Indexed, Kind, Message, Scope, Status, Turn, identifier
from gateway.memory.ports import Selection
from gateway.memory.prompt import block
from gateway.memory.recall import Recaller, RecallOptions
from gateway.memory.telling import asks_of_the_past

pytestmark = pytest.mark.anyio

ANN = Scope("p", "ann")
FACTS = frozenset({Kind.FACT})
MONTH = 30 * 86_400_000


async def moved(store):
    """Ann lived in Rome, then in Lisbon."""
    embedder = FakeEmbedder()
    learner = Learner(store=store, outbox=store, embedder=embedder)
    for number, text in enumerate(("I live in Rome.", "I live in Lisbon."), start=1):
        turn = Turn(
            id=identifier("turn", text),
            scope=ANN,
            conversation=f"c{number}",
            messages=(Message(role="user", content=text, time=number * MONTH),),
            created=number * MONTH,
        )
        await learner.record(turn)
        await learner.learn(turn.id)
    return Recaller(store, embedder)


async def recalled(recaller, question):
    options = RecallOptions(kinds=FACTS, limit=10, floor=0.0)
    found = await recaller.search(ANN, question, options)
    return [each.memory for each in sorted(found.ranked, key=lambda each: each.memory.time)]


@pytest.fixture(params=["fake", "edge"])
def store(request, tmp_path):
    if request.param == "fake":
        yield FakeStore()
        return
    opened = EdgeStore.open(tmp_path, model="fake", dimension=FakeEmbedder().dimension)
    yield opened
    opened.close()


async def test_a_superseded_value_is_found_only_by_who_asks_about_the_past(store):
    recaller = await moved(store)
    now = await recalled(recaller, "Where do I live?")
    assert [memory.text for memory in now] == ["I live in Lisbon."]
    ever = await recalled(recaller, "Where did I live before?")
    assert [memory.text for memory in ever] == ["I live in Rome.", "I live in Lisbon."]


async def test_the_model_is_told_until_when_it_was_so():
    ever = await recalled(await moved(FakeStore()), "Where did I live before?")
    lines = block(ever).splitlines()
    assert "- [1970-01-31] user: I live in Rome. (until 1970-03-02)" in lines
    assert "- [1970-03-02] user: I live in Lisbon." in lines


async def test_what_somebody_archived_is_not_found_by_asking_about_the_past():
    store = FakeStore()
    recaller = await moved(store)
    [lisbon], _ = await store.list_memories(ANN, Selection(kinds=FACTS), limit=5)
    archived = replace(lisbon, status=Status.ARCHIVED)
    await store.put_memories(ANN, [Indexed(memory=archived, words=lisbon.text)])
    ever = await recalled(recaller, "Where did I live before?")
    assert [memory.text for memory in ever] == ["I live in Rome."]


@pytest.mark.parametrize(
    "question",
    [
        "Where did I live before?",
        "What did I use to like that I used to cook?",
        "What was my previous job?",
        "Where was I living before I moved?",
        "What did I play back then?",
    ],
)
def test_a_question_may_be_about_the_past(question):
    assert asks_of_the_past(question)


@pytest.mark.parametrize(
    "question",
    ["Where do I live?", "What should I eat before a run?", "When did I move to Lisbon?"],
)
def test_most_questions_are_about_what_is_so(question):
    assert not asks_of_the_past(question)
