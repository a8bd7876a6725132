"""What users of other gateways complained of, each as a test that it does not happen here."""

import asyncio
import gzip
import time
from pathlib import Path
from typing import Any

import httpx
import openai
import orjson
import psutil
import pytest

import gateway
from gateway.adapters.upstream import Timeouts
from gateway.memory.model import Ending, Scope
from tests.conformance.comparing import named
from tests.conformance.leaving import (
    ASK,
    EVENTS,
    before_the_first_chunk,
    before_the_headers,
    in_an_answer_that_is_not_streamed,
    in_the_middle,
    post,
    seconds_until_seen,
)
from tests.conformance.parties import connected
from tests.conformance.wire import get
from tests.scripted_upstream import DONE, delta, event, scripted_upstream
from tests.served import Served, served

pytestmark = pytest.mark.anyio

ANN = Scope("default", "ann")
STREAM = ASK | {"stream": True}
AT_ONCE = 0.1  # seconds


async def ask(it: Served, document: Any = STREAM, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{it.url}/v1/chat/completions"
        return await client.post(url, json=document, headers=headers)


async def turns(it: Served):
    await it.learned()
    return await it.gateway.store.get_turns(ANN, "c", 5)


async def chunks_of(it: Served) -> list[Any]:
    """What the official client makes of a stream."""
    url = f"{it.url}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="m", stream=True, messages=[{"role": "user", "content": "Hello?"}]
        )
        return [chunk async for chunk in stream]


async def test_1_leaving_a_stream_ends_the_upstreams_work():
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        assert await seconds_until_seen(in_the_middle, upstream, it.url) < AT_ONCE


@pytest.mark.parametrize("window", [before_the_headers, before_the_first_chunk])
async def test_2_leaving_before_the_first_token_ends_it_too(window):
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        assert await seconds_until_seen(window, upstream, it.url) < AT_ONCE


async def test_3_leaving_an_answer_that_is_not_streamed_ends_it_too():
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        took = await seconds_until_seen(in_an_answer_that_is_not_streamed, upstream, it.url)
        assert took < AT_ONCE


def test_4_no_layer_hides_that_the_client_has_left():
    sources = Path(gateway.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if "BaseHTTPMiddleware" in path.read_text()] == []


@pytest.mark.parametrize("mode", ["on", "off"])
async def test_5_a_reset_is_not_turned_into_a_stop(mode):
    async def script(exchange):
        await exchange.head(200, EVENTS)
        await exchange.chunk(delta("Hel"))
        await asyncio.sleep(0.05)  # so that the piece is not lost with the connection
        exchange.abort()

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        response = await ask(it, **{"x-memory": mode})
    assert b'"stop"' not in response.content
    assert b"[DONE]" not in response.content


async def test_6_a_failure_in_the_middle_is_told_in_the_stream():
    async def script(exchange):
        await exchange.head(200, EVENTS)
        await exchange.chunk(delta("Hel") + delta("lo")[:30])
        await asyncio.sleep(0.05)  # so that the piece is not lost with the connection
        exchange.abort()

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        response = await ask(it)
        with pytest.raises(openai.APIError, match="broke off"):
            await chunks_of(it)
    error = orjson.loads(response.content.removeprefix(delta("Hel"))[6:])["error"]
    assert error["type"] == "upstream_error"
    assert error["code"] == "upstream_broken"


async def test_7_heartbeats_and_the_servers_comments_do_not_stop_the_official_client():
    async def script(exchange):
        await exchange.head(200, EVENTS)
        for piece in (b": PROCESSING\n\n", delta("Hel"), delta("lo."), delta("", "stop"), DONE):
            await asyncio.sleep(0.05)
            await exchange.chunk(piece)
        await exchange.end()

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, heartbeat_seconds=0.02) as it:
            said = "".join(chunk.choices[0].delta.content or "" for chunk in await chunks_of(it))
            response = await ask(it)
    assert said == "Hello."
    ours = response.content.replace(b": PROCESSING\n", b"").split(b"\n")
    assert not [line for line in ours if line.startswith((b"id:", b"retry:", b"event:"))]
    assert b": ping" in ours


