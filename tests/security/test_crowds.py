"""A crowd with one key gets what that key may have, and others are served beside it."""

import asyncio
import collections

import httpx
import pytest

from gateway.adapters.upstream import Timeouts
from tests.scripted_upstream import scripted_upstream
from tests.security.target import ACME, CHAT, GLOBEX
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.security("B17"), pytest.mark.security("S10")]

KEYS = f"acme:{ACME},globex:{GLOBEX}"
PATIENT = Timeouts(connect=60, first_byte=100, idle=60)  # a crowd on a busy machine takes long
ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}


class Held:
    """An upstream's script that answers when it is told to."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.most = asyncio.Event()
        self.waiting = 0

    async def __call__(self, exchange) -> None:
        self.waiting += 1
        self.most.set()
        await self.go_on.wait()
        await exchange.json({"choices": []})


def clients(url: str, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        trust_env=False,
        base_url=url,
        headers={"authorization": f"Bearer {key}", "x-memory": "off"},
        limits=httpx.Limits(max_connections=None),
        timeout=100,
    )


@pytest.mark.parametrize(("at_once", "limit"), [(200, 1), (200, 50), (1000, 10)])
async def test_what_is_beyond_the_limit_is_told_to_come_again_and_the_others_key_is_served(
    at_once, limit
):
    held = Held()
    async with (
        scripted_upstream(held) as upstream,
        served(
            upstream.url, api_keys=KEYS, key_in_flight=limit, max_in_flight=2000, timeouts=PATIENT
        ) as it,
        clients(it.url, ACME) as crowd,
        clients(it.url, GLOBEX) as other,
    ):
        tasks = [asyncio.create_task(crowd.post(CHAT, json=ASK)) for _ in range(at_once)]
        finished = asyncio.as_completed(tasks)
        for _ in range(at_once - limit):
            assert (await next(finished)).status_code == 429
        while held.waiting < limit:  # noqa: ASYNC110  those that were taken are awaited
            await asyncio.sleep(0.01)
        beside = asyncio.create_task(other.post(CHAT, json=ASK))
        while held.waiting == limit:  # noqa: ASYNC110  the other's request is what is awaited
            await asyncio.sleep(0.01)
        held.go_on.set()
        assert (await beside).status_code == 200
        told = collections.Counter(answer.status_code for answer in await asyncio.gather(*tasks))
        assert told == {200: limit, 429: at_once - limit}
        last = await crowd.post(CHAT, json=ASK)
        assert last.status_code == 200


async def test_a_refusal_says_when_to_come_again():
    held = Held()
    async with (
        scripted_upstream(held) as upstream,
        served(upstream.url, api_keys=KEYS, key_in_flight=1) as it,
        clients(it.url, ACME) as client,
    ):
        first = asyncio.create_task(client.post(CHAT, json=ASK))
        await asyncio.wait_for(held.most.wait(), 5)
        refused = await client.post(CHAT, json=ASK)
        held.go_on.set()
        await first
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"


async def test_who_leaves_gives_the_place_back():
    held = Held()
    async with (
        scripted_upstream(held) as upstream,
        served(upstream.url, api_keys=KEYS, key_in_flight=1) as it,
        clients(it.url, ACME) as client,
    ):
        leaving = asyncio.create_task(client.post(CHAT, json=ASK))
        await asyncio.wait_for(held.most.wait(), 5)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        held.go_on.set()
        async with asyncio.timeout(5):
            while (await client.post(CHAT, json=ASK)).status_code != 200:  # noqa: ASYNC110  as above
                await asyncio.sleep(0.01)
