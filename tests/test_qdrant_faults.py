"""What a Qdrant server may do to a gateway: chats go on, within their budget, and say why.

The server is the front of `tests/qdrant_front.py`, in a process of its own.
"""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest
import structlog

from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.qdrant import QdrantStore, server_client
from gateway.adapters.qdrant_calls import CallTimeouts
from gateway.adapters.qdrant_collections import Layout
from gateway.adapters.records import memory_point, turn_point
from gateway.errors import StoreError
from gateway.memory.model import Kind, Scope, Status
from gateway.memory.ports import Search, Selection
from gateway.metrics import Metrics
from tests.process import gateway, start
from tests.qdrant_process import Qdrant, qdrant
from tests.scripted_upstream import ScriptedUpstream, scripted_upstream
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.process]

ANN = Scope("default", "ann")
EVERYTHING = Selection(kinds=frozenset(Kind), statuses=frozenset(Status))
SEARCHES = "points/query/batch"
MANY = 1000
LATE = 120  # milliseconds that a deadline may be missed by, while other tests share the two cores
LOADED = 500  # the same, while several clients and a server share two cores with the gateway


@pytest.fixture(scope="module")
def front():
    with qdrant() as process:
        yield process


@pytest.fixture
def server(front):
    """A front that answers rightly, before and after."""
    front.fault()
    yield front
    if front.child is None:
        front.start()
    front.thaw()
    front.fault()


prefixes = iter(f"faults-{n}-" for n in range(MANY))


@asynccontextmanager
async def opened(url, metrics=None, **timeouts):
    embedder = FakeEmbedder()
    store = QdrantStore(
        server_client(url),
        Layout(prefix=next(prefixes)),
        model=embedder.model,
        dimension=embedder.dimension,
        metrics=metrics or Metrics(),
        timeouts=CallTimeouts(**timeouts),
    )
    await store.start()
    try:
        yield store
    finally:
        await store.aclose()


@dataclass
class Case:
    """A gateway at `url`, its store, and the model's server behind it."""

    url: str
    store: QdrantStore
    upstream: ScriptedUpstream
    metrics: Metrics

    def counted(self, name, **labels):
        return self.metrics.registry.get_sample_value(name, labels)


@asynccontextmanager
async def gateway_over(url, **settings):
    """A gateway over a store in this server, which knows where ann lives."""
    metrics = Metrics()
    async with opened(url, metrics) as store, scripted_upstream() as upstream:
        # Long enough for a machine that does much else, where a test is not about time.
        async with served(
            upstream.url, store=store, **{"recall_timeout_ms": 2000, **settings}
        ) as it:
            if not store.down:
                await chat(it, "I live in Lisbon.")
                await it.learned()
            yield Case(it.url, store, upstream, metrics)


def a_client():
    """Without certificates, for reading them would hold up the gateway in this same loop."""
    return httpx.AsyncClient(trust_env=False, timeout=20, verify=False)  # noqa: S501  plain http


async def chat(it, text="Where do I live?", *, stream=False):
    """The answer's memory status, and what recall took in milliseconds."""
    body = {"model": "m", "user": "ann", "stream": stream}
    body["messages"] = [{"role": "user", "content": text}]
    async with a_client() as client:
        response = await client.post(f"{it.url}/v1/chat/completions", json=body)
    assert response.status_code == httpx.codes.OK
    assert stream or "Hello." in response.text
    took = float(response.headers["server-timing"].split("recall;dur=")[1].split(",")[0])
    return response.headers["x-memory-status"], took


async def answers(store, within=15):
    """Wait until the store has found its server well."""
    async with asyncio.timeout(within):
        while store.down:  # noqa: ASYNC110  another process's return
            await asyncio.sleep(0.02)


def degraded(reason):
    return f"degraded;reason={reason}"


def warnings(logs):
    return [line for line in logs if line["log_level"] in {"warning", "error"}]


# It refuses connections


@pytest.mark.fault("F1")
@pytest.mark.parametrize("stream", [False, True])
async def test_without_a_server_from_the_start_chats_go_on_and_say_so(stream):
    absent = Qdrant()
    async with gateway_over(absent.url) as it:
        for _ in range(3):
            status, took = await chat(it, stream=stream)
            assert status == degraded("unreachable")
            assert took < LATE


