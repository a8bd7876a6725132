"""Any other path under /v1 is passed through untouched; what is large is never held."""

import asyncio
import hashlib
from urllib.parse import unquote

import httpx
import orjson
import pytest

from tests.leaving import leave_when
from tests.scripted_upstream import DONE, delta, scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

MEGABYTE = 2**20


async def echo(exchange):
    """What came, as a document."""
    request = exchange.request
    await exchange.json(
        {
            "method": request.method,
            "path": request.path,
            "body": request.body.decode("latin-1"),
            "type": request.header("content-type"),
        }
    )


def address(it):
    host, port = it.url.removeprefix("http://").split(":")
    return host, int(port)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("GET", "/v1/models/org/model:free"),
        ("GET", "/v1/files?limit=2&after=a%2Fb&x=1%2B2"),
        ("DELETE", "/v1/files/file-1"),
        ("GET", "/v1/chat/completions/chatcmpl-1/messages"),
        ("GET", "/v1/responses/resp_1?include[]=x"),
        ("PATCH", "/v1/x/y%20z"),
        ("OPTIONS", "/v1/anything"),
        ("GET", "/v1/http://elsewhere.example/"),
        ("GET", "/v1/%2F%2Felsewhere.example/"),
    ],
)
async def test_method_path_and_query_go_on_as_they_came(method, path):
    async with scripted_upstream(echo) as upstream, served(upstream.url) as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.request(method, it.url + path)
    assert response.json()["method"] == method
    # As it came, but for characters that a path or query may hold escaped or not.
    assert unquote(response.json()["path"]) == unquote(path)


@pytest.mark.parametrize("path", ["/completions", "/embeddings", "/models", "/models/m"])
async def test_a_base_url_without_v1_serves_too(path):
    async with scripted_upstream(echo) as upstream, served(upstream.url) as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.get(it.url + path)
            chat = await client.post(
                f"{it.url}/chat/completions",
                json={"messages": [{"role": "user", "content": "Hello."}]},
            )
    assert response.json()["path"] == f"/v1{path}"
    assert chat.json()["path"] == "/v1/chat/completions"
    assert chat.headers["x-memory-status"] == "empty"


@pytest.mark.parametrize(
    "path", ["/v1/../admin", "/v1/files/%2e%2e/%2e%2e/x", "/v1/a/..%5Cb", "/v1/./x"]
)
async def test_no_path_leads_out_of_the_api(path):
    async with scripted_upstream(echo) as upstream, served(upstream.url) as it:
        reader, writer = await asyncio.open_connection(*address(it))
        writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 404")
    assert upstream.received == []


async def test_json_goes_on_byte_for_byte():
    body = b'{ "model":"m", "input" : [1e3, 1.10, "\\u00e9"], "x":null }'
    async with scripted_upstream(echo) as upstream, served(upstream.url) as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(
                f"{it.url}/v1/embeddings",
                content=body,
                headers={"content-type": "application/json"},
            )
    assert upstream.last.body == body
    assert upstream.last.header("content-length") == str(len(body))


