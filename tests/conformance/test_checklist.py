"""The checklist of a drop-in proxy, item by item: what must hold of a request on its way."""

import asyncio
import gzip
import signal
from typing import Any

import httpx
import orjson
import pytest

from gateway.adapters.fake_store import FakeStore
from gateway.adapters.upstream import Timeouts
from gateway.http.tee import MAX_TEXT
from gateway.memory.model import Ending, Scope
from tests import process
from tests.conformance.comparing import named
from tests.conformance.endpoints import ENDPOINTS
from tests.conformance.leaving import ASK, EVENTS, WINDOWS, post, seconds_until_seen
from tests.conformance.parties import connected
from tests.conformance.requests import LOOP
from tests.conformance.responses_api import RESPONSES
from tests.conformance.scenario import event
from tests.scripted_upstream import DONE, delta, scripted_upstream
from tests.served import Served, served

pytestmark = pytest.mark.anyio

ANN = Scope("default", "ann")
BLOCK = "<memories>"


async def ask(it: Served, document: Any = ASK, **headers: str) -> httpx.Response:
    content = document if isinstance(document, bytes) else orjson.dumps(document)
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{it.url}/v1/chat/completions", content=content, headers=headers)


def assert_error(response: httpx.Response, status: int, **members: str | None) -> None:
    """An error in OpenAI's shape, with all four of its members."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert members.items() <= error.items()


async def test_1_unknown_keys_go_on_at_every_level_and_only_messages_get_the_block(comparing):
    outcomes = await comparing.same(
        *named("unknown members", "a schema for the answer", "numbers as", "escapes as", "nulls"),
    )
    for ways in outcomes.values():
        plain = orjson.loads(ways.through["off"].requests[0].body)
        given = orjson.loads(ways.through["known"].requests[0].body)
        assert given != plain
        assert given | {"messages": None} == plain | {"messages": None}


async def test_2_every_role_goes_on_and_the_block_splits_no_call_from_its_results(comparing):
    outcomes = await comparing.same(
        *named("every role", "developer message", "empty contents", "a step of a tool loop"),
        "a question after a tool loop",
    )

    def messages(name):
        return orjson.loads(outcomes[name].through["known"].requests[0].body)["messages"]

    step = messages("a step of a tool loop")
    assert step[1]["content"].startswith(BLOCK)  # the user's message: none comes in between
    assert step[2:] == LOOP[2:]
    after = messages("a question after a tool loop")
    assert after[:-1] == LOOP
    assert after[-1]["content"].startswith(BLOCK)
    assert not any("system" in m["role"] for m in messages("only a developer message"))


async def test_3_every_kind_of_part_goes_on_also_those_of_the_future(comparing):
    outcomes = await comparing.same(*named("every kind of part", "an image without words"))
    for ways in outcomes.values():
        [plain] = orjson.loads(ways.through["off"].requests[0].body)["messages"]
        [given] = orjson.loads(ways.through["known"].requests[0].body)["messages"]
        assert given["content"][1:] == plain["content"]  # the block is a part of its own


async def test_4_tools_and_parameters_go_on_the_vendors_too(comparing):
    await comparing.same(
        *named("functions", "custom tools", "parameters", "answer", "is asked for")
    )


async def test_5_headers_go_on_but_those_of_a_connection_and_those_for_us(comparing):
    await comparing.same(*named("headers", "a header", "type of content", "a type with"))


async def test_5_the_gateways_own_key_never_leaves_and_an_upstreams_replaces_the_clients():
    keys = {"api_keys": "acme:gw-secret"}
    bearer = {"authorization": "Bearer gw-secret"}
    async with scripted_upstream() as upstream:
        async with served(upstream.url, **keys) as it:
            await ask(it, **bearer)
            assert upstream.last.header("authorization") is None
        async with served(upstream.url, upstream_api_key="sk-up", **keys) as it:
            await ask(it, **bearer)
            assert upstream.last.header("authorization") == "Bearer sk-up"
    for request in upstream.received:
        assert "gw-secret" not in str(request)


async def test_6_compressed_and_large_bodies_go_on(comparing):
    await comparing.same(*named("a body in gzip", "nine megabytes", "a request in chunks"))


@pytest.mark.parametrize(
    "body", [b"{", b"", b"[]", b"\xff", b'{"a":1}{}', gzip.compress(b"{}", mtime=0)]
)
async def test_6_what_is_no_json_is_a_400_in_openais_shape(body):
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        assert_error(await ask(it, body), 400, type="invalid_request_error")
    assert upstream.received == []


async def test_7_every_other_address_and_the_responses_api_are_the_upstreams_own(comparing):
    await comparing.same(*(scenario.name for scenario in (*ENDPOINTS, *RESPONSES)))


@pytest.mark.parametrize(
    "path", ["chat/completions", "completions", "embeddings", "models", "models/a%2Fb", "responses"]
)
async def test_7_a_base_url_works_with_v1_and_without(path):
    method = "GET" if path.startswith("models") else "POST"
    async with (
        scripted_upstream() as upstream,
        served(upstream.url) as it,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        for prefix in ("/v1/", "/"):
            await client.request(method, f"{it.url}{prefix}{path}", json=ASK)
    assert [request.path for request in upstream.received] == [f"/v1/{path}"] * 2


async def test_8_a_stream_is_announced_as_one_and_each_event_is_there_at_once():
    sent = [delta("one"), delta("two"), delta("", "stop")]
    seen: asyncio.Queue[bytes] = asyncio.Queue()

    async def script(exchange):
        await exchange.head(200, [("content-type", "text/event-stream; charset=utf-8")])
        for piece in sent:
            await exchange.chunk(piece)
            assert await asyncio.wait_for(seen.get(), 5) == piece
        await exchange.chunk(DONE)
        await exchange.end()

    async with (
        scripted_upstream(script) as upstream,
        served(upstream.url) as it,
        connected(it.url) as inbox,
    ):
        await inbox.write(post(ASK | {"stream": True}))
        head = (await inbox.until(b"\r\n\r\n")).lower()
        for piece in sent:
            await inbox.until(piece)
            await seen.put(piece)
        await inbox.until(DONE)
    assert b"content-type: text/event-stream; charset=utf-8\r\n" in head
    assert b"cache-control: no-cache\r\n" in head
    assert b"x-accel-buffering: no\r\n" in head
    assert b"content-length" not in head
    assert b"content-encoding" not in head


async def test_9_events_may_be_written_and_split_in_any_way(comparing):
    await comparing.same(
        *named("at a time", "at once", "line ends", "lines that end", "CRLF", "comments"),
        *named("space after", "byte order mark", "separators", "several lines", "megabyte"),
        *named("events without data", "fields nobody knows", "what is no JSON"),
    )


async def test_10_unknown_keys_of_a_chunk_arrive_byte_for_byte(comparing):
    await comparing.same(
        *named("members nobody knows", "reasoning", "logprobs", "refusal", "annotations", "audio"),
        "filters before the first words",
    )


async def test_11_usage_is_asked_for_and_told_as_the_client_and_the_upstream_have_it(comparing):
    await comparing.same(*named("usage"))
    outcomes = await comparing.same("a plain stream")
    for outcome in outcomes["a plain stream"].through.values():
        assert b"stream_options" not in outcome.requests[0].body
        assert b"usage" not in outcome.response.body


async def test_12_deltas_of_tools_and_choices_arrive_as_they_are(comparing):
    await comparing.same(*named("tool call", "two choices", "without an index", "function call"))


@pytest.mark.parametrize("indexed", [True, False])
async def test_12_our_copy_puts_interleaved_calls_together_also_without_an_index(indexed):
    def call(index, arguments, **more):
        place = {"index": index} if indexed else {}
        return place | more | {"function": {"arguments": arguments} | more}

    def calls(*parts):
        return event({"choices": [{"index": 0, "delta": {"tool_calls": parts}}]})

    async def script(exchange):
        await exchange.stream(
            calls(call(0, "", id="a", name="f"), call(1, "", id="b", name="g")),
            *([calls(call(1, "{"))] if indexed else [calls(call(0, ""), call(1, "{"))]),
            calls(call(0, '{"x":1}'), call(1, "}")),
            delta("", "tool_calls"),
            DONE,
        )

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        await ask(it, ASK | {"stream": True, "tools": []})
        await it.learned()
        [turn] = await it.gateway.store.get_turns(ANN, "c", 5)
    made = turn.messages[-1].extra["tool_calls"]
    assert [(c["id"], c["function"]["arguments"]) for c in made] == [("a", '{"x":1}'), ("b", "{}")]


async def test_13_done_comes_once_only_if_it_was_sent_and_no_finish_is_made_up(comparing):
    outcomes = await comparing.same(
        *named("a reset", "an end", "neither a finish", "DONE without a finish", "no DONE after"),
        *named("a plain stream", "an error in the middle", "nothing at all"),
    )
    for name, ways in outcomes.items():
        for outcome in ways.through.values():
            for word in (b"[DONE]\n", b'"finish_reason":"'):
                told = outcome.response.body.count(word)
                assert told == ways.direct.response.body.count(word), name


async def test_14_the_servers_headers_arrive_and_ours_have_other_names(comparing):
    outcomes = await comparing.same(
        *named("the server's headers", "status 429", "in gzip", "headers of one connection"),
    )
    for outcome in outcomes["the server's headers"].through.values():
        headers = outcome.response.headers
        assert [v for k, v in headers if k == "x-request-id"] == ["req_7"]
        assert len([v for k, v in headers if k == "x-gateway-request-id"]) == 1
        for name in ("date", "server"):
            assert len([v for k, v in headers if k == name]) == 1


async def test_15_an_error_before_the_first_byte_arrives_as_it_is(comparing):
    await comparing.same(*named("status"))


async def test_15_no_answer_is_a_502_or_a_504_in_openais_shape():
    async def never(exchange):
        await exchange.closed.wait()

    async def gone(exchange):
        exchange.abort()

    patient = Timeouts(connect=1, first_byte=0.1, idle=1)
    async with scripted_upstream(never) as upstream:
        async with served(upstream.url, timeouts=patient) as it:
            assert_error(await ask(it), 504, code="upstream_timeout")
            upstream.script = gone
            assert_error(await ask(it), 502, code="upstream_unreachable")


async def test_15_what_the_gateway_refuses_says_so_and_when_to_try_again():
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def script(exchange):
        arrived.set()
        await go_on.wait()
        await exchange.json({})

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, api_keys="acme:gw-secret", max_in_flight=1) as it:
            assert_error(await ask(it, authorization="Bearer no"), 401, code="invalid_api_key")
            known = {"authorization": "Bearer gw-secret"}
            first = asyncio.create_task(ask(it, **known))
            await arrived.wait()
            refused = await ask(it, **known)
            go_on.set()
            await first
    assert_error(refused, 503, code="overloaded")
    assert refused.headers["retry-after"] == "1"


async def test_16_recall_has_a_deadline_and_a_chat_goes_on_without_it():
    async def never(*_args, **_kwargs):
        await asyncio.Event().wait()

    store = FakeStore()
    setattr(store, "search", never)  # noqa: B010  a fault, made here
    async with scripted_upstream() as upstream:
        async with served(upstream.url, store=store, recall_timeout_ms=100) as it:
            begun = asyncio.get_running_loop().time()
            response = await ask(it)
            took = asyncio.get_running_loop().time() - begun
    assert response.status_code == httpx.codes.OK
    assert response.headers["x-memory-status"].startswith("degraded;reason=")
    assert upstream.last.json == ASK
    assert took < 5  # and not for ever


async def test_17_nothing_is_said_before_the_upstreams_status_is_known():
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def script(exchange):
        arrived.set()
        await go_on.wait()
        await exchange.json({"error": {"message": "slow down"}}, 429, [("retry-after", "2")])

    async with (
        scripted_upstream(script) as upstream,
        served(upstream.url) as it,
        connected(it.url) as inbox,
    ):
        await inbox.write(post(ASK | {"stream": True}))
        await arrived.wait()
        await asyncio.sleep(0.05)  # in which nothing must come
        assert not inbox.data
        go_on.set()
        head = await inbox.until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 429 ")
    assert b"retry-after: 2\r\n" in head


@pytest.mark.parametrize("mode", ["on", "off"])
@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.__name__)
async def test_18_a_client_that_leaves_is_seen_upstream_within_a_tenth_of_a_second(window, mode):
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        took = await seconds_until_seen(window, upstream, it.url, mode=mode)
        await it.learned()
        directly = await seconds_until_seen(window, upstream, upstream.url)  # as busy as it is now
        turns = await it.gateway.store.get_turns(ANN, "c", 5)
    assert took < max(0.1, 5 * directly)
    assert [turn.ending for turn in turns] == ([Ending.CLIENT_GONE] if mode == "on" else [])


async def test_18_the_end_of_an_answer_waits_for_the_queue_only_as_long_as_it_may():
    async def never(_):
        await asyncio.Event().wait()

    async with scripted_upstream() as upstream, served(upstream.url, record_timeout_ms=50) as it:
        setattr(it.queue, "enqueue", never)  # noqa: B010  a fault, made here
        async with asyncio.timeout(2):
            response = await ask(it, ASK | {"stream": True})
        assert response.content.endswith(DONE)
        await it.gateway.background.aclose(0)


async def test_19_a_client_that_reads_slowly_slows_the_upstream_down():
    sent = 0
    stuck = asyncio.Event()
    piece = delta("x" * 50_000)

    async def script(exchange):
        nonlocal sent
        await exchange.head(200, EVENTS)
        while sent < 100 * 2**20:
            writing = asyncio.create_task(exchange.chunk(piece))
            done, _ = await asyncio.wait({writing}, timeout=0.5)
            if not done:
                stuck.set()
            await writing
            sent += len(piece)

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        host, port = it.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=2**16)
        writer.write(post(ASK | {"stream": True}))
        async with asyncio.timeout(20):
            await stuck.wait()
        held = sent
        await reader.readexactly(2**20)  # it goes on as soon as it is read
        writer.transport.abort()
        await upstream.exchanges[0].closed.wait()
    assert held < 32 * 2**20  # the sockets' own buffers, on both sides


async def test_19_what_is_kept_of_an_answer_is_bounded():
    async def script(exchange):
        pieces = [delta("x" * 100_000)] * 15
        await exchange.stream(*pieces, delta("", "stop"), DONE)

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        response = await ask(it, ASK | {"stream": True})
        await it.gateway.background.join()
        [turn] = await it.gateway.store.get_turns(ANN, "c", 5)
    assert len(response.content) > 1_500_000
    assert len(turn.messages[-1].text) == MAX_TEXT


@pytest.mark.process
async def test_20_at_sigterm_streams_finish_and_new_requests_are_refused(
    tmp_path, default_model_folder
):
    finish = asyncio.Event()

    async def script(exchange):
        await exchange.head(200, EVENTS)
        await exchange.chunk(delta("Hel"))
        await finish.wait()
        await exchange.chunk(delta("lo.", "stop") + DONE)
        await exchange.end()

    cache = default_model_folder.parent.parent
    async with scripted_upstream(script) as upstream:
        with process.gateway(tmp_path, cache, upstream_base_url=upstream.url) as gateway:
            async with connected(gateway.url) as inbox, connected(gateway.url) as late:
                await late.write(b"GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n")
                await late.until(b"\r\n\r\n")
                await inbox.write(post(ASK | {"stream": True}))
                await inbox.until(b"Hel")
                gateway.child.send_signal(signal.SIGTERM)
                refused = b""
                while b" 503 " not in refused:
                    late.data.clear()
                    await late.write(b"GET /v1/models HTTP/1.1\r\nHost: g\r\n\r\n")
                    refused = await late.until(b"\r\n\r\n")
                finish.set()
                await inbox.until(DONE)
                assert await asyncio.to_thread(gateway.child.wait, 20) == 0
    assert b"retry-after: 1\r\n" in refused