@pytest.mark.fault("F1")
@pytest.mark.parametrize("stream", [False, True])
async def test_a_server_that_dies_costs_the_memories_until_it_is_back(server, stream):
    async with gateway_over(server.url) as it:
        assert (await chat(it, stream=stream))[0] == "hit"
        server.kill()
        for _ in range(5):
            status, took = await chat(it, stream=stream)
            assert status == degraded("unreachable")
            assert took < LATE
        server.start()
        await answers(it.store)
        assert (await chat(it, stream=stream))[0] == "empty"  # this one keeps nothing


@pytest.mark.fault("F1")
async def test_a_failing_server_is_logged_once_a_minute_and_not_for_each_chat():
    absent = Qdrant()
    with structlog.testing.capture_logs() as logs:
        async with gateway_over(absent.url) as it:
            for _ in range(5):
                await chat(it)
    assert [line["event"] for line in warnings(logs) if "store" in line["event"]] == [
        "the store fails"
    ]


# It is silent


@pytest.mark.fault("F2")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("budget", [150, 300])
async def test_a_silent_server_costs_the_budget_a_few_times_and_then_nothing(
    server, budget, stream
):
    async with gateway_over(server.url, recall_timeout_ms=budget) as it:
        server.freeze()
        took = [await chat(it, f"Where do I live? {n}", stream=stream) for n in range(6)]
        assert {status for status, _ in took} == {degraded("timeout")}
        assert all(ms < budget + LATE for _, ms in took)
        assert all(ms < LATE for _, ms in took[3:])
        server.thaw()
        await answers(it.store)
        assert (await chat(it, stream=stream))[0] == "hit"


# It is slow


@pytest.mark.fault("F3")
@pytest.mark.parametrize(
    ("path", "share", "status"),
    [
        (SEARCHES, 0.5, "hit"),
        (SEARCHES, 0.97, "hit"),
        (SEARCHES, 1.01, degraded("timeout")),
        (SEARCHES, 10, degraded("timeout")),
        ("memories/points/query", 0.5, "hit"),
        ("memories/points/query", 10, degraded("timeout")),
    ],
)
async def test_a_slow_server_is_waited_for_as_long_as_recall_may_take(server, path, share, status):
    budget = 3000
    async with opened(server.url, read=60) as store, scripted_upstream() as upstream:
        async with served(upstream.url, store=store, recall_timeout_ms=budget) as it:
            await chat(it, "I live in Lisbon.")
            await it.learned()
            before = len(asyncio.all_tasks())
            server.fault({"path": path, "delay": share * budget / 1000})
            told, took = await chat(it)
            assert told == status
            assert took < budget + LATE
            await it.learned()
            server.fault()
            async with asyncio.timeout(10):
                while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110  what was left behind
                    await asyncio.sleep(0.02)


# What it answers is no answer

RIGHT: dict[str, Any] = {"status": "ok", "time": 0.0}
WRONG: dict[str, dict[str, Any]] = {
    "cut at once": {"cut": 0},
    "cut amid its JSON": {"cut": 100},
    "not JSON": {"status": 200, "body": "{"},
    "another JSON": {"status": 200, "body": "[1, 2]"},
    "no result": {"status": 200, "body": "{}"},
    "an error with status 200": {"status": 200, "body": '{"status": {"error": "no"}, "time": 0}'},
    "a result of another shape": {
        "status": 200,
        "body": orjson.dumps(RIGHT | {"result": [{"points": "x"}]}).decode(),
    },
    "fewer answers than were asked": {
        "status": 200,
        "body": orjson.dumps(RIGHT | {"result": []}).decode(),
    },
    "a page of HTML": {"status": 200, "body": "<html>502 Bad Gateway</html>"},
    "a bad gateway": {"status": 502, "body": "<html>502 Bad Gateway</html>"},
}
REASONS = {"cut at once": "unreachable", "cut amid its JSON": "unreachable"}
REASONS |= {"a bad gateway": "failing"}


@pytest.mark.fault("F4")
@pytest.mark.parametrize("wrong", WRONG)
async def test_an_answer_that_is_none_costs_the_memories_only(server, wrong):
    async with gateway_over(server.url) as it:
        server.fault({"path": SEARCHES, **WRONG[wrong]})
        status, _ = await chat(it)
        assert status == degraded(REASONS.get(wrong, "garbled"))
        server.fault({"path": "points", **WRONG[wrong]})
        for n in range(5):
            status, _ = await chat(it, f"Where do I live? {n}")
            assert status == degraded(REASONS.get(wrong, "garbled"))
        server.fault()
        await answers(it.store)
        assert (await chat(it))[0] == "hit"


# It refuses what it is asked