@pytest.mark.parametrize("sized", [True, False])
async def test_an_upload_goes_on_while_it_arrives(sized):
    """The upstream has the first piece before the client sends the second."""
    there = asyncio.Event()
    first, second = b"a" * 1000, b"b" * 1000
    got = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        got.append(head.lower())
        if not sized:
            await reader.readline()
        got.append(await reader.readexactly(len(first)))
        there.set()
        if not sized:
            await reader.readline()
            await reader.readline()
        got.append(await reader.readexactly(len(second)))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    async def pieces():
        yield first
        await there.wait()
        yield second

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, served(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1") as it:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            sizes = {"content-length": "2000"} if sized else {}
            response = await client.post(
                f"{it.url}/v1/files",
                content=pieces(),
                headers={"content-type": "multipart/form-data; boundary=x", **sizes},
            )
    assert response.content == b"ok"
    assert got[1:] == [first, second]
    framing = b"content-length: 2000" if sized else b"transfer-encoding: chunked"
    assert framing in got[0]
    assert b"boundary=x" in got[0]


async def test_a_large_upload_and_a_large_answer_arrive_whole():
    piece = bytes(range(256)) * 256

    async def script(exchange):
        assert exchange.request.header("content-type") == "application/jsonl"
        await exchange.head(200, [("content-type", "application/octet-stream")])
        for start in range(0, len(exchange.request.body), 2**16):
            await exchange.chunk(exchange.request.body[start : start + 2**16])
        await exchange.end()

    async def pieces():
        for _ in range(320):
            yield piece

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            response = await client.post(
                f"{it.url}/v1/files",
                content=pieces(),
                headers={"content-type": "application/jsonl"},
            )
    assert len(response.content) == 20 * MEGABYTE
    assert hashlib.sha256(response.content).digest() == hashlib.sha256(piece * 320).digest()


async def test_a_binary_answer_is_passed_on_as_it_comes():
    there = asyncio.Event()

    async def script(exchange):
        await exchange.head(200, [("content-type", "audio/mpeg")], length=8)
        await exchange.raw(b"\xff\xfb\x00\x01")
        await there.wait()
        await exchange.raw(b"tail")

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        async with (
            httpx.AsyncClient(trust_env=False, timeout=5) as client,
            client.stream("POST", f"{it.url}/v1/audio/speech", json={"input": "x"}) as response,
        ):
            got = []
            async for piece in response.aiter_raw():
                got.append(piece)
                there.set()
    assert b"".join(got) == b"\xff\xfb\x00\x01tail"
    assert got[0] == b"\xff\xfb\x00\x01"
    assert response.headers["content-length"] == "8"


async def test_a_binary_answer_that_breaks_off_is_not_taken_for_whole():
    async def script(exchange):
        await exchange.head(200, [("content-type", "audio/mpeg")])
        await exchange.chunk(b"half")
        await asyncio.sleep(0.05)  # so that the piece is not lost with the connection
        exchange.abort()

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(f"{it.url}/v1/files/f/content")


async def test_another_stream_passes_with_its_error_told_in_band():
    async def script(exchange):
        await exchange.head(200, [("content-type", "text/event-stream")])
        await exchange.chunk(delta("Hel"))
        await asyncio.sleep(0.05)
        exchange.abort()

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.post(f"{it.url}/v1/completions", json={"stream": True})
    assert response.content.startswith(delta("Hel"))
    error = orjson.loads(response.content[len(delta("Hel")) + 6 :])["error"]
    assert error["code"] == "upstream_broken"


async def test_a_stream_of_completions_is_untouched():
    async def script(exchange):
        await exchange.stream(b": hi\r\n\r\n", delta("Hel")[:7], delta("Hel")[7:], DONE)

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.post(f"{it.url}/v1/completions", json={"stream": True})
    assert response.content == b": hi\r\n\r\n" + delta("Hel") + DONE


@pytest.mark.parametrize("declared", [True, False])
async def test_an_upload_beyond_the_limit_is_refused(declared):
    async def pieces():
        for _ in range(10):
            yield b"x" * 1000

    async with scripted_upstream(echo) as upstream:
        async with served(upstream.url, max_upload_bytes=5000) as it:
            async with httpx.AsyncClient(trust_env=False) as client:
                response = await client.post(
                    f"{it.url}/v1/files",
                    content=b"x" * 10_000 if declared else pieces(),
                    headers={"content-type": "application/octet-stream"},
                )
    assert response.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    assert "larger than 5000 bytes" in response.json()["error"]["message"]
    assert not declared or upstream.received == []


async def test_an_upload_that_stops_arriving_is_a_timeout():
    async with scripted_upstream(echo) as upstream:
        async with served(upstream.url, body_timeout=0.1) as it:
            reader, writer = await asyncio.open_connection(*address(it))
            writer.write(b"POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf")
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)
            writer.close()
    assert answer.startswith(b"HTTP/1.1 408")


async def test_a_client_that_leaves_amid_its_upload_closes_the_upstream():
    arrived, closed = asyncio.Event(), asyncio.Event()

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        while await reader.read(1000):
            pass
        closed.set()
        writer.close()

    async def pieces():
        yield b"x" * 1000
        await asyncio.Event().wait()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, served(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1") as it:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            await leave_when(arrived, client.post(f"{it.url}/v1/files", content=pieces()))
        await asyncio.wait_for(closed.wait(), 5)


async def test_an_early_refusal_reaches_a_client_that_is_still_sending():
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"error":{"message":"no","type":"t","param":null,"code":null}}'
        writer.write(b"HTTP/1.1 403 No\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        while await reader.read(1000):
            pass
        writer.close()

    async def pieces():
        for _ in range(20):
            yield b"x" * 1000
            await asyncio.sleep(0.01)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, served(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1") as it:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            response = await client.post(f"{it.url}/v1/files", content=pieces())
    assert response.status_code == httpx.codes.FORBIDDEN
