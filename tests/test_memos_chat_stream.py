"""/chat as a stream: events as they come, one end whatever happens, and what is kept of it."""

import asyncio
import signal
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.edge import EdgeStore
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.minilm import MODEL
from gateway.adapters.upstream import Timeouts
from gateway.memory.model import Ending, Scope
from tests import process
from tests.chatting import KEY, call, events, streamed, told
from tests.scripted_upstream import DONE, delta, event, scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ANN = Scope("default", "ann")
ASKED = {
    "user_id": "ann",
    "conversation_id": "c2",
    "query": "Where do I live?",
    "model_name": "m",
    "stream": True,
}


def pieces(*said: bytes):
    """A model that streams these pieces."""

    async def script(exchange):
        await exchange.stream(*said)

    return script


def beginning(*said: bytes, reached: asyncio.Event | None = None):
    """A model that streams these pieces and then nothing, until it is left."""

    async def script(exchange):
        await exchange.head(200, [("content-type", "text/event-stream")])
        for piece in said:
            await exchange.chunk(piece)
        if reached is not None:
            reached.set()
        await exchange.closed.wait()

    return script


@asynccontextmanager
async def following(it, body=ASKED):
    """The lines of a stream as they come."""
    async with (
        httpx.AsyncClient(trust_env=False, timeout=30) as client,
        client.stream("POST", f"{it.url}/api/openmem/v1/chat", json=body, headers=KEY) as response,
    ):
        assert response.status_code == 200
        yield response.aiter_lines()


async def turns(it) -> list[tuple[Ending, list[str]]]:
    await it.learned()
    found = await it.gateway.store.get_turns(ANN, "c2", 9)
    return [(turn.ending, [m.text for m in turn.messages]) for turn in found]


async def test_the_answer_comes_as_text_and_then_one_end():
    script = pieces(delta("In "), delta("Lisbon."), delta("", "stop"), DONE)
    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        got = await streamed(it, ASKED)
        assert upstream.last.json["stream"] is True
        status = await call(it, "get/status", {"task_id": got[-1]["task_id"]})
        assert await turns(it) == [(Ending.COMPLETE, ["Where do I live?", "In Lisbon."])]
    assert [(e["type"], e["data"]) for e in got] == [
        ("text", "In "),
        ("text", "Lisbon."),
        ("end", ""),
    ]
    assert got[-1]["memories"] == []
    assert status["data"]["status"] in {"running", "completed"}


def thinks(name: str, text: str) -> bytes:
    return event({"choices": [{"index": 0, "delta": {name: text}, "finish_reason": None}]})


@pytest.mark.parametrize(
    "said",
    [
        [delta("<thi"), delta("nk>Hm"), delta(".</th"), delta("ink>\n\nHi"), delta(".")],
        [thinks("reasoning_content", "H"), thinks("reasoning_content", "m."), delta("Hi.")],
        [thinks("reasoning", "Hm."), delta("Hi.")],
        [event({"usage": None, "choices": []}), delta("<think>Hm.</think>Hi.")],
    ],
)
async def test_thoughts_are_events_of_their_own_and_not_kept(said):
    script = pieces(*said, delta("", "stop"), DONE)
    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        got = await streamed(it, ASKED)
        assert await turns(it) == [(Ending.COMPLETE, ["Where do I live?", "Hi."])]
    assert told(got, "reasoning") == "Hm."
    assert told(got, "text") == "Hi."
    assert [e["type"] for e in got].count("end") == 1


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_it_is_the_same_however_text_and_bytes_are_cut(chunked, data):
    text = "<think>Say `<think>`?\n</think>\n\nNo: ```\n<think>x</think>\n```\nçé 广州 done"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    said = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    stream = b"".join(delta(piece) for piece in said) + delta("", "stop") + DONE
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    got = chunked([stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)])
    assert told(got, "reasoning") == "Say `<think>`?\n"
    assert told(got, "text") == "No: ```\n<think>x</think>\n```\nçé 广州 done"
    assert [e["type"] for e in got].count("end") == 1


@pytest.fixture(scope="module")
def chunked():
    """Streams bytes through a gateway, in these chunks; the events that come out."""
    chunks: list[bytes] = []

    async def script(exchange):
        await exchange.stream(*(chunk for chunk in chunks if chunk))

    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        upstream = runner.run(stack.enter_async_context(scripted_upstream(script)))
        it = runner.run(stack.enter_async_context(served(upstream.url)))

        def through(given: list[bytes]) -> list[dict]:
            chunks[:] = given
            return runner.run(streamed(it, ASKED | {"add_message_on_answer": False}))

        yield through
        runner.run(stack.aclose())


