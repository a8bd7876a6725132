"""Redis may be down, frozen, emptied, full or wrong: no turn is lost, and no chat waits."""

import asyncio
import pickle
import time
from pathlib import Path

import httpx
import pytest

from gateway.adapters.arq_queue import JOB, QUEUE, connection
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.memory.model import Turn, TurnState, identifier
from gateway.metrics import Metrics
from tests.accounts import Account, recorded, turns
from tests.redis_server import RedisServer, redis_server
from tests.scripted_upstream import scripted_upstream
from tests.served import served
from tests.working import learned, queued, until, working

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.process,
    pytest.mark.usefixtures("collected"),
    # A connection whose command was cancelled is left to the collector by redis-py.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def redis():
    with redis_server() as server:
        yield server


@pytest.fixture
def account(record_property):
    return Account(record_property)


# Down


async def chats(url: str, users: range) -> float:
    """Answered chats; the longest that one took, in seconds."""
    slowest = 0.0
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        for number in users:
            said = {"role": "user", "content": f"I have a dog called Rex{number}."}
            begun = time.perf_counter()
            answer = await client.post(
                "/v1/chat/completions",
                json={"model": "m", "user": f"user-{number}", "messages": [said]},
            )
            slowest = max(slowest, time.perf_counter() - begun)
            assert answer.status_code == 200
    return slowest


async def acknowledged(store) -> list[str]:
    return await store.pending(created_before=10**15, limit=1000)


@pytest.mark.fault("F31")
@pytest.mark.parametrize("when", ["before the start", "between two turns", "for a moment"])
async def test_a_chat_does_not_notice_that_redis_is_down(redis, when, record_property):
    store = FakeStore()
    if when == "before the start":
        redis.kill()
    async with scripted_upstream() as upstream, queued(redis.url) as queue:
        async with served(upstream.url, store=store, queue=queue) as it:
            await chats(it.url, range(2))
            redis.kill()
            slowest = await chats(it.url, range(2, 7))
            await it.gateway.background.join()
            said = await acknowledged(store)
            assert (len(said), slowest < 4) == (7, True)
            redis.start()
            if when == "for a moment":  # the gateway hands them over; otherwise the sweep finds all
                await until(lambda: not len(queue))
            async with working(redis.url, store):
                done = await learned(store, *said)
    record_property("turns", (7, done, 0))
    assert done == 7


@pytest.mark.fault("F32")
async def test_a_frozen_redis_holds_up_nobody_and_nothing_piles_up(redis):
    metrics = Metrics()
    async with queued(redis.url, metrics, most=50) as queue:
        await queue.enqueue("first")
        redis.freeze()
        before = len(asyncio.all_tasks())
        begun = time.perf_counter()
        for number in range(200):
            await queue.enqueue(str(number))
        assert time.perf_counter() - begun < 5  # each by itself waits half a second for Redis
        assert len(asyncio.all_tasks()) - before <= 2
        assert len(queue) == 50
        outcome = metrics.registry.get_sample_value
        begun = time.perf_counter()
        await until(lambda: outcome("gateway_enqueues_total", {"outcome": "failed"}))
        assert time.perf_counter() - begun < 4  # the connection itself would wait for five
        assert (outcome("gateway_enqueues_total", {"outcome": "dropped"}) or 0) >= 149
        assert (await queue.health())["queue"] == "unreachable"
        redis.thaw()
        await until(lambda: not len(queue))
        assert (await queue.health())["queue"] == "ok"
    assert redis.command("ZCARD", QUEUE) >= 50


@pytest.mark.fault("F32")
async def test_chats_go_on_while_redis_is_frozen_and_are_learned_afterwards(redis, record_property):
    store = FakeStore()
    async with scripted_upstream() as upstream, queued(redis.url) as queue:
        async with served(upstream.url, store=store, queue=queue) as it:
            async with working(redis.url, store):
                await chats(it.url, range(1))
                redis.freeze()
                slowest = await chats(it.url, range(1, 11))
                await it.gateway.background.join()
                said = await acknowledged(store)
                redis.thaw()
                done = await learned(store, *said)
    record_property("turns", (len(said), done, 0))
    assert slowest < 4  # the connection itself would wait for five
    assert done == len(said)


# Emptied


@pytest.mark.fault("F33")
@pytest.mark.parametrize("when", ["before the work", "in the middle of it"])
async def test_what_was_queued_in_a_redis_that_is_emptied_is_learned(redis, when, account):
    store, said = FakeStore(), turns(100)
    async with queued(redis.url) as queue:
        await recorded(store, queue, said)
        await until(lambda: not len(queue))
        if when == "before the work":
            redis.empty()
        async with working(redis.url, store):
            if when == "in the middle of it":
                await learned(store, said[10].id)
                redis.empty()
            await account.settled(store, said)


async def test_a_job_that_expired_or_fell_out_of_the_queue_is_swept(redis, account):
    store, said = FakeStore(), turns(3)
    async with queued(redis.url) as queue:
        await recorded(store, queue, said)
        await until(lambda: not len(queue))
    redis.command("DEL", f"arq:job:{said[0].id}")  # what waited for more than a day
    redis.command("ZREM", QUEUE, said[1].id)  # what a Redis may do that is short of memory
    async with working(redis.url, store):
        await account.settled(store, said)


# Restarted, full, read-only, with another password


