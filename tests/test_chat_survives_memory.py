"""A chat never fails because memory failed, and recall adds at most its budget."""

import asyncio
import time

import httpx
import pytest

from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_spool import FakeSpool
from gateway.adapters.fake_store import FakeStore
from gateway.errors import EmbedderBusyError, EmbeddingError, StoreError
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ASK = {"model": "m", "user": "ann", "messages": [{"role": "user", "content": "Where do I live?"}]}


async def _refuse(*_args, **_kwargs):
    raise StoreError("down")


async def _crash(*_args, **_kwargs):
    raise RuntimeError("a bug, with a secret in its message")


async def _never(*_args, **_kwargs):
    await asyncio.Event().wait()


async def chat(it, text: str = "Where do I live?") -> tuple[httpx.Response, float]:
    body = ASK | {"messages": [{"role": "user", "content": text}]}
    async with httpx.AsyncClient(trust_env=False) as client:
        started = time.perf_counter()
        response = await client.post(f"{it.url}/v1/chat/completions", json=body)
        return response, time.perf_counter() - started


def assert_served(response: httpx.Response, status: str) -> None:
    assert response.status_code == httpx.codes.OK
    assert response.json()["choices"][0]["message"]["content"] == "Hello."
    assert response.headers["x-memory-status"] == status
    assert response.headers["x-memory-count"] == "0"


@pytest.mark.parametrize(
    ("fault", "status"),
    [(_refuse, "degraded;reason=store"), (_crash, "degraded;reason=error")],
)
@pytest.mark.parametrize("method", ["search", "list_memories"])
async def test_a_store_that_fails_costs_the_memories_only(fault, status, method):
    store = FakeStore()
    setattr(store, method, fault)
    async with scripted_upstream() as upstream, served(upstream.url, store=store) as it:
        response, _ = await chat(it)
    assert_served(response, status)
    assert upstream.last.json == ASK


@pytest.mark.parametrize("method", ["put_turn", "revise_memories"])
@pytest.mark.parametrize("fault", [_refuse, _crash])
async def test_a_turn_that_cannot_be_recorded_costs_the_record_only(fault, method):
    store, spool = FakeStore(), FakeSpool()
    setattr(store, method, fault)
    setattr(spool, "append", fault)  # noqa: B010  as the store's
    async with scripted_upstream() as upstream:
        async with served(upstream.url, store=store, spool=spool) as it:
            response, _ = await chat(it)
            await it.gateway.background.join()
            counted = it.gateway.metrics.registry.get_sample_value("gateway_turns_unrecorded_total")
    assert_served(response, "empty")
    assert counted == 1


@pytest.mark.parametrize("budget_ms", [50, 150])
async def test_recall_that_overruns_its_budget_is_left_behind(budget_ms, monkeypatch):
    store = FakeStore()
    monkeypatch.setattr(store, "search", _never)
    async with (
        scripted_upstream() as upstream,
        served(upstream.url, store=store, recall_timeout_ms=budget_ms) as it,
    ):
        response, took = await chat(it)
    assert_served(response, "degraded;reason=timeout")
    recalled = float(response.headers["server-timing"].split("recall;dur=")[1].split(",")[0])
    assert budget_ms <= recalled < budget_ms + 500  # on a busy machine; the store never answers
    assert took < 5


@pytest.mark.parametrize(
    ("error", "status"), [(EmbeddingError, "embedder"), (EmbedderBusyError, "busy")]
)
async def test_without_an_embedder_the_words_are_searched(error, status, monkeypatch):
    async def fail(_text):
        raise error("no")

    embedder = FakeEmbedder()
    async with scripted_upstream() as upstream, served(upstream.url, embedder=embedder) as it:
        said = [f"The weather on day {number} was fair." for number in range(12)]
        said.insert(6, "My sister Anna hates peanuts.")
        added = {
            "user_id": "ann",
            "messages": [{"role": "user", "content": text} for text in said],
        }
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(f"{it.url}/api/openmem/v1/add/message", json=added)
        await it.learned()
        monkeypatch.setattr(embedder, "embed_query", fail)
        response, _ = await chat(it, "What does my sister Anna hate, peanuts?")
    assert response.headers["x-memory-status"] == f"degraded;reason={status}"
    assert int(response.headers["x-memory-count"]) > 0
    assert "My sister Anna hates peanuts." in upstream.last.json["messages"][0]["content"]


async def test_a_queue_that_is_full_of_failures_costs_the_learning_only(monkeypatch):
    async def fail(_texts):
        raise EmbeddingError("no")

    embedder = FakeEmbedder()
    monkeypatch.setattr(embedder, "embed_documents", fail)
    async with scripted_upstream() as upstream, served(upstream.url, embedder=embedder) as it:
        for _ in range(3):
            response, _ = await chat(it)
            assert response.status_code == httpx.codes.OK