async def test_8_a_long_wait_for_the_first_token_can_have_heartbeats():
    heard = asyncio.Event()

    async def script(exchange):
        await heard.wait()
        await exchange.stream(delta("Hi.", "stop"), DONE)

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, heartbeat_seconds=0.05) as it, connected(it.url) as inbox:
            await inbox.write(post(STREAM))
            for _ in range(3):
                await asyncio.wait_for(inbox.until(b": ping\n"), 5)
            heard.set()


async def test_9_tokens_arrive_one_by_one_and_not_at_the_end():
    sent: asyncio.Queue[float] = asyncio.Queue()
    clock = asyncio.get_running_loop().time

    async def script(exchange):
        await exchange.head(200, EVENTS)
        for number in range(20):
            sent.put_nowait(clock())
            await exchange.chunk(delta(f"word-{number} "))
            await asyncio.sleep(0.01)
        await exchange.chunk(delta("", "stop") + DONE)
        await exchange.end()

    async with (
        scripted_upstream(script) as upstream,
        served(upstream.url) as it,
        connected(it.url) as inbox,
    ):
        await inbox.write(post(STREAM))
        waits = []
        for number in range(20):
            await inbox.until(b"word-%d " % number)
            waits.append(clock() - await sent.get())
    assert sorted(waits)[10] < 0.02  # 40 ms would be a delayed acknowledgement, 50 a batcher


async def test_10_parallel_tool_calls_keep_their_index_id_and_name(comparing):
    await comparing.same(*named("parallel tool", "interleaved tool", "a custom tool call"))


async def test_11_arguments_without_an_index_are_not_dropped(comparing):
    await comparing.same("tool calls without an index", "choices without an index")

    def piece(arguments, **more):
        call = {"function": {"arguments": arguments}} | more
        return event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})

    async def script(exchange):
        await exchange.stream(piece('{"a"', id="x"), piece(":1}"), delta("", "tool_calls"), DONE)

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        await ask(it)
        [turn] = await turns(it)
    [call] = turn.messages[-1].extra["tool_calls"]
    assert call["function"]["arguments"] == '{"a":1}'


async def test_12_the_usage_chunk_comes_as_it_was_sent_once_and_unsolicited_by_us(comparing):
    compared = await comparing.same(*named("usage"))
    for outcome in compared["usage"].through.values():
        assert outcome.response.body.count(b'"choices":[],"usage"') == 1


async def test_13_unknown_parameters_are_neither_refused_nor_dropped(comparing):
    await comparing.same("vendors' parameters", "service parameters", *named("unknown members"))


async def test_14_when_to_try_again_is_passed_on_under_its_own_names(comparing):
    compared = await comparing.same("status 429", "status 503")
    for outcome in (o for c in compared.values() for o in c.through.values()):
        headers = outcome.response.headers
        assert get(headers, "retry-after") == "2"
        assert get(headers, "retry-after-ms") == "1500.5"
        assert get(headers, "x-should-retry") == "false"
        assert get(headers, "x-request-id") == "req_8"


async def test_15_the_clients_headers_go_on_and_the_gateways_key_does_not(comparing):
    await comparing.same("the clients' headers")
    async with scripted_upstream() as upstream:
        async with served(upstream.url, api_keys="acme:gw-secret") as it:
            await ask(it, authorization="Bearer gw-secret", **{"x-a": "1"})
    assert upstream.last.header("x-a") == "1"
    assert "gw-secret" not in str(upstream.last)


async def test_16_what_came_compressed_is_told_to_be_and_can_be_read(comparing):
    await comparing.same(*named("in gzip", "in deflate", "a coding that nobody knows"))
    plain = b"".join([delta("Hel"), delta("lo."), delta("", "stop"), DONE])
    packed = gzip.compress(plain)

    async def script(exchange):
        await exchange.stream(packed[:30], packed[30:], headers=[("content-encoding", "gzip")])

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        response = await ask(it)
        [turn] = await turns(it)
    assert response.content == plain  # the client's library has decoded it
    assert turn.messages[-1].text == "Hello."


async def test_17_memory_does_not_grow_with_what_is_streamed():
    piece = delta("word " * 2000)

    async def script(exchange):
        await exchange.head(200, EVENTS)
        for _ in range(6000):  # 60 MB
            await exchange.chunk(piece)
        await exchange.chunk(delta("", "stop") + DONE)
        await exchange.end()

    async def read_all(it):
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            url = f"{it.url}/v1/chat/completions"
            async with client.stream("POST", url, json=STREAM) as response:
                return sum([len(chunk) async for chunk in response.aiter_raw()])

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        await read_all(it)
        before = psutil.Process().memory_info().rss
        assert await read_all(it) > 60 * 10**6
        grown = psutil.Process().memory_info().rss - before
    assert grown < 16 * 2**20


