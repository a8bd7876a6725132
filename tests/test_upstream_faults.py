"""What goes wrong at the model's server reaches the client as it is, or as a plain 502 or 504."""

import asyncio
import socket
from typing import Any

import httpx
import openai
import pytest

from gateway.adapters.upstream import Timeouts
from gateway.memory.model import Scope
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ASK: dict[str, Any] = {
    "model": "m",
    "stream": True,
    "user": "ann",
    "metadata": {"conversation_id": "c"},
    "messages": [{"role": "user", "content": "Hello?"}],
}
ANSWERS = {
    400: b'{"error":{"message":"no","type":"invalid_request_error","param":"x","code":null}}',
    401: b'{"error":{"message":"Incorrect API key","type":"x","param":null,"code":"invalid"}}',
    404: b"<html>not here</html>",
    429: b'{"error":{"message":"slow down","type":"tokens","param":null,"code":"rate_limit"}}',
    500: b"",
    503: b'{"detail":"loading"}',
}


async def post(it, body=ASK) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{it.url}/v1/chat/completions", json=body)


@pytest.mark.fault("F13")
@pytest.mark.parametrize("mode", ["on", "off"])
@pytest.mark.parametrize("status", ANSWERS)
async def test_an_error_keeps_its_status_and_body_and_is_not_remembered(status, mode):
    async def script(exchange):
        kind = "text/html" if status == 404 else "application/json"
        await exchange.head(
            status,
            [("content-type", kind), ("retry-after-ms", "250"), ("x-should-retry", "true")],
            length=len(ANSWERS[status]),
        )
        await exchange.raw(ANSWERS[status])

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        response = await post(it, ASK | {"memory": {"mode": mode}})
        await it.learned()
        turns = await it.gateway.store.get_turns(Scope("default", "ann"), "c", 1)
    assert response.status_code == status
    assert response.content == ANSWERS[status]
    assert response.headers["retry-after-ms"] == "250"
    assert response.headers["x-should-retry"] == "true"
    assert turns == []
    assert len(upstream.received) == 1


def assert_openai_error(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code


@pytest.mark.fault("F12")
@pytest.mark.parametrize("stream", [True, False])
async def test_a_server_that_is_not_there_is_a_502(stream):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with served(f"http://127.0.0.1:{port}/v1") as it:
        response = await post(it, ASK | {"stream": stream})
        assert_openai_error(response, 502, "upstream_unreachable")
        assert await it.gateway.store.get_turns(Scope("default", "ann"), "c", 1) == []


@pytest.mark.fault("F12")
async def test_a_name_that_does_not_resolve_is_a_502():
    async with served("http://no-such-host.invalid/v1") as it:
        assert_openai_error(await post(it), 502, "upstream_unreachable")


@pytest.mark.fault("F12")
async def test_a_server_that_closes_without_a_word_is_a_502():
    async def script(exchange):
        exchange.abort()

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        assert_openai_error(await post(it), 502, "upstream_unreachable")


@pytest.mark.fault("F12")
async def test_a_server_that_speaks_no_tls_where_it_should_is_a_502():
    async def plain(_reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with server, served(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1") as it:
        assert_openai_error(await post(it), 502, "upstream_unreachable")


@pytest.mark.fault("F12")
async def test_a_server_that_takes_no_connection_in_time_is_a_504():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = []
        for _ in range(4):  # what the kernel takes for it, so that the next must wait
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            waiting.append(one)
        timeouts = Timeouts(connect=0.2, first_byte=5, idle=5)
        async with served(f"http://127.0.0.1:{port}/v1", timeouts=timeouts) as it:
            assert_openai_error(await post(it), 504, "upstream_timeout")
        for one in waiting:
            one.close()


@pytest.mark.fault("F14")
@pytest.mark.parametrize("stream", [True, False])
async def test_after_the_head_of_an_answer_nothing_comes(stream):
    async def script(exchange):
        kind = "text/event-stream" if stream else "application/json"
        await exchange.head(200, [("content-type", kind)])
        await exchange.closed.wait()

    timeouts = Timeouts(connect=1, first_byte=1, idle=0.1)
    async with scripted_upstream(script) as upstream, served(upstream.url, timeouts=timeouts) as it:
        response = await post(it, ASK | {"stream": stream})
    if stream:
        assert response.status_code == httpx.codes.OK
        assert b'"code":"upstream_timeout"' in response.content
        assert b"[DONE]" not in response.content
    else:
        assert_openai_error(response, 504, "upstream_timeout")


@pytest.mark.fault("F14")
@pytest.mark.parametrize("stream", [True, False])
async def test_a_server_that_does_not_answer_in_time_is_a_504(stream):
    async def script(exchange):
        await exchange.closed.wait()

    timeouts = Timeouts(connect=1, first_byte=0.1, idle=1)
    async with scripted_upstream(script) as upstream, served(upstream.url, timeouts=timeouts) as it:
        assert_openai_error(await post(it, ASK | {"stream": stream}), 504, "upstream_timeout")
        async with asyncio.timeout(5):
            await upstream.exchanges[0].closed.wait()


async def test_the_official_client_sees_the_errors_it_knows():
    async def script(exchange):
        await exchange.head(
            429,
            [("content-type", "application/json"), ("x-request-id", "req_9")],
            length=len(ANSWERS[429]),
        )
        await exchange.raw(ANSWERS[429])

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        async with openai.AsyncOpenAI(
            base_url=f"{it.url}/v1", api_key="k", max_retries=0
        ) as client:
            with pytest.raises(openai.RateLimitError) as caught:
                await client.chat.completions.create(**ASK)
    assert caught.value.code == "rate_limit"
    assert caught.value.request_id == "req_9"


async def test_the_configured_key_replaces_the_clients_and_the_gateways_never_leaves():
    keys = "acme:gw-secret"
    async with scripted_upstream() as upstream:
        async with served(upstream.url, upstream_api_key="sk-up", api_keys=keys) as it:
            async with openai.AsyncOpenAI(base_url=f"{it.url}/v1", api_key="gw-secret") as client:
                await client.chat.completions.create(**ASK)
        assert upstream.last.header("authorization") == "Bearer sk-up"
        async with served(upstream.url, api_keys=keys) as it:
            async with openai.AsyncOpenAI(base_url=f"{it.url}/v1", api_key="gw-secret") as client:
                await client.chat.completions.create(**ASK)
        assert upstream.last.header("authorization") is None


@pytest.mark.parametrize("way", ["/v1/models/../keys", "/v1/models/a/%2e%2e/%2e%2e/keys"])
async def test_a_models_id_leads_nowhere_else(way):
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        host, port = it.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {way} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 404")
    assert upstream.received == []


async def test_models_are_the_upstreams_own():
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        async with openai.AsyncOpenAI(base_url=f"{it.url}/v1", api_key="k") as client:
            models = [model.id async for model in client.models.list()]
    assert models == ["m"]
    assert upstream.last.path == "/v1/models"
