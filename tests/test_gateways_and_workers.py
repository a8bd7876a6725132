"""Several gateways and workers over one Redis and one store are one memory."""

import asyncio
import time
from contextlib import ExitStack

import httpx
import pytest

from gateway.adapters.edge import EdgeStore
from gateway.adapters.minilm import MODEL
from gateway.memory.model import Message, Scope, Turn, TurnState, identifier, now
from gateway.settings import Settings
from tests import process
from tests.bench.load import percentile
from tests.halting_worker import shared_store
from tests.qdrant_process import qdrant
from tests.redis_server import RedisServer, redis_server
from tests.scripted_upstream import scripted_upstream
from tests.working import learned

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.process,
    pytest.mark.usefixtures("collected"),
    # A connection whose command was cancelled is left to the collector by redis-py.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

DIMENSION = 384


@pytest.fixture
def cache(default_model_folder):
    return default_model_folder.parent.parent


async def chat(url: str, user: str, text: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        body = {"model": "m", "user": user, "messages": [{"role": "user", "content": text}]}
        return await client.post("/v1/chat/completions", json={**body, "stream": True})


async def metric(url: str, name: str) -> float:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        page = (await client.get("/metrics")).text
    [value] = [line.split()[1] for line in page.splitlines() if line.startswith(f"{name} ")]
    return float(value)


async def ready(url: str) -> None:
    """Wait until every part is well: a worker tells of itself every 15 seconds."""
    well = dict.fromkeys(("store", "queue", "workers", "spool"), "ok")
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client, asyncio.timeout(30):
        while (await client.get("/readyz")).json()["parts"] != well:  # noqa: ASYNC110  as below
            await asyncio.sleep(0.1)


async def until_none(url: str, name: str, within: float = 60) -> None:
    """Wait until this metric is 0."""
    async with asyncio.timeout(within):
        while await metric(url, name):  # noqa: ASYNC110  another process counts
            await asyncio.sleep(0.05)


async def all_learned(url: str) -> None:
    await until_none(url, "gateway_turns_pending")


async def test_two_gateways_and_two_workers_are_one_memory(tmp_path, cache, record_property):
    """What was said through one gateway is recalled through the other, workers killed or not."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(password="secret"))
        front = stack.enter_context(qdrant())
        shared = {
            "qdrant_url": front.url,
            "redis_url": redis.url,
            "job_timeout": "4",
            "sweep_after": "1",
            "sweep_every": "1",
        }
        async with scripted_upstream() as upstream:
            chatting = {**shared, "upstream_base_url": upstream.url}
            one, other = (
                stack.enter_context(process.gateway(tmp_path / name, cache, **chatting))
                for name in ("one", "other")
            )
            workers = [
                stack.enter_context(process.worker(tmp_path / f"worker-{n}", cache, **shared))
                for n in range(2)
            ]
            latest, asking = [], []
            for number in range(10):
                said = f"The code word of day {number} is heron{number}."
                assert (await chat(one.url, "ann", said)).status_code == 200
                begun = time.perf_counter()
                recalled = False
                while not recalled:
                    asked = time.perf_counter()
                    await chat(other.url, "ann", f"What was the code word of day {number}?")
                    asking.append(time.perf_counter() - asked)
                    recalled = f"heron{number}" in str(upstream.last.json)
                    assert time.perf_counter() - begun < 30
                latest.append(time.perf_counter() - begun)
                if number == 4:
                    workers[0].kill()
                    redis.empty()
            # On a busy machine a chat alone may take a second.
            assert percentile(latest, 0.95) < max(2, 4 * percentile(asking, 0.5))
            await all_learned(one.url)
            await ready(one.url)
            assert await metric(other.url, "gateway_oldest_pending_seconds") == 0
            assert await metric(other.url, "gateway_turns_parked") == 0
            assert workers[1].stop() == 0
            for log in tmp_path.glob("*/log"):
                assert "secret" not in log.read_text()
    record_property("turns", (10, 10, 0))


async def test_a_store_that_was_gone_gets_what_was_said_meanwhile(tmp_path, cache):
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        front = stack.enter_context(qdrant("--path", str(tmp_path / "qdrant")))
        shared = {"qdrant_url": front.url, "redis_url": redis.url, "qdrant_write_timeout": "1"}
        async with scripted_upstream() as upstream:
            gateway = stack.enter_context(
                process.gateway(
                    tmp_path / "gateway", cache, upstream_base_url=upstream.url, **shared
                )
            )
            front.kill()
            for number in range(5):
                said = await chat(gateway.url, "ann", f"I have a cat called Tom{number}.")
                assert said.status_code == 200
            async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as client:
                ready = await client.get("/readyz")
            assert ready.status_code == 200
            assert ready.json()["parts"]["spool"] == "holding"
            assert await metric(gateway.url, "gateway_spool_turns") == 5
            gateway.kill()  # and whoever starts next in the same folder replays it
            front.start()
            again = stack.enter_context(
                process.gateway(
                    tmp_path / "gateway", cache, upstream_base_url=upstream.url, **shared
                )
            )
            stack.enter_context(process.worker(tmp_path / "worker", cache, **shared))
            await until_none(again.url, "gateway_spool_turns")
            await all_learned(again.url)
            async with httpx.AsyncClient(base_url=again.url, trust_env=False) as client:
                found = await client.post(
                    "/api/openmem/v1/get/memory", json={"user_id": "ann", "size": 50}
                )
            told = str(found.json())
            assert all(f"I have a cat called Tom{number}." in told for number in range(5))


def parked_turn(text: str) -> Turn:
    return Turn(
        id=identifier("turn", text),
        scope=Scope("default", "ann"),
        conversation="c",
        messages=(Message(role="user", content=text, time=now()),),
        created=now() - 7_200_000,
    )


@pytest.mark.fault("F44")
async def test_what_was_given_up_is_told_and_tried_again_by_command(tmp_path, cache):
    """In the data folder of a gateway that does not run; nothing of what was said is shown."""
    turns = [parked_turn("I live in Lisbon."), parked_turn("I have a cat called Tom.")]
    store = EdgeStore.open(tmp_path / "data", model=MODEL, dimension=DIMENSION)
    for turn in turns:
        await store.put_turn(turn.scope, turn)
        await store.mark(turn.id, TurnState.PARKED, attempts=5, error="EmbeddingError")
    store.close()
    settings = {"data_dir": str(tmp_path / "data"), "cache_dir": str(cache)}

    def command(*words: str):
        return process.command(*words, **settings)

    told = await asyncio.to_thread(command, "jobs")
    assert told.returncode == 0
    assert "parked   2" in told.stdout
    assert all(turn.id in told.stdout for turn in turns)
    assert "EmbeddingError" in told.stdout
    assert "2 h" in told.stdout
    assert "Lisbon" not in told.stdout + told.stderr
    one = await asyncio.to_thread(command, "jobs", "retry", turns[0].id)
    assert (one.returncode, one.stdout) == (0, "1 to be learned\n")
    unknown = await asyncio.to_thread(command, "jobs", "retry", "unknown")
    assert (unknown.returncode, "unknown" in unknown.stderr) == (1, True)
    rest = await asyncio.to_thread(command, "jobs", "retry")
    assert rest.stdout == "1 to be learned\n"
    with process.gateway(tmp_path, cache) as gateway:
        await all_learned(gateway.url)
        busy = await asyncio.to_thread(command, "jobs")
        assert (busy.returncode, "in use" in busy.stderr) == (2, True)
    after = await asyncio.to_thread(command, "jobs")
    assert after.stdout == "pending  0\nparked   0\n"


async def test_what_was_given_up_is_handed_to_a_worker_by_command(tmp_path, cache):
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        front = stack.enter_context(qdrant())
        shared = {"qdrant_url": front.url, "redis_url": redis.url}
        turn = parked_turn("I live in Lisbon.")
        prefix = Settings().qdrant_prefix
        store = await shared_store(front.url, prefix=prefix, model=MODEL, dimension=DIMENSION)
        await store.put_turn(turn.scope, turn)
        await store.mark(turn.id, TurnState.PARKED, attempts=5, error="EmbeddingError")
        again = await asyncio.to_thread(
            process.command, "jobs", "retry", cache_dir=str(cache), **shared
        )
        assert again.stdout == "1 to be learned\n"
        stack.enter_context(process.worker(tmp_path, cache, **shared))
        assert await learned(store, turn.id, within=30) == 1
        await store.aclose()


def test_a_worker_without_redis_says_so_in_one_line():
    told = process.command("worker")
    assert told.returncode == 2
    assert "GATEWAY_REDIS_URL" in told.stderr
    assert told.stderr.count("\n") == 1


async def test_a_worker_may_start_before_its_redis_and_tells_whether_it_works(tmp_path, cache):
    port = process.free_port()
    with ExitStack() as stack:
        front = stack.enter_context(qdrant())
        redis = RedisServer(tmp_path)
        stack.callback(redis.kill)
        shared = {"qdrant_url": front.url, "redis_url": redis.url, "worker_port": str(port)}
        worker = stack.enter_context(process.worker(tmp_path / "worker", cache, **shared))
        page = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=page, trust_env=False) as client:
            assert (await client.get("/healthz")).status_code == 200
        turn = parked_turn("I live in Lisbon.")
        prefix = Settings().qdrant_prefix
        store = await shared_store(front.url, prefix=prefix, model=MODEL, dimension=DIMENSION)
        await store.put_turn(turn.scope, turn)
        redis.start()
        assert await learned(store, turn.id, within=60) == 1  # swept, for nobody queued it
        assert await metric(page, "gateway_worker_working") == 1
        assert await metric(page, 'gateway_jobs_total{outcome="learned"}') == 1
        assert worker.stop() == 0
        await store.aclose()
