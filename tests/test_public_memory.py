"""A project without public memory does not pay for searching it, and misses none for long."""

import pytest

from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.memory.learning import Learner
from gateway.memory.model import Kind, Message, Scope, Turn, public
from gateway.memory.public_memory import EMPTY_FOR, PublicMemory
from gateway.memory.recall import Recaller, RecallOptions

pytestmark = pytest.mark.anyio

ANN, BOB = Scope("acme", "ann"), Scope("acme", "bob")
OPTIONS = RecallOptions(kinds=frozenset(Kind), limit=9, floor=0)
TURN = Turn(
    id="t",
    scope=ANN,
    conversation="c",
    messages=(Message(role="user", content="I live in Lisbon.", time=1),),
    created=1,
    public=True,
)


class Watched(FakeStore):
    """Notes the scope of every search and listing."""

    def __init__(self):
        super().__init__()
        self.asked = []

    async def search(self, scope, search):
        self.asked.append(scope)
        return await super().search(scope, search)

    async def list_memories(self, scope, selection, *, limit, offset=0):
        self.asked.append(scope)
        return await super().list_memories(scope, selection, limit=limit, offset=offset)


async def test_where_nothing_is_public_a_recall_asks_the_users_own_alone():
    store = Watched()
    recaller = Recaller(store, FakeEmbedder())
    for _ in range(3):
        await recaller.search(BOB, "Where?", OPTIONS)
    first, later = store.asked[:3], store.asked[3:]
    assert first == [BOB, public("acme"), public("acme")]
    assert later == [BOB, BOB]


async def test_what_this_process_makes_public_is_found_at_once():
    store = Watched()
    recaller = Recaller(store, FakeEmbedder())
    learner = Learner(store=store, outbox=store, embedder=FakeEmbedder(), shared=recaller.shared)
    assert not (await recaller.search(BOB, "Lisbon", OPTIONS)).ranked
    await learner.record(TURN)
    await learner.learn(TURN.id)
    assert (await recaller.search(BOB, "Lisbon", OPTIONS)).ranked


async def test_what_another_process_makes_public_is_found_within_seconds():
    store, time = FakeStore(), 100.0
    memory = PublicMemory(store, clock=lambda: time)
    assert memory.scopes("acme") == (public("acme"),)
    await memory.look("acme")
    assert memory.scopes("acme") == ()
    assert memory.scopes("globex") == (public("globex"),)
    time += EMPTY_FOR
    assert memory.scopes("acme") == (public("acme"),)


async def test_where_there_is_something_it_goes_on_being_searched():
    store = FakeStore()
    learner = Learner(store=store, outbox=store, embedder=FakeEmbedder())
    await learner.record(TURN)
    await learner.learn(TURN.id)
    memory = PublicMemory(store)
    await memory.look("acme")
    assert memory.scopes("acme") == (public("acme"),)


async def test_what_is_written_while_it_is_looked_for_is_not_missed():
    class Slow(FakeStore):
        async def list_memories(self, scope, selection, *, limit, offset=0):
            found = await super().list_memories(scope, selection, limit=limit, offset=offset)
            memory.written(public("acme"))
            return found

    memory = PublicMemory(Slow())
    await memory.look("acme")
    assert memory.scopes("acme") == (public("acme"),)
