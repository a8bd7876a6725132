"""Whatever a stream holds and however it is cut, it arrives as it was sent and is read as it says.

Over real sockets, for either API: noise between and within events, any line ends, any pieces.
"""

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise

import anyio.from_thread
import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.memory.model import Ending, Scope
from tests.scripted_responses import closed, opened, piece
from tests.scripted_upstream import DONE, delta, scripted_upstream
from tests.served import served

ANN = Scope("default", "ann")
SCOPED = {"model": "m", "stream": True, "user": "ann"}
ENDS = {
    "chat/completions": [delta("", "stop") + DONE, DONE, delta("", "length")],
    "responses": [closed("no"), closed("no", status="incomplete"), closed("no") + DONE],
}

texts = st.text(
    st.sampled_from(["a", "é", "☕", "\u2028", "\n", "\r", '"', "\\", "\x85"]), max_size=4
)
noise = st.sampled_from(
    [
        b": ping\n",
        b": ping\n\n",
        b"event: x\n",
        b"data:\n\n",
        b"data: {}\r\n\r\n",
        b"data: nonsense\n\n",
        b"data: [1]\r\r",
        b"\xff\xfe\n",
        b"retry: 5\n\n",
        b"x" * 5000 + b"\n",
    ]
)
said = st.lists(st.one_of(texts, noise), max_size=8)
places = st.lists(st.integers(0, 10_000), max_size=12)
line_ends = st.sampled_from([b"\n", b"\r\n", b"\r"])


@dataclass
class Loop:
    """A gateway in a loop of its own, and what its upstream answers with next."""

    portal: anyio.from_thread.BlockingPortal
    pieces: list[bytes]
    number: int = 0

    async def _start(self) -> AsyncExitStack:
        async def script(exchange):
            await exchange.stream(*self.pieces)

        stack = AsyncExitStack()
        upstream = await stack.enter_async_context(scripted_upstream(script))
        self._it = await stack.enter_async_context(served(upstream.url))
        self._client = await stack.enter_async_context(
            httpx.AsyncClient(trust_env=False, base_url=self._it.url)
        )
        return stack

    async def _ask(self, path, pieces):
        self.pieces, self.number = pieces, self.number + 1
        said = [{"role": "user", "content": "Hello?"}]
        body = SCOPED | {"responses": {"input": said}}.get(path, {"messages": said})
        named = {"x-conversation-id": str(self.number)}
        got = await self._client.post(f"/v1/{path}", json=body, headers=named)
        async with asyncio.timeout(10):
            await self._it.gateway.background.join()
        return got.content, await self._it.gateway.store.get_turns(ANN, str(self.number), 5)

    def ask(self, path, pieces):
        """What the client gets, and the turns that are recorded."""
        return self.portal.call(self._ask, path, pieces)


@pytest.fixture(scope="module")
def loop():
    with anyio.from_thread.start_blocking_portal("asyncio") as portal:
        it = Loop(portal, [])
        stack = portal.call(it._start)
        yield it
        portal.call(stack.aclose)


def cut(stream, places):
    bounds = sorted({0, *(place % (len(stream) + 1) for place in places), len(stream)})
    return [stream[a:b] for a, b in pairwise(bounds)]


def reference(path, stream):
    """The text of a whole stream, read the obvious way."""
    text = ""
    for event in re.split(rb"(?:\r\n|\n|\r)(?:\r\n|\n|\r)+", stream):
        lines = re.split(rb"\r\n|\n|\r", event)
        data = b"\n".join(line[5:].removeprefix(b" ") for line in lines if line[:5] == b"data:")
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError:
            continue
        if not isinstance(document, dict):
            continue
        if path == "responses" and document.get("type") == "response.output_text.delta":
            text += document["delta"]
        for choice in document.get("choices", ()):
            text += choice["delta"].get("content", "")
    return text


@pytest.mark.parametrize("path", list(ENDS))
@settings(
    max_examples=150,
    deadline=5000,  # milliseconds an example; more would be a hang, not a busy machine
)
@given(said=said, end=st.integers(0, 2), eol=line_ends, places=places)
def test_a_stream_arrives_as_it_was_sent_and_is_read_as_it_says(loop, path, said, end, eol, places):
    say = piece if path == "responses" else delta
    begun = opened() if path == "responses" else []
    events = [part if isinstance(part, bytes) else say(part).replace(b"\n", eol) for part in said]
    stream = b"".join([*begun, *events, ENDS[path][end]])
    got, [turn] = loop.ask(path, cut(stream, places))
    assert got == stream
    assert turn.ending is Ending.COMPLETE
    answers = [m.text for m in turn.messages if m.role == "assistant"]
    expected = reference(path, stream) or ("no" if path == "responses" else "")
    assert answers == ([expected] if expected else [])
