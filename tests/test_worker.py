"""A worker may die or be stopped at any point of a job: the turn is learned, as if only once."""

import asyncio
import itertools
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.adapters.arq_queue import QUEUE
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.errors import EmbeddingError
from gateway.memory.known import STATED
from gateway.memory.learning import Learner
from gateway.memory.model import TurnState
from gateway.memory.ports import Selection
from tests.accounts import Account, given_up, recorded, turns
from tests.halting_worker import POINTS, shared_store
from tests.interleaving import Gate, Gated
from tests.qdrant_process import qdrant
from tests.redis_server import redis_server
from tests.working import BRISK, learned, queued, supervisor, until, working

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.process,
    pytest.mark.usefixtures("collected"),
    # A connection whose command was cancelled is left to the collector by redis-py.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROOT = Path(__file__).parent.parent
projects = itertools.count()


@pytest.fixture(scope="module")
def redis():
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def front():
    with qdrant() as server:
        yield server


@pytest.fixture(autouse=True)
def emptied(redis):
    redis.empty()


@pytest.fixture
def account(record_property):
    return Account(record_property)


@pytest.fixture
async def shared(front):
    store = await shared_store(front.url)
    yield store
    await store.aclose()


def fresh(count: int, **options):
    """Turns of users of their own, in a store that others use too."""
    return turns(count, project=f"p{next(projects)}", **options)


def halting(redis, front, point: str) -> subprocess.Popen[str]:
    """A worker in a process of its own that stands at this point; returns once it does."""
    command = [sys.executable, "-m", "tests.halting_worker", redis.url, front.url, point]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    assert child.stdout.readline() == f"at {point}\n"
    return child


def ended(child: subprocess.Popen[str], how: signal.Signals) -> int:
    child.send_signal(how)
    child.communicate(timeout=20)
    return child.returncode


# Killed


@pytest.mark.fault("F39")
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("then", ["another takes over", "Redis is emptied", "others were waiting"])
async def test_a_job_whose_worker_was_killed_is_another_workers(
    redis, front, shared, account, point, then
):
    said = fresh(4 if then == "others were waiting" else 1, users=1)
    async with queued(redis.url) as queue:
        await recorded(shared, queue, said)
        await until(lambda: not len(queue))
    child = await asyncio.to_thread(halting, redis, front, point)
    assert await asyncio.to_thread(ended, child, signal.SIGKILL) == -signal.SIGKILL
    if then == "Redis is emptied":
        redis.empty()
    async with working(redis.url, shared):
        await account.settled(shared, said)


# Stopped


@pytest.mark.fault("F40")
@pytest.mark.parametrize("point", ["load", "write", "between", "mark"])
async def test_a_worker_that_is_stopped_gives_its_job_back_at_once(
    redis, front, shared, account, point
):
    [said] = fresh(1)
    async with queued(redis.url) as queue:
        await recorded(shared, queue, [said])
        await until(lambda: not len(queue))
    child = await asyncio.to_thread(halting, redis, front, point)
    assert await asyncio.to_thread(ended, child, signal.SIGTERM) == 0
    assert redis.command("EXISTS", f"arq:in-progress:{said.id}") == 0
    async with working(redis.url, shared):
        await account.settled(shared, [said])


@pytest.mark.fault("F40")
async def test_twenty_deploys_do_not_use_up_a_turns_tries(redis, account):
    store, said = FakeStore(), fresh(1)
    embedding = asyncio.Event()

    class Never(FakeEmbedder):
        async def embed_documents(self, texts):  # noqa: ARG002  it never gets there
            embedding.set()
            return await asyncio.Event().wait()

    async with queued(redis.url) as queue:
        await recorded(store, queue, said)
        for _ in range(20):
            embedding.clear()
            async with working(redis.url, store, embedder=Never(), times=QUICK):
                await asyncio.wait_for(embedding.wait(), 10)
        held = await store.load(said[0].id)
        assert held is not None
        assert (held.state, held.attempts) == (TurnState.PENDING, 0)
        async with working(redis.url, store):
            await account.settled(store, said)