async def test_18_abandoned_streams_leave_no_task_and_no_connection():
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        await seconds_until_seen(in_the_middle, upstream, it.url)
        await it.learned()
        tasks, files = len(asyncio.all_tasks()), psutil.Process().num_fds()
        for _ in range(10):
            await seconds_until_seen(in_the_middle, upstream, it.url)
        await it.learned()
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > tasks:  # noqa: ASYNC110  the last are ending
                await asyncio.sleep(0.01)
            while psutil.Process().num_fds() > files:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_19_the_work_for_a_chunk_does_not_grow_with_those_before_it():
    length = 0

    async def script(exchange):
        await exchange.stream(b"".join([delta("word ")] * length), delta("", "stop"), DONE)

    async def cost(it, chunks):
        nonlocal length
        length = chunks
        begun = time.process_time()
        await ask(it)
        return time.process_time() - begun

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        await cost(it, 1000)
        few = min([await cost(it, 2000) for _ in range(3)])
        many = min([await cost(it, 16_000) for _ in range(3)])
    assert many < few * 8 * 2.5  # eight times the chunks; 64 times the work would be a square


async def test_20_long_lines_and_split_characters_pass(comparing):
    await comparing.same(*named("one megabyte", "a byte at a time", "three bytes at a time"))

    async def script(exchange):
        await exchange.head(200, EVENTS)
        await exchange.chunk(b'data: {"x":"')
        for _ in range(20):
            await exchange.chunk(b"y" * 2**20)
        await exchange.chunk(b'"}\n\n' + delta("Hi.", "stop") + DONE)
        await exchange.end()

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        response = await ask(it)
        [turn] = await turns(it)
    assert len(response.content) > 20 * 2**20
    assert turn.messages[-1].text == "Hi."


@pytest.mark.fault("F20")
@pytest.mark.parametrize("mode", ["on", "off"])
async def test_20_a_line_of_a_hundred_megabytes_passes_and_is_not_held(mode):
    piece, pieces = b"y" * 2**18, 400

    async def script(exchange):
        await exchange.head(200, EVENTS)
        await exchange.chunk(b'data: {"x":"')
        for _ in range(pieces):
            await exchange.chunk(piece)
        await exchange.chunk(b'"}\n\n' + delta("Hi.", "stop") + DONE)
        await exchange.end()

    async def read_all(it):
        url, headers = f"{it.url}/v1/chat/completions", {"x-memory": mode}
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            async with client.stream("POST", url, json=STREAM, headers=headers) as response:
                return sum([len(chunk) async for chunk in response.aiter_raw()])

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        before = psutil.Process().memory_info().rss
        assert await read_all(it) > pieces * len(piece)
        grown = psutil.Process().memory_info().rss - before
    assert grown < 48 * 2**20


async def test_21_who_leaves_in_the_middle_is_accounted_for_what_was_delivered_and_no_more():
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        await seconds_until_seen(in_the_middle, upstream, it.url)
        [turn] = await turns(it)
        ended = it.gateway.metrics.endings.labels(Ending.CLIENT_GONE.value)
        assert ended._value.get() == 5
    assert turn.ending is Ending.CLIENT_GONE
    assert [m.text for m in turn.messages] == ["I live in Lisbon.", "You live"]


async def test_21_leaving_at_done_is_no_leaving():
    async def script(exchange):
        await exchange.head(200, EVENTS)
        await exchange.chunk(delta("Yes.", "stop") + DONE)
        await exchange.closed.wait()

    patient = Timeouts(connect=1, first_byte=5, idle=5)
    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, timeouts=patient) as it, connected(it.url) as inbox:
            await inbox.write(post(STREAM))
            await inbox.until(b"[DONE]")
            inbox.abort()
            async with asyncio.timeout(2):
                await upstream.exchanges[0].closed.wait()
            [turn] = await turns(it)
    assert turn.ending is Ending.COMPLETE
    assert turn.messages[-1].text == "Yes."
