"""A gateway with keys that bad input is sent to, and what every answer to it has to be like.

Beside it stands a canary: a server that nobody has a reason to ask. It hears whether anything that
a request names is fetched.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import structlog

from gateway.http.access import MEMOS_PREFIX
from tests.scripted_upstream import scripted_upstream
from tests.served import Served, served

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
SEARCH, ADD = f"{MEMOS_PREFIX}v1/search/memory", f"{MEMOS_PREFIX}v1/add/message"
ADMIN = "an-admins-key-0815"
ACME, GLOBEX = "key-of-acme-4711", "key-of-globex-1147"
MARK = "heron-of-the-lighthouse"  # in what is sent, and to be found in no sink
TRACES = ("Traceback", 'File "', "site-packages", "gateway/", "orjson", "pydantic", "starlette")


@dataclass
class Target:
    """`ms` are the times of answers that refused something."""

    it: Served
    upstream: Any
    canary: "Canary"
    client: httpx.AsyncClient
    ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    async def send(
        self, method: str, path: str, *, key: str = ACME, headers: Any = None, **more: Any
    ) -> httpx.Response:
        """The answer, judged: never the server's fault, in its API's shape, without a trace."""
        given = [("authorization", f"Bearer {key}")] if key else []
        given += list((headers or {}).items()) if not isinstance(headers, list) else headers
        begun = time.perf_counter()
        response = await self.client.request(method, path, headers=given, **more)
        took = (time.perf_counter() - begun) * 1000
        assert response.status_code < 500, response.text
        if response.status_code >= 400:
            self.ms.append(took)
            self.errors.append(response.text)
            if method != "HEAD":
                assert_shape(path, response)
            assert not [trace for trace in TRACES if trace in response.text], response.text
        return response

    async def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        if isinstance(body, bytes):
            return await self.send("POST", path, content=body, **more)
        return await self.send("POST", path, json=body, **more)

    async def passes_or_is_refused(self, path: str, body: Any) -> httpx.Response:
        """What goes on goes on as it came; what is refused goes nowhere."""
        before = len(self.upstream.received)
        response = await self.post(path, body)
        if response.status_code == 200:
            assert self.upstream.last.json == body
        else:
            assert response.status_code in {400, 404, 413, 422}
            assert len(self.upstream.received) == before
        return response


def assert_shape(path: str, response: httpx.Response) -> None:
    assert response.headers["content-type"] == "application/json"
    document = response.json()
    if path.startswith(MEMOS_PREFIX):
        assert set(document) == {"code", "data", "message"}
        assert document["data"] is None
    else:
        assert set(document["error"]) == {"message", "type", "param", "code"}


@dataclass
class Canary:
    url: str
    connections: int = 0


@asynccontextmanager
async def canary() -> AsyncIterator[Canary]:
    async def hears(_reader, writer):
        heard.connections += 1
        writer.close()

    server = await asyncio.start_server(hears, "127.0.0.1", 0)
    heard = Canary(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        yield heard


@asynccontextmanager
async def target(**settings: Any) -> AsyncIterator[Target]:
    """At the end nothing was fetched, and no sink holds a key or what was said."""
    keys = {"admin_keys": ADMIN, "api_keys": f"acme:{ACME},globex:{GLOBEX}"}
    with structlog.testing.capture_logs() as logged:
        async with (
            canary() as bird,
            scripted_upstream() as upstream,
            served(upstream.url, **(keys | settings)) as it,
            httpx.AsyncClient(trust_env=False, base_url=it.url, timeout=30) as client,
        ):
            at = Target(it, upstream, bird, client)
            yield at
            await it.learned()
            page = await client.get("/metrics", headers={"x-gateway-key": ADMIN})
            assert page.status_code == 200
    assert bird.connections == 0
    sinks = {"log": str(logged), "metrics": page.text, "errors": "".join(at.errors)}
    sinks["upstream"] = str([request.headers for request in upstream.received])
    for secret in (ADMIN, ACME, GLOBEX):
        assert not [sink for sink, text in sinks.items() if secret in text], secret
    for sink in ("log", "metrics"):
        assert MARK not in sinks[sink]


@pytest.fixture
async def at(record_property):
    async with target() as made:
        yield made
    record_property("ms", made.ms)