@pytest.mark.fault("F5")
@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (401, {}, "unauthorised"),
        (403, {}, "unauthorised"),
        (404, {}, "missing"),
        (429, {"retry-after": "1"}, "busy"),
        (429, {}, "busy"),
        (500, {}, "failing"),
        (503, {}, "failing"),
        (400, {}, "refused"),
    ],
)
async def test_each_refusal_is_told_apart(server, status, headers, reason):
    async with gateway_over(server.url) as it:
        server.fault({"status": status, "headers": headers, "body": '{"status": {"error": ""}}'})
        for n in range(4):
            assert (await chat(it, f"Where do I live? {n}"))[0] == degraded(reason)
        if reason != "refused":  # of a request, and not of the server's state
            assert it.store.down == reason
        assert it.counted("gateway_store_failures_total", reason=reason) >= 4
        server.fault()
        await answers(it.store)
        assert (await chat(it))[0] == "hit"


@pytest.mark.fault("F5")
@pytest.mark.fault("F52")
async def test_readiness_names_the_reason(server, tmp_path, default_model_folder):
    with gateway(tmp_path, default_model_folder.parent, qdrant_url=server.url) as it:
        server.fault({"status": 401, "body": "no"})
        async with a_client() as client:
            said = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
            await client.post(f"{it.url}/v1/chat/completions", json=said)  # the first to meet it
            ready = await client.get(f"{it.url}/readyz")
    assert ready.status_code == httpx.codes.OK
    assert ready.json()["status"] == "degraded"
    assert ready.json()["parts"]["store"] == "unauthorised"


# It comes and goes


async def _frozen(server):
    server.freeze()
    await asyncio.sleep(1)
    server.thaw()


async def _failing(server):
    await asyncio.to_thread(server.fault, {"status": 503})
    await asyncio.sleep(1)
    await asyncio.to_thread(server.fault)


async def _slow(server):
    await asyncio.to_thread(server.fault, {"delay": 5})
    await asyncio.sleep(1)
    await asyncio.to_thread(server.fault)


