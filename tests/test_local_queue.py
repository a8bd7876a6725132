"""A recorded turn is learned at least once, and learning it twice equals learning it once."""

import asyncio

import pytest

from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.adapters.local_queue import LocalQueue
from gateway.errors import EmbeddingError
from gateway.memory import documents
from gateway.memory.documents import CHUNKS, Chunk
from gateway.memory.known import KEPT, STATED
from gateway.memory.learning import Learner
from gateway.memory.model import Kind, Message, Scope, Turn, TurnState, identifier, knowledge_base
from gateway.memory.ports import Selection
from gateway.metrics import Metrics

pytestmark = pytest.mark.anyio

ANN = Scope("p", "ann")
EVERYTHING = Selection(kinds=frozenset(Kind), statuses=KEPT)


def turn(text: str, *, number: int = 0, answer: str = "Noted.") -> Turn:
    said = [("user", text), ("assistant", answer)]
    return Turn(
        id=identifier("turn", text, str(number)),
        scope=ANN,
        conversation="c",
        messages=tuple(Message(role=r, content=c, time=1000 + number) for r, c in said),
        created=1000 + number,
    )


class Parts:
    """A learner over fakes, whose embedder can be made to fail."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.embedder = FakeEmbedder()
        self.metrics = Metrics()
        self.learner = Learner(store=self.store, outbox=self.store, embedder=self.embedder)

    def queue(self, **options) -> LocalQueue:
        return LocalQueue(self.learner.learn, self.store, self.metrics, **options)

    async def state(self, *turns: Turn) -> list[TurnState]:
        return [found.state for t in turns if (found := await self.store.load(t.id))]

    async def memories(self) -> dict[str, object]:
        found, _ = await self.store.list_memories(ANN, EVERYTHING, limit=100)
        return {memory.id: (memory.text, memory.status, memory.superseded_by) for memory in found}


async def drained(queue: LocalQueue) -> None:
    async with asyncio.timeout(10):
        await queue.join()


async def test_what_is_queued_is_learned():
    parts = Parts()
    turns = [turn(f"I have a cat called Tom{n}.", number=n) for n in range(5)]
    queue = parts.queue()
    await queue.start()
    for each in turns:
        await parts.learner.record(each)
        await queue.enqueue(each.id)
    await drained(queue)
    await queue.aclose()
    assert await parts.state(*turns) == [TurnState.LEARNED] * 5


async def test_what_was_said_is_learned_before_what_was_read_out_of_files():
    learned = []
    base = knowledge_base("acme", "b")
    chunks = [Chunk(f"Text {n}.") for n in range(3 * CHUNKS)]
    read = documents.turns(base, "file", chunks, name="a.txt", type_="document", now=1)

    async def learn(turn_id):
        learned.append(turn_id)
        if len(learned) == 1:
            await queue.enqueue("said")

    queue = LocalQueue(learn, FakeStore(), Metrics())
    for each in read:
        await queue.enqueue(each.id)
    await queue.start()
    await drained(queue)
    await queue.aclose()
    first, *rest = (each.id for each in read)
    assert learned == [first, "said", *rest]


async def test_a_turn_that_comes_again_while_it_fails_is_tried_again_as_one():
    under_way, go_on, failed = asyncio.Event(), asyncio.Event(), []

    async def learn(turn_id):
        under_way.set()
        await go_on.wait()
        failed.append(turn_id)
        if len(failed) < 3:
            raise EmbeddingError("busy")

    parts, said = Parts(), turn("I live in Lisbon.")
    await parts.learner.record(said)
    queue = LocalQueue(learn, parts.store, parts.metrics, backoff=0.05)
    await queue.start()
    await under_way.wait()
    await queue.enqueue(said.id)  # as the next step of a tool loop does
    go_on.set()
    await drained(queue)
    await queue.aclose()
    assert len(failed) == 3


async def test_turns_that_nobody_queued_are_found_at_the_start():
    parts = Parts()
    left = turn("I live in Lisbon.")
    await parts.learner.record(left)
    learned = asyncio.Event()

    async def learn(turn_id):
        await parts.learner.learn(turn_id)
        learned.set()

    queue = LocalQueue(learn, parts.store, parts.metrics)
    await queue.start()
    await asyncio.wait_for(learned.wait(), 5)
    await queue.aclose()
    assert await parts.state(left) == [TurnState.LEARNED]


async def test_a_failure_is_tried_again_and_then_parked_with_its_reason():
    parts = Parts()
    poison, sound = turn("I live in Lisbon."), turn("I love tea.", number=1)
    tries = []

    async def learn(turn_id):
        if turn_id == poison.id:
            tries.append(turn_id)
            raise EmbeddingError("with a text in it")
        await parts.learner.learn(turn_id)

    queue = LocalQueue(learn, parts.store, parts.metrics, tries=3, backoff=0.001)
    for each in (poison, sound):
        await parts.learner.record(each)
    await queue.start()
    for each in (poison, sound):
        await queue.enqueue(each.id)
    await drained(queue)
    await queue.aclose()
    parked = await parts.store.load(poison.id)
    assert parked is not None
    assert (parked.state, parked.attempts, parked.error) == (TurnState.PARKED, 3, "EmbeddingError")
    assert len(tries) == 3
    assert await parts.state(sound) == [TurnState.LEARNED]


async def test_learning_again_changes_nothing():
    parts = Parts()
    turns = [turn("I live in Lisbon."), turn("I moved to Porto.", number=1)]
    for each in turns:
        await parts.learner.record(each)
        await parts.learner.learn(each.id)
    once = await parts.memories()
    for each in (*turns, *reversed(turns)):
        await parts.store.mark(each.id, TurnState.PENDING)
        await parts.learner.learn(each.id)
    assert await parts.memories() == once


async def test_the_order_of_the_jobs_does_not_matter():
    turns = [
        turn("I live in Lisbon."),
        turn("I live in Porto.", number=1),
        turn("I live in Faro.", number=2),
    ]
    outcomes = []
    for order in (turns, turns[::-1], [turns[1], turns[2], turns[0]]):
        parts = Parts()
        for each in order:
            await parts.learner.record(each)
            await parts.learner.learn(each.id)
        current, _ = await parts.store.list_memories(ANN, Selection(kinds=STATED), limit=10)
        outcomes.append([memory.text for memory in current])
    assert outcomes == [["I live in Faro."]] * 3


async def test_a_step_of_a_tool_loop_that_arrives_while_the_last_is_learned_is_learned_too(
    monkeypatch,
):
    parts = Parts()
    first, second = turn("I live in Lisbon."), turn("I live in Lisbon.", answer="Lovely city.")
    assert first.id == second.id
    embedding, go_on = asyncio.Event(), asyncio.Event()
    embed = parts.embedder.embed_documents

    async def slow(texts):
        embedding.set()
        await go_on.wait()
        return await embed(texts)

    monkeypatch.setattr(parts.embedder, "embed_documents", slow)
    queue = parts.queue()
    await queue.start()
    await parts.learner.record(first)
    await queue.enqueue(first.id)
    await embedding.wait()
    later = Turn(**{name: getattr(second, name) for name in Turn.__slots__} | {"created": 5000})
    await parts.learner.record(later)
    await queue.enqueue(later.id)
    go_on.set()
    await drained(queue)
    await queue.aclose()
    assert await parts.state(later) == [TurnState.LEARNED]
    assert "Lovely city." in str(await parts.memories())
    found, _ = await parts.store.list_memories(ANN, EVERYTHING, limit=10)
    embedded = {entry.memory.text for entry in parts.store._memories.values() if entry.vector}
    assert {memory.text for memory in found} == embedded
