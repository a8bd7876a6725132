"""What the client gets is byte for byte what the model's server sent, and the other way about."""

import asyncio

import httpx
import orjson
import pytest

from tests.scripted_upstream import DONE, delta, event, scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

UNKNOWN = event(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "obfuscation": "a8Zk",
        "provider": "x",
        "choices": [
            {
                "index": 0,
                "delta": {
                    "content": "é 🎈 \u2028 \x85",
                    "reasoning_content": "hm",
                    "refusal": None,
                },
                "logprobs": {"content": [{"token": "é", "logprob": -0.30000000000000004}]},
                "finish_reason": None,
            },
            {"index": 1, "delta": {"content": "the other choice"}, "finish_reason": None},
        ],
    }
)
TOOL_CALLS = b"".join(
    event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]})
    for call in (
        {
            "index": 0,
            "id": "call_a",
            "type": "function",
            "function": {"name": "f", "arguments": ""},
        },
        {
            "index": 1,
            "id": "call_b",
            "type": "function",
            "function": {"name": "g", "arguments": ""},
        },
        {"index": 0, "function": {"arguments": '{"x":'}},
        {"index": 1, "function": {"arguments": "{}"}},
        {"index": 0, "function": {"arguments": "1}"}},
    )
)
USAGE = event({"choices": [], "usage": {"prompt_tokens": 7, "details": {"cached": 3}}})
STREAM = (
    b": OPENROUTER PROCESSING\n\n"
    + UNKNOWN
    + TOOL_CALLS
    + b'data:{"choices":[]}\r\n\r\n'  # no space, other line ends
    + delta("", "stop")
    + USAGE
    + DONE
)