async def test_an_end_does_not_wait_for_a_server_that_leaves_its_stream_open():
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    said = [delta("Hi."), delta("", "stop"), event({"choices": [], "usage": usage})]
    async with scripted_upstream(beginning(*said)) as upstream, served(upstream.url) as it:
        async with asyncio.timeout(5):
            got = await streamed(it, ASKED)
        assert await turns(it) == [(Ending.COMPLETE, ["Where do I live?", "Hi."])]
    assert [e["type"] for e in got] == ["text", "end"]
    assert got[-1]["usage"] == usage


class Waits(FakeEmbedder):
    """Is not done with a question until it is let go."""

    def __init__(self):
        super().__init__()
        self.go = asyncio.Event()

    async def embed_query(self, text):
        await self.go.wait()
        return await super().embed_query(text)


async def test_the_first_byte_is_there_before_anything_is_recalled_or_asked():
    waits = Waits()
    script = pieces(delta("Hi.", "stop"), DONE)
    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, embedder=waits, recall_timeout_ms=20_000) as it:
            async with following(it) as lines:
                assert await anext(lines) == ": ping"
                assert upstream.received == []
                waits.go.set()
                rest = [line async for line in lines]
    assert events("\n".join(rest).encode())[-1]["type"] == "end"


async def test_a_silent_stream_has_comments_in_it():
    finish = asyncio.Event()

    async def script(exchange):
        await exchange.head(200, [("content-type", "text/event-stream")])
        await finish.wait()
        await exchange.chunk(delta("Hi.", "stop") + DONE)
        await exchange.end()

    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, heartbeat_seconds=0.02) as it, following(it) as lines:
            pings = 0
            async for line in lines:
                pings += line == ": ping"
                if pings == 4:
                    finish.set()
    assert pings >= 4


async def broken_off(exchange):
    await exchange.head(200, [("content-type", "text/event-stream")])
    await exchange.chunk(delta("In Lis"))
    exchange.abort()


async def without_an_end(exchange):
    await exchange.stream(delta("In Lis"))


async def with_an_error(exchange):
    await exchange.stream(delta("In Lis"), event({"error": {"message": "Overloaded."}}))


@pytest.mark.parametrize(
    ("script", "ending", "says"),
    [
        (broken_off, Ending.UPSTREAM_BROKE, "broke off"),
        (without_an_end, Ending.UPSTREAM_BROKE, "broke off"),
        (with_an_error, Ending.UPSTREAM_BROKE, "Overloaded."),
        (beginning(delta("In Lis")), Ending.UPSTREAM_STALLED, "in time"),
    ],
)
async def test_what_breaks_off_is_told_in_an_error_before_the_end(script, ending, says):
    timeouts = Timeouts(connect=2, first_byte=5, idle=0.3)
    async with scripted_upstream(script) as upstream:
        async with served(upstream.url, timeouts=timeouts) as it:
            got = await streamed(it, ASKED)
            assert await turns(it) == [(ending, ["Where do I live?", "In Lis"])]
    assert [e["type"] for e in got] == ["text", "error", "end"]
    assert got[1]["code"] == 50002
    assert says in got[1]["message"]
    assert "Traceback" not in str(got)


async def refuses(exchange):
    error = {"message": "Slow down.", "type": "t", "param": None, "code": None}
    await exchange.json({"error": error}, 429)


async def no_answer(exchange):
    exchange.abort()


@pytest.mark.parametrize(("script", "code"), [(refuses, 40300), (no_answer, 50002)])
async def test_without_an_answer_there_is_an_error_an_end_and_nothing_to_keep(script, code):
    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        got = await streamed(it, ASKED)
        assert await turns(it) == []
    assert [e["type"] for e in got] == ["error", "end"]
    assert got[0]["code"] == code
    assert "task_id" not in got[-1]


async def test_an_error_of_our_own_is_told_without_what_it_was():
    class Fails(FakeEmbedder):
        async def embed_query(self, *_):
            raise RuntimeError("secret")

    async with scripted_upstream(pieces(delta("Hi.", "stop"), DONE)) as upstream:
        async with served(upstream.url, embedder=Fails()) as it:
            assert [e["type"] for e in await streamed(it, ASKED)] == ["text", "end"]

    class Unserved:
        memorable = True

        async def send(self, *_):
            raise RuntimeError("secret")

    async with served(model=Unserved()) as it:
        got = await streamed(it, ASKED)
    assert [e["type"] for e in got] == ["error", "end"]
    assert got[0]["code"] == 50000
    assert "secret" not in str(got)


