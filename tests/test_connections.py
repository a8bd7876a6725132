"""A connection that the server closed while it was idle costs no request, and no second answer."""

import asyncio

import httpx
import pytest

from tests.scripted_upstream import says_hello, scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}


def says_hello_once(then):
    """Says hello to the first request of each connection, and does `then` at any further one."""
    known = set()

    async def script(exchange):
        if exchange._writer in known:
            await then(exchange)
        else:
            known.add(exchange._writer)
            await says_hello(exchange)

    return script


async def closes(exchange):
    exchange._writer.close()


async def resets(exchange):
    exchange.abort()


async def closes_amid_its_head(exchange):
    await exchange.raw(b"HTTP/1.1 200 OK\r\ncont")
    await asyncio.sleep(0.05)
    exchange._writer.close()


async def resets_amid_its_head(exchange):
    await exchange.raw(b"H")
    await asyncio.sleep(0.05)
    exchange.abort()


async def ask_twice(it, **second):
    async with httpx.AsyncClient(trust_env=False, base_url=it.url) as client:
        first = await client.post("/v1/chat/completions", json=ASK)
        assert first.status_code == httpx.codes.OK
        return await client.post("/v1/chat/completions", **({"json": ASK} | second))


@pytest.mark.parametrize("fault", [closes, resets])
async def test_a_connection_that_the_server_closed_while_it_was_idle_costs_no_request(fault):
    async with scripted_upstream(says_hello_once(fault)) as upstream, served(upstream.url) as it:
        response = await ask_twice(it)
    assert response.status_code == httpx.codes.OK
    assert len(upstream.received) == 3
    assert upstream.received[1] == upstream.received[2]
    assert len({exchange._writer for exchange in upstream.exchanges}) == 2


async def test_not_another_idle_connection_is_tried_but_a_new_one():
    reached = asyncio.Event()
    go_on = asyncio.Event()

    async def together(exchange):
        if len(upstream.received) == 5:
            reached.set()
        await go_on.wait()
        await says_hello(exchange)

    async with scripted_upstream(together) as upstream, served(upstream.url) as it:
        async with httpx.AsyncClient(trust_env=False, base_url=it.url) as client:
            asking = [
                asyncio.create_task(client.post("/v1/chat/completions", json=ASK)) for _ in range(5)
            ]
            await asyncio.wait_for(reached.wait(), 5)
            go_on.set()
            await asyncio.gather(*asking)
            known = {exchange._writer for exchange in upstream.exchanges}

            async def only_new_ones(exchange):
                await (resets if exchange._writer in known else says_hello)(exchange)

            upstream.script = only_new_ones
            response = await client.post("/v1/chat/completions", json=ASK)
    assert response.status_code == httpx.codes.OK
    assert len(upstream.received) == 7


@pytest.mark.parametrize("fault", [closes, resets])
async def test_a_new_connection_that_is_closed_without_a_word_is_an_error(fault):
    async with scripted_upstream(fault) as upstream, served(upstream.url) as it:
        async with httpx.AsyncClient(trust_env=False, base_url=it.url) as client:
            response = await client.post("/v1/chat/completions", json=ASK)
    assert response.status_code == httpx.codes.BAD_GATEWAY
    assert len(upstream.received) == 1


async def test_it_is_tried_once_more_and_not_again():
    async with scripted_upstream(says_hello_once(resets)) as upstream, served(upstream.url) as it:
        async with httpx.AsyncClient(trust_env=False, base_url=it.url) as client:
            await client.post("/v1/chat/completions", json=ASK)
            upstream.script = resets
            response = await client.post("/v1/chat/completions", json=ASK)
    assert response.status_code == httpx.codes.BAD_GATEWAY
    assert len(upstream.received) == 3


@pytest.mark.parametrize("fault", [closes_amid_its_head, resets_amid_its_head])
async def test_a_request_that_was_heard_is_not_sent_again(fault):
    async with scripted_upstream(says_hello_once(fault)) as upstream, served(upstream.url) as it:
        response = await ask_twice(it)
    assert response.status_code == httpx.codes.BAD_GATEWAY
    assert len(upstream.received) == 2


async def test_an_upload_is_not_sent_again():
    async with scripted_upstream(says_hello_once(resets)) as upstream, served(upstream.url) as it:
        async with httpx.AsyncClient(trust_env=False, base_url=it.url) as client:
            await client.post("/v1/chat/completions", json=ASK)
            response = await client.post(
                "/v1/files", content=b"x", headers={"content-type": "application/octet-stream"}
            )
    assert response.status_code == httpx.codes.BAD_GATEWAY
    assert len(upstream.received) == 2
