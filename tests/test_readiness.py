"""A balancer is told to send requests for as long as they are served, with memory or without."""

import asyncio

import httpx
import pytest

from tests.served import served

pytestmark = pytest.mark.anyio


def saying(**parts: str):
    async def health():
        return parts

    return health


async def asked(it, path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(it.url + path)


@pytest.mark.fault("F52")
async def test_a_gateway_whose_parts_all_work_is_ready():
    async with served(health=saying(store="ok", queue="ok")) as it:
        ready = await asked(it, "/readyz")
    assert ready.status_code == httpx.codes.OK
    assert ready.json() == {"status": "ok", "parts": {"store": "ok", "queue": "ok"}}


@pytest.mark.fault("F52")
async def test_a_gateway_without_its_store_is_still_ready_and_says_what_fails():
    async with served(health=saying(store="failing", queue="ok")) as it:
        ready = await asked(it, "/readyz")
        alive = await asked(it, "/healthz")
    assert ready.status_code == alive.status_code == httpx.codes.OK
    assert ready.json() == {"status": "degraded", "parts": {"store": "failing", "queue": "ok"}}


@pytest.mark.fault("F52")
async def test_a_gateway_that_shuts_down_is_alive_and_not_ready():
    async with served() as it:
        it.gateway.drain.begin()
        ready = await asked(it, "/readyz")
        alive = await asked(it, "/healthz")
    assert ready.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert ready.json()["status"] == "shutting down"
    assert alive.status_code == httpx.codes.OK


@pytest.mark.fault("F52")
async def test_a_probe_is_answered_also_when_a_part_does_not_answer():
    async def frozen():
        await asyncio.Event().wait()

    async with served(health=frozen) as it:
        ready = await asked(it, "/readyz")
    assert ready.status_code == httpx.codes.OK
    assert ready.json()["status"] == "degraded"
    assert ready.elapsed.total_seconds() < 5