@pytest.mark.fault("F34")
@pytest.mark.parametrize("trouble", ["restart", "full", "read-only", "password"])
async def test_no_turn_is_lost_to_a_redis_that_refuses(redis, trouble, account):
    store, said = FakeStore(), turns(30)
    async with working(lambda: redis.url, store) as worker, queued(redis.url) as queue:
        await recorded(store, queue, said[:10])
        await learned(store, said[0].id)
        match trouble:
            case "restart":
                redis.restart()
            case "full":
                redis.fill()
            case "read-only":
                redis.follow(redis.port + 1 if redis.port < 65535 else 1)
            case "password":
                redis.change_password("other")
        await recorded(store, queue, said[10:])
        if trouble != "restart":
            await until(lambda: not worker.working)
        match trouble:
            case "full":
                redis.make_room()
            case "read-only":
                redis.lead()
        await account.settled(store, said)


@pytest.mark.fault("F35")
@pytest.mark.parametrize("kept", [True, False])
async def test_a_worker_is_back_within_ten_seconds_after_redis_was(kept, account):
    options = ("--appendonly", "yes") if kept else ()
    with redis_server(*options) as redis:
        store, said = FakeStore(), turns(2)
        embedding, go_on = asyncio.Event(), asyncio.Event()
        runs = []

        class Slow(FakeEmbedder):
            async def embed_documents(self, texts):
                runs.append(texts)
                embedding.set()
                await go_on.wait()
                return await super().embed_documents(texts)

        async with queued(redis.url) as queue:
            async with working(redis.url, store, embedder=Slow()) as worker:
                await recorded(store, queue, said[:1])
                await asyncio.wait_for(embedding.wait(), 10)
                redis.restart()  # under a job that runs
                back = time.perf_counter()
                go_on.set()
                await learned(store, said[0].id)
                after_one = len(runs)
                await recorded(store, queue, said[1:])
                await account.settled(store, said)
                assert time.perf_counter() - back < 30
                assert worker.working
        assert after_one <= 2  # of the episodes, then of what they state: one run of the job


# Wrong


@pytest.mark.fault("F36")
async def test_no_answer_goes_to_another_after_a_storm_of_cancelled_commands(redis):
    client = connection(redis.url)
    for number in range(250):
        redis.command("SET", f"key-{number}", f"value-{number}")
    redis.freeze()
    storm = [asyncio.ensure_future(client.get(f"key-{number}")) for number in range(50)]
    await asyncio.sleep(0.1)
    for task in storm:
        task.cancel()
    await asyncio.gather(*storm, return_exceptions=True)
    redis.thaw()
    answers = await asyncio.gather(*(client.get(f"key-{number}") for number in range(50, 250)))
    await client.aclose(close_connection_pool=True)
    assert answers == [f"value-{number}".encode() for number in range(50, 250)]


class Planted:
    """What runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self):
        return Path.touch, (self._path,)


STRANGE = identifier("a", "turn", "of nobody")


def plant(redis: RedisServer, kind: str, proof: Path) -> None:
    fields = '"k":{},"t":null,"et":1'
    bodies = {
        "pickle": pickle.dumps({"t": 1, "f": JOB, "a": (Planted(proof),), "k": {}, "et": 1}),
        "junk": b"\x80\xff{]",
        "another function": b'{"f":"os.system","a":["touch"],%b}' % fields.encode(),
        "a name that is none": b'{"f":["learn_turn"],"a":["x"],%b}' % fields.encode(),
        "other arguments": b'{"f":"learn_turn","a":["x",{"y":1}],%b}' % fields.encode(),
        "wrong times": b'{"f":"learn_turn","a":["%b"],"k":{},"t":"x","et":"y"}' % STRANGE.encode(),
        "a list": b"[1]",
        "nothing": b"",
    }
    match kind:
        case "an id that is none":
            redis.command("ZADD", QUEUE, 1, b"\xff\xfe")
            redis.command("ZADD", QUEUE, 1, "not a turn")
        case "another type":
            redis.command("RPUSH", f"arq:job:{STRANGE}", "x")
            redis.command("ZADD", QUEUE, 1, STRANGE)
        case _:
            redis.command("SET", f"arq:job:{STRANGE}", bodies[kind])
            redis.command("ZADD", QUEUE, 1, STRANGE)


KINDS = [
    *("pickle", "junk", "another function", "a name that is none", "other arguments"),
    *("wrong times", "a list", "nothing", "an id that is none", "another type"),
]


@pytest.mark.fault("F37")
@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_not_ours_in_redis_is_thrown_out_unread(redis, kind, account, tmp_path):
    store, said = FakeStore(), turns(1)
    plant(redis, kind, tmp_path / "proof")
    async with working(redis.url, store), queued(redis.url) as queue:
        await recorded(store, queue, said)
        await account.settled(store, said)
        await until(lambda: not redis.command("ZCOUNT", QUEUE, "-inf", 1))
    assert not (tmp_path / "proof").exists()


async def test_a_turn_whose_job_was_spoilt_in_redis_is_learned_all_the_same(redis, account):
    store, said = FakeStore(), turns(1)
    redis.command("SET", f"arq:job:{said[0].id}", "spoilt")
    redis.command("ZADD", QUEUE, 1, said[0].id)
    async with working(redis.url, store), queued(redis.url) as queue:
        await recorded(store, queue, said)
        await account.settled(store, said)


def parked(store: FakeStore) -> list[Turn]:
    return [turn for turn in store._turns.values() if turn.state is TurnState.PARKED]


async def test_redis_holds_ids_and_nothing_of_what_was_said(redis):
    store, said = FakeStore(), turns(5)

    async def fails(turn_id):
        raise RuntimeError(store._turns[turn_id].messages[0].text)

    async with working(redis.url, store, learn=fails, tries=2), queued(redis.url) as queue:
        await recorded(store, queue, said)
        await until(lambda: len(parked(store)) == len(said))
        keys = redis.command("KEYS", "*")
        held = [redis.command("DUMP", key) for key in keys]
    assert b"Tom" not in b"".join([*keys, *held])
    assert not any(key.startswith(b"arq:result:") for key in keys)
