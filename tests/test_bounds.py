"""What a request may take is bounded by settings, and what is refused is told in JSON."""

import asyncio

import httpx
import pytest

from tests.scripted_upstream import delta, scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}


def assert_refused(response: httpx.Response, status: int) -> None:
    assert response.status_code == status
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
async def test_a_body_at_the_limit_passes_and_one_byte_more_does_not(chunked):
    whole = b'{"model":"m","messages":[{"role":"user","content":"' + b"x" * 2000 + b'"}]}'

    async def pieces(body):
        yield body[:100]
        yield body[100:]

    async with (
        scripted_upstream() as upstream,
        served(upstream.url, max_body_bytes=len(whole)) as it,
        httpx.AsyncClient(trust_env=False, base_url=it.url) as client,
    ):
        for body, status in ((whole, 200), (whole + b" ", 413)):
            content = pieces(body) if chunked else body
            response = await client.post("/v1/chat/completions", content=content)
            if status == httpx.codes.OK:
                assert response.status_code == status
            else:
                assert_refused(response, status)
    assert len(upstream.received) == 1


@pytest.mark.security("S11")
async def test_a_body_that_does_not_arrive_is_given_up():
    async with served(body_timeout=0.1) as it:
        host, port = it.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"
        )
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")


async def test_more_requests_than_may_be_served_at_once_are_told_to_come_again():
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def script(exchange):
        reached.set()
        await go_on.wait()
        await exchange.json({"choices": []})

    async with (
        scripted_upstream(script) as upstream,
        served(upstream.url, max_in_flight=1) as it,
        httpx.AsyncClient(trust_env=False, base_url=it.url) as client,
    ):
        first = asyncio.create_task(client.post("/v1/chat/completions", json=ASK))
        await asyncio.wait_for(reached.wait(), 5)
        refused = await client.post("/v1/chat/completions", json=ASK)
        go_on.set()
        assert (await first).status_code == httpx.codes.OK
        again = await client.post("/v1/chat/completions", json=ASK)
    assert_refused(refused, 503)
    assert refused.headers["retry-after"] == "1"
    assert again.status_code == httpx.codes.OK


async def floods(exchange):
    await exchange.head(200, [("content-type", "text/event-stream")])
    while not exchange.closed.is_set():
        await exchange.chunk(delta("x" * 60_000))


async def floods_in_one_piece(exchange):
    await exchange.head(200, [("content-type", "application/json")], length=2**30)
    while not exchange.closed.is_set():
        await exchange.raw(b"x" * 60_000)


@pytest.mark.security("S11")
@pytest.mark.fault("F27")
@pytest.mark.parametrize("mode", ["on", "off"])
@pytest.mark.parametrize(
    "script", [floods, floods_in_one_piece], ids=lambda script: script.__name__
)
async def test_a_client_that_does_not_read_does_not_hold_the_upstream_for_ever(script, mode):
    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, client_write_timeout=0.2) as it:
            host, port = it.url.removeprefix("http://").split(":")
            body = b'{"stream":true,"messages":[{"role":"user","content":"go"}]}'
            _reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
            writer.write(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-memory: %s\r\n"
                b"content-length: %d\r\n\r\n%s" % (mode.encode(), len(body), body)
            )
            async with asyncio.timeout(10):
                while not upstream.exchanges:  # noqa: ASYNC110  the connection is what is awaited
                    await asyncio.sleep(0.01)
                await upstream.exchanges[0].closed.wait()
            writer.close()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b'"x"', None),
        (b'{"messages":[]} {}', None),
        (b'\xff\xfe{"a":1}', None),
        (b'{"messages":[],"memory":1}', "memory"),
        (b'{"messages":[],"memory":{"mode":"maybe"}}', "memory.mode"),
        (b'{"messages":[],"memory":{"limit":-1}}', "memory.limit"),
        (b'{"messages":[],"memory":{"limit":"5"}}', "memory.limit"),
        (b'{"messages":[],"memory":{"surprise":1}}', "memory.surprise"),
        (b'{"messages":[],"memory":{"filter":{}}}', "filter"),
        (b'{"messages":[{"role":"user","content":"x"}],"user":"' + b"u" * 257 + b'"}', "user"),
    ],
)
async def test_a_bad_body_is_a_400_that_names_the_field_and_goes_nowhere(body, param):
    async with (
        scripted_upstream() as upstream,
        served(upstream.url) as it,
        httpx.AsyncClient(trust_env=False, base_url=it.url) as client,
    ):
        response = await client.post("/v1/chat/completions", content=body)
    assert_refused(response, 400)
    assert response.json()["error"]["param"] == param
    assert upstream.received == []


@pytest.mark.parametrize(
    "messages",
    [None, {}, [], "x", [None], [1], [{"role": "user"}], [{"role": 7, "content": {}}]],
    ids=str,
)
async def test_what_is_openais_to_judge_is_left_to_the_upstream(messages):
    body = {"model": "m", "messages": messages, "temperature": "hot"}
    async with (
        scripted_upstream() as upstream,
        served(upstream.url) as it,
        httpx.AsyncClient(trust_env=False, base_url=it.url) as client,
    ):
        response = await client.post("/v1/chat/completions", json=body)
    assert response.status_code == httpx.codes.OK
    assert upstream.last.json == body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/chat/completions", 405),
        ("POST", "/v1/chat/completions/", 404),
        ("POST", "//v1/chat/completions", 404),
        ("GET", "/nothing", 404),
        ("DELETE", "/v1/models", 404),
    ],
)
async def test_an_address_that_is_none_is_told_in_json(method, path, status):
    async with served() as it, httpx.AsyncClient(trust_env=False) as client:
        assert_refused(await client.request(method, it.url + path), status)