QUICK = type(BRISK)(job_timeout=5.0, sweep_every=1, sweep_after=1.0, grace=0.05, poll=0.01)


@pytest.mark.fault("F40")
async def test_a_job_under_way_may_end_within_the_grace_time(redis, account):
    store, said = FakeStore(), fresh(2)
    embedding, go_on = asyncio.Event(), asyncio.Event()

    class Slow(FakeEmbedder):
        async def embed_documents(self, texts):
            embedding.set()
            await go_on.wait()
            return await super().embed_documents(texts)

    times = type(BRISK)(job_timeout=20, sweep_every=1, sweep_after=60, grace=10, poll=0.01)
    async with queued(redis.url) as queue:
        await recorded(store, queue, said[:1])
        it = supervisor(redis.url, store, times=times, embedder=Slow())
        running = asyncio.create_task(it.run())
        await asyncio.wait_for(embedding.wait(), 10)
        it.stop()
        await recorded(store, queue, said[1:])
        await until(lambda: not len(queue))
        go_on.set()
        await asyncio.wait_for(running, 5)
    assert await learned(store, said[0].id) == 1
    held = await store.load(said[1].id)
    assert held is not None
    assert held.state is TurnState.PENDING  # it was not begun any more
    async with working(redis.url, store):
        await account.settled(store, said)


# Twice at once


@pytest.mark.fault("F41")
@pytest.mark.parametrize("steps", [1, 3, 6, 8])
async def test_a_turn_that_two_workers_have_at_once_is_learned_as_if_once(redis, account, steps):
    """The first stands still for so long that its job becomes another's, and then goes on."""
    store, said = FakeStore(), fresh(1)
    gate = Gate()
    late = Learner(store=Gated(store, gate), outbox=Gated(store, gate), embedder=FakeEmbedder())
    times = type(BRISK)(job_timeout=20, margin=-19.9, sweep_every=1, sweep_after=60, grace=5)
    async with queued(redis.url) as queue:
        await recorded(store, queue, said)
        async with working(redis.url, store, learn=late.learn, times=times, max_jobs=1):
            for _ in range(steps):
                await asyncio.wait_for(gate.waits.wait(), 10)
                gate.open()
                await asyncio.sleep(0)
            async with working(redis.url, store):
                await account.settled(store, said)
            gate.free()
    await account.settled(store, said)


# The store, in the middle of a job


@pytest.mark.fault("F43")
@pytest.mark.parametrize("trouble", ["refuses", "fails", "answers late", "breaks off"])
async def test_a_store_that_fails_in_the_middle_of_a_job_costs_no_turn(
    redis, front, shared, account, trouble
):
    faults: dict[str, dict[str, object]] = {
        "refuses": {"status": 503},
        "fails": {"status": 500, "body": "<html>"},
        "answers late": {"delay": 6.0, "times": 1},  # it was applied, and nobody heard of it
        "breaks off": {"cut": 5, "times": 3},  # the same
    }
    said = fresh(2)
    async with queued(redis.url) as queue:
        await recorded(shared, queue, said)
        front.fault({"path": "/points", **faults[trouble]})
        try:
            async with working(redis.url, shared, tries=50):
                await until(lambda: front.asked() and redis.command("KEYS", "arq:retry:*"))
                front.fault()
                await account.settled(shared, said, within=60)
        finally:
            front.fault()


# A turn that cannot be learned