def pieces_of(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


async def stream_through(url: str, body: dict, **headers: str) -> tuple[httpx.Response, bytes]:
    async with (
        httpx.AsyncClient(trust_env=False) as client,
        client.stream("POST", f"{url}/v1/chat/completions", json=body, headers=headers) as response,
    ):
        return response, b"".join([chunk async for chunk in response.aiter_raw()])


ASK = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hello?"}]}


@pytest.mark.parametrize("mode", ["on", "off", "read", "write"])
@pytest.mark.parametrize("size", [1, 7, 64, 1000, 100_000])
async def test_a_stream_split_anywhere_arrives_as_it_was_sent(mode, size):
    async def script(exchange):
        await exchange.stream(*pieces_of(STREAM, size))

    async with scripted_upstream(script) as upstream, served(upstream.url) as gateway:
        response, got = await stream_through(gateway.url, ASK, **{"x-memory": mode})
    assert got == STREAM
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "content-length" not in response.headers


async def test_each_piece_arrives_before_the_next_is_sent():
    sent = [delta("one"), delta("two"), delta("three", "stop"), DONE]
    seen: asyncio.Queue[bytes] = asyncio.Queue()

    async def script(exchange):
        await exchange.head(200, [("content-type", "text/event-stream")])
        for piece in sent[:-1]:
            await exchange.chunk(piece)
            assert await asyncio.wait_for(seen.get(), 5) == piece
        await exchange.chunk(sent[-1])
        await exchange.end()

    async with (
        scripted_upstream(script) as upstream,
        served(upstream.url) as gateway,
        httpx.AsyncClient(trust_env=False) as client,
        client.stream("POST", f"{gateway.url}/v1/chat/completions", json=ASK) as response,
    ):
        got = []
        async for chunk in response.aiter_raw():
            got.append(chunk)
            await seen.put(chunk)
    assert b"".join(got) == b"".join(sent)


async def test_done_waits_for_the_turn_to_be_recorded_and_no_longer_than_it_may():
    async def script(exchange):
        await exchange.stream(delta("Hi.", "stop"), DONE)

    async with scripted_upstream(script) as upstream, served(upstream.url) as gateway:
        held = asyncio.Event()
        record = gateway.gateway.learner.record

        async def slow_record(turn):
            held.set()
            await asyncio.sleep(30)
            await record(turn)

        object.__setattr__(gateway.gateway.learner, "record", slow_record)
        started = asyncio.get_running_loop().time()
        _, got = await stream_through(gateway.url, ASK)
        took = asyncio.get_running_loop().time() - started
    assert held.is_set()
    assert got.endswith(DONE)
    assert 0.2 < took < 10  # the record takes thirty


async def test_an_answer_that_is_not_streamed_arrives_as_it_was_sent():
    odd = b'{ "choices":[{"index":0,"message":{"role":"assistant","content":"1e3"},'
    odd += b'"finish_reason":"stop"}],"n":1.10,"n":12345678901234567890123,"x":{"y":1E5}}\n'

    async def script(exchange):
        await exchange.head(
            200, [("content-type", "application/json"), ("x-request-id", "req_1")], length=len(odd)
        )
        await exchange.raw(odd)

    async with scripted_upstream(script) as upstream, served(upstream.url) as gateway:
        response, got = await stream_through(gateway.url, ASK | {"stream": False})
    assert got == odd
    assert response.headers["content-length"] == str(len(odd))


async def test_the_servers_own_headers_pass_and_its_connections_do_not():
    headers = {
        "x-request-id": "req_7",
        "openai-organization": "org",
        "openai-processing-ms": "12",
        "x-ratelimit-remaining-requests": "9",
        "retry-after": "2",
        "cf-ray": "1-LIS",
        "keep-alive": "timeout=5",
        "connection": "x-secret-hop",
        "x-secret-hop": "1",
    }

    async def script(exchange):
        await exchange.stream(delta("Hi.", "stop"), DONE, headers=list(headers.items()))

    async with scripted_upstream(script) as upstream, served(upstream.url) as gateway:
        response, _ = await stream_through(gateway.url, ASK)
    passed = {k: v for k, v in headers.items() if k not in {"keep-alive", "connection"}}
    del passed["x-secret-hop"]
    assert {name: response.headers.get(name) for name in passed} == passed
    assert "x-secret-hop" not in response.headers
    assert response.headers["x-gateway-request-id"]
    assert response.headers["cache-control"] == "no-cache"


REQUEST = (
    b'{"model" : "m","temperature":1e0,"seed":12345678901234567890123, "top_p":0.30000000000000004,'
    b'"thinking":{"budget":1.10},"tools":[{"type":"custom","custom":{"name":"x","z":null}}],'
    b'"messages":[{"role":"developer","content":"Be brief.","name":"d"},'
    b'{"role":"user","content":[{"type":"future_part","data":{"b":2,"a":1}},'
    b'{"type":"text","text":"\\u0048ello <memories> \\/ "}]},'
    b'{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function",'
    b'"function":{"name":"f","arguments":"{ \\"a\\":1 }"}}]},'
    b'{"role":"tool","tool_call_id":"c1","content":"42"}],"stream":false,"user":"ann"}'
)


@pytest.mark.parametrize("mode", ["on", "off", "read", "write"])
async def test_a_request_without_memories_to_add_goes_on_as_it_came(mode):
    async with scripted_upstream() as upstream, served(upstream.url) as gateway:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(
                f"{gateway.url}/v1/chat/completions",
                content=REQUEST,
                headers={"x-memory": mode, "content-type": "application/json"},
            )
    assert upstream.last.body == REQUEST


@pytest.mark.parametrize("mode", ["on", "off"])
@pytest.mark.parametrize("path", ["chat/completions", "responses", "embeddings"])
async def test_the_query_of_an_address_goes_on_as_it_was_written(mode, path):
    query = "api-version=2024-10-21&x=a+b%20%C3%A9&x"
    async with scripted_upstream() as upstream, served(upstream.url) as gateway:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(
                f"{gateway.url}/v1/{path}?{query}",
                json={"messages": ASK["messages"], "input": "Hi"},
                headers={"x-memory": mode},
            )
    assert upstream.last.path == f"/v1/{path}?{query}"


async def test_a_request_with_memories_differs_by_the_block_alone():
    async with scripted_upstream() as upstream, served(upstream.url) as gateway:
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"{gateway.url}/v1/chat/completions"
            told = {"role": "user", "content": "Hello, I always say hello."}
            await client.post(url, json={"model": "m", "user": "ann", "messages": [told]})
            await gateway.learned()
            await client.post(url, content=REQUEST)
    sent = upstream.last.body
    assert len(sent) > len(REQUEST)
    start = next(i for i, (a, b) in enumerate(zip(sent, REQUEST, strict=False)) if a != b)
    added = len(sent) - len(REQUEST)
    assert sent[:start] + sent[start + added :] == REQUEST
    assert "I always say hello" in orjson.loads(sent)["messages"][1]["content"][0]["text"]


async def test_our_own_member_of_the_body_and_our_headers_do_not_go_on():
    async with scripted_upstream() as upstream, served(upstream.url) as gateway:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(
                f"{gateway.url}/v1/chat/completions",
                json={"model": "m", "memory": {"mode": "on"}, "messages": ASK["messages"]},
                headers={"x-user-id": "ann", "x-conversation-id": "c1", "cookie": "s=1"},
            )
    sent = upstream.last
    assert sent.json == {"model": "m", "messages": ASK["messages"]}
    for name in ("x-user-id", "x-conversation-id", "x-memory", "cookie"):
        assert sent.header(name) is None


async def test_the_clients_other_headers_go_on():
    headers = {
        "OpenAI-Organization": "org",
        "OpenAI-Project": "proj",
        "OpenAI-Beta": "assistants=v2",
        "Idempotency-Key": "k1",
        "X-Client-Request-Id": "r1",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "X-Stainless-Lang": "python",
        "User-Agent": "OpenAI/Python 3",
        "Authorization": "Bearer sk-clients-own",
    }
    async with scripted_upstream() as upstream, served(upstream.url) as gateway:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(f"{gateway.url}/v1/chat/completions", json=ASK, headers=headers)
    assert {name: upstream.last.header(name) for name in headers} == headers
    assert upstream.last.header("accept-encoding") == "identity"