async def test_a_model_that_is_not_offered_is_refused_before_the_stream_begins():
    async with served(chat_models="m") as it:
        assert (await call(it, "chat", ASKED | {"model_name": "x"}, status=400))["code"] == 40000


@pytest.mark.parametrize("said", [[], [delta("In Lis")], [delta("<think>Hm")]])
async def test_when_the_client_leaves_the_upstream_is_closed_and_what_was_delivered_is_kept(said):
    reached = asyncio.Event()
    async with scripted_upstream(beginning(*said, reached=reached)) as upstream:
        async with served(upstream.url) as it:
            async with following(it) as lines:
                assert await anext(lines) == ": ping"
                await asyncio.wait_for(reached.wait(), 5)
                async for line in lines:
                    if not said or line.startswith("data: "):
                        break
            async with asyncio.timeout(5):
                await upstream.exchanges[0].closed.wait()
            delivered = ["In Lis"] if said == [delta("In Lis")] else []
            assert await turns(it) == [(Ending.CLIENT_GONE, ["Where do I live?", *delivered])]
            await it.gateway.drain.finished(within=5)
            assert len(it.gateway.drain) == 0


async def floods(exchange):
    await exchange.head(200, [("content-type", "text/event-stream")])
    while not exchange.closed.is_set():
        await exchange.chunk(delta("x" * 60_000))


async def test_a_client_that_does_not_read_does_not_hold_the_upstream_for_ever():
    async with scripted_upstream(floods) as upstream:
        async with served(upstream.url, client_write_timeout=0.2) as it:
            host, port = it.url.removeprefix("http://").split(":")
            _reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
            body = orjson.dumps(ASKED)
            writer.write(
                b"POST /api/openmem/v1/chat HTTP/1.1\r\nhost: x\r\n"
                b"content-length: %d\r\n\r\n%s" % (len(body), body)
            )
            async with asyncio.timeout(10):
                await upstream.arrived.wait()
                await upstream.exchanges[0].closed.wait()
            [(ending, [asked, said])] = await turns(it)
            writer.close()
    assert ending is Ending.CLIENT_GONE
    assert asked == "Where do I live?"
    assert 0 < len(said) <= 2**20


async def test_leaving_at_the_end_counts_as_finished():
    script = pieces(delta("Hi.", "stop"), DONE)
    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        async with following(it) as lines:
            async for line in lines:
                if line.startswith("data: ") and orjson.loads(line[6:])["type"] == "end":
                    break
        assert await turns(it) == [(Ending.COMPLETE, ["Where do I live?", "Hi."])]


async def test_in_sync_the_end_comes_when_the_turn_is_learned():
    script = pieces(delta("Noted.", "stop"), DONE)
    asked = ASKED | {"query": "I live in Porto.", "async_mode": False}
    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        got = await streamed(it, asked)
        status = await call(it, "get/status", {"task_id": got[-1]["task_id"]})
    assert status["data"]["status"] == "completed"


@pytest.mark.process
async def test_a_stream_that_outlasts_the_grace_time_is_told_ended_and_recorded(
    tmp_path, default_model_folder
):
    cache = default_model_folder.parent.parent
    async with scripted_upstream(beginning(delta("In Lis"))) as upstream:
        options = {"upstream_base_url": upstream.url, "shutdown_grace": "1"}
        with process.gateway(tmp_path, cache, **options) as gateway:
            got = []
            async with following(gateway) as lines:
                async for line in lines:
                    got.append(line)
                    if line.startswith("data: ") and len(got) < 6:
                        gateway.child.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                while gateway.child.poll() is None:  # noqa: ASYNC110  another process's end
                    await asyncio.sleep(0.02)
    assert [e["type"] for e in events("\n".join(got).encode())] == ["text", "error", "end"]
    store = EdgeStore.open(tmp_path / "data", model=MODEL, dimension=384)
    [turn] = await store.get_turns(ANN, "c2", 5)
    store.close()
    assert turn.ending is Ending.SHUTDOWN
    assert [m.text for m in turn.messages] == ["Where do I live?", "In Lis"]