@pytest.mark.fault("F44")
@pytest.mark.parametrize("how", ["it fails", "it takes too long"])
async def test_a_turn_that_cannot_be_learned_is_parked_and_holds_up_no_other(redis, account, how):
    store, said = FakeStore(), fresh(10)
    poison, *sound = said
    inner = Learner(store=store, outbox=store, embedder=FakeEmbedder())
    healed = False

    async def learn(turn_id):
        if turn_id == poison.id and not healed:
            if how == "it takes too long":
                await asyncio.Event().wait()
            raise EmbeddingError("with what was said")
        await inner.learn(turn_id)

    times = type(BRISK)(job_timeout=0.3, margin=1, sweep_every=1, sweep_after=0.2, grace=1)
    async with queued(redis.url) as queue:
        await recorded(store, queue, said)
        async with working(redis.url, store, learn=learn, tries=3, times=times):
            assert await learned(store, *(turn.id for turn in sound)) == len(sound)
            parked = await given_up(store)
            reason = "EmbeddingError" if how == "it fails" else "TimeoutError"
            assert [(p.id, p.attempts, p.error) for p in parked] == [(poison.id, 3, reason)]
            healed = True
            await store.mark(poison.id, TurnState.PENDING)
            await account.settled(store, said)


async def test_tries_are_counted_though_redis_forgets_them(redis):
    store, said = FakeStore(), fresh(1)
    tries = []

    async def fails(turn_id):
        tries.append(turn_id)
        redis.empty()
        raise EmbeddingError

    async with queued(redis.url) as queue:
        await recorded(store, queue, said)
        async with working(redis.url, store, learn=fails, tries=3):
            await given_up(store)
    assert len(tries) == 3


async def test_a_turn_that_its_workers_die_of_is_parked_in_the_end(redis):
    store, said = FakeStore(), fresh(1)
    async with queued(redis.url) as queue:
        await recorded(store, queue, said)
        await until(lambda: not len(queue))
    redis.command("SET", f"arq:retry:{said[0].id}", 24)  # so often it was begun
    async with working(redis.url, store):
        parked = await given_up(store)
    assert [(each.id, each.error) for each in parked] == [(said[0].id, "Interrupted")]


async def test_a_turn_that_is_replaced_while_it_is_learned_is_learned_again(redis, account):
    store, said = FakeStore(), fresh(1)
    gate = Gate()
    slow = Learner(store=Gated(store, gate), outbox=Gated(store, gate), embedder=FakeEmbedder())
    times = type(BRISK)(job_timeout=20, sweep_every=60, sweep_after=600, grace=5, poll=0.01)
    later = type(said[0])(
        **{name: getattr(said[0], name) for name in type(said[0]).__slots__} | {"created": 5000}
    )
    async with queued(redis.url) as queue:
        await recorded(store, queue, said)
        async with working(redis.url, store, learn=slow.learn, times=times):
            await asyncio.wait_for(gate.waits.wait(), 10)
            gate.open()
            await recorded(store, queue, [later])  # its job is taken for the one that runs
            await until(lambda: not len(queue))
            gate.free()
            await until(lambda: not redis.command("ZCOUNT", QUEUE, "-inf", "+inf"))
    held = await store.load(later.id)
    assert held is not None
    assert (held.state, held.created) == (TurnState.LEARNED, 5000)
    await account.settled(store, [later])


@pytest.mark.fault("F45")
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_the_newest_statement_holds_by_when_it_was_said_not_when_it_was_learned(order):
    """Also where the clock of whoever learns it goes backwards."""
    store = FakeStore()
    places = ["Lisbon", "Porto", "Faro"]
    said = [
        type(turn)(
            **{name: getattr(turn, name) for name in type(turn).__slots__}
            | {
                "messages": tuple(
                    type(m)(role="user", content=f"I live in {place}.", time=m.time)
                    for m in turn.messages
                )
            }
        )
        for turn, place in zip(fresh(3, users=1), places, strict=True)
    ]
    clock = itertools.count(10**12, -3_600_000)
    for number in order:
        one = Learner(store=store, outbox=store, embedder=FakeEmbedder(), clock=lambda: next(clock))
        await one.record(said[number])
        await one.learn(said[number].id)
    current, _ = await store.list_memories(said[0].scope, Selection(kinds=STATED), limit=9)
    assert [memory.text for memory in current] == ["I live in Faro."]