@pytest.mark.fault("F6")
@pytest.mark.parametrize("down", [_frozen, _failing, _slow])
async def test_no_chat_fails_while_the_server_comes_and_goes(server, down):
    async with gateway_over(server.url, recall_timeout_ms=300) as it:
        over = asyncio.Event()
        said = []

        async def ask(who):
            while not over.is_set():
                said.append(await chat(it, f"Where do I live? {who}"))
                await asyncio.sleep(0.05)

        async with asyncio.TaskGroup() as asking:
            for who in range(5):
                asking.create_task(ask(who))
            for _ in range(5):
                await down(server)
                await answers(it.store)
                await asyncio.sleep(1)
            over.set()
        statuses = {status for status, _ in said}
        assert "hit" in statuses
        assert statuses - {"hit"}
        took = sorted(took for _, took in said)
        assert took[len(took) * 95 // 100] < 300 + LOADED
        await answers(it.store)
        assert (await chat(it))[0] == "hit"


@pytest.mark.fault("F6")
async def test_a_server_that_comes_back_meets_one_question_and_no_herd(server):
    async with gateway_over(server.url) as it:
        server.fault({"status": 503})
        await asyncio.gather(*(chat(it, f"Where do I live? {n}") for n in range(20)))
        assert it.store.down == "failing"
        before = server.asked()
        await asyncio.gather(*(chat(it, f"Where do I live? {n}") for n in range(100)))
        asked = {path: n - before.get(path, 0) for path, n in server.asked().items()}
        assert not any(n for path, n in asked.items() if "points" in path)
        assert asked["/"] <= 5


# It returns what is another's


async def poison(store, collection, point):
    """Make a point another's, behind the store's back, as a bug of the server's would."""
    await store._client.set_payload(
        collection.name, {"user": "mallory"}, points=[str(point)], wait=True
    )


@pytest.mark.fault("F7")
@pytest.mark.parametrize("by", ["search", "list_memories", "get_turns"])
async def test_a_point_of_another_scope_is_dropped_counted_and_reported(server, by):
    async with gateway_over(server.url) as it:
        store = it.store
        [memory, *_], _ = await store.list_memories(ANN, EVERYTHING, limit=9)
        turn = memory.sources[0].turn
        for each in (await store.list_memories(ANN, EVERYTHING, limit=9))[0]:
            await poison(store, store._memories, memory_point(ANN, each.id))
        await poison(store, store._turns, turn_point(turn))
        asking = {
            "search": lambda: store.search(
                ANN, Search(selection=EVERYTHING, words="Lisbon", vector=None, limit=9)
            ),
            "list_memories": lambda: store.list_memories(ANN, EVERYTHING, limit=9),
            "get_turns": lambda: store.get_turns(ANN, memory.conversation, 9),
        }
        with structlog.testing.capture_logs() as logs:
            found = await asking[by]()
        assert found == [] or found[0] == []
        assert {line["log_level"] for line in logs} == {"error"}
        assert "Lisbon" not in str(logs)
        assert it.counted("gateway_store_foreign_points_total") == len(logs)
        await chat(it)
        assert "Lisbon" not in it.upstream.last.body.decode()


# It was made with another model


@pytest.mark.fault("F8")
@pytest.mark.parametrize(
    ("model", "dimension"),
    [("another/model", 384), ("sentence-transformers/all-MiniLM-L6-v2", 512)],
)
async def test_a_gateway_with_another_model_does_not_start(
    server, tmp_path, default_model_folder, model, dimension
):
    prefix = next(prefixes)
    await made_with(server, prefix, model, dimension)
    refused = start(
        tmp_path, default_model_folder.parent, qdrant_url=server.url, qdrant_prefix=prefix
    )
    assert refused.child.wait(60) == 2
    assert model in refused.log.read_text()
    assert str(dimension) in refused.log.read_text()
    assert "all-MiniLM-L6-v2" in refused.log.read_text()


@pytest.mark.fault("F8")
async def test_a_server_with_another_model_that_comes_later_ends_the_gateway_once_known(
    tmp_path, default_model_folder
):
    with qdrant() as server:
        prefix = next(prefixes)
        await made_with(server, prefix, "another/model", 384)
        server.freeze()
        with gateway(
            tmp_path, default_model_folder.parent, qdrant_url=server.url, qdrant_prefix=prefix
        ) as it:
            server.thaw()
            assert it.child.wait(60) == 2
        assert "another/model" in it.log.read_text()


async def made_with(server, prefix, model, dimension):
    store = QdrantStore(
        server_client(server.url),
        Layout(prefix=prefix),
        model=model,
        dimension=dimension,
        metrics=Metrics(),
    )
    await store.start()
    assert store.down == ""
    await store.aclose()


# It fails amid a job


@pytest.mark.fault("F43")
@pytest.mark.parametrize(
    "fault",
    [
        {"path": "memories/points", "status": 503, "times": 1},  # nothing was done
        {"path": "memories/points", "cut": 0, "times": 1},  # done, and not told
        {"path": "memories/points", "late": 1.5, "times": 1},  # done, and told too late
        {"path": "turns/points/payload", "cut": 0, "times": 1},  # learned, and not told
    ],
)
async def test_a_job_that_is_broken_off_is_done_again_and_nothing_is_there_twice(
    server, fault, monkeypatch, record_property
):
    async with opened(server.url, read=1, write=1) as store, scripted_upstream() as upstream:
        async with served(upstream.url, store=store) as it:
            said = "I live in Lisbon. I work at a bakery. I like tea."
            turn = {"user_id": "once", "messages": [{"role": "user", "content": said}]}
            await added(it, turn)
            once, _ = await store.list_memories(Scope("default", "once"), EVERYTHING, limit=MANY)
            turn["user_id"] = "broken"
            recorded = it.gateway.learner.record

            async def record_and_break(turn):
                await recorded(turn)
                server.fault(fault)

            monkeypatch.setattr(it.gateway.learner, "record", record_and_break)
            await added(it, turn, asynchronous=True)
            await it.learned()
            broken, _ = await store.list_memories(
                Scope("default", "broken"), EVERYTHING, limit=MANY
            )
            texts = sorted(each.text for each in broken)
            assert texts == sorted(each.text for each in once)
            backlog = await counted(store)
            twice = len(texts) - len(set(texts))
            record_property("turns", (1, 1 - backlog.pending - backlog.parked, twice))
            assert (backlog.pending, backlog.parked) == (0, 0)


async def counted(store, within=15):
    """What is not learned, once the store has the time to say so."""
    async with asyncio.timeout(within):
        while True:
            try:
                return await store.backlog()
            except StoreError:
                await answers(store)


async def added(it, turn, *, asynchronous=False):
    async with a_client() as client:
        response = await client.post(
            f"{it.url}/api/openmem/v1/add/message",
            json=turn | {"conversation_id": "c", "async_mode": asynchronous},
        )
    assert response.json()["code"] == 0, response.text
