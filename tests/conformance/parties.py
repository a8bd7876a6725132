"""Both ways for one request: straight to a scripted model server, and through a gateway before it.

Three ways through: memory off, on with nothing remembered about the user, and on with a standing
instruction, which goes into every prompt.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import httpx

from tests.conformance.scenario import Connection, Scenario
from tests.conformance.wire import (
    EndedError,
    Headers,
    Inbox,
    Reader,
    Request,
    Response,
    read_request,
)

Way = Literal["off", "new", "known"]
WAYS: tuple[Way, ...] = ("off", "new", "known")
WISH = "Always answer in French."


@dataclass
class Outcome:
    """One run of a scenario, as the server saw it and as the client saw it."""

    requests: list[Request] = field(default_factory=list)
    response: Response = field(default_factory=Response)


class Server:
    """A model server on a real socket that plays what a scenario scripts."""

    def __init__(self) -> None:
        self.address = ("127.0.0.1", 0)
        self.scenario: Scenario
        self.client: Reader
        self.outcome = Outcome()
        self._serving: set[asyncio.Task[None]] = set()
        self._inboxes: list[Inbox] = []

    def _accept(self) -> Inbox:
        inbox = _Accepted(self._begin)
        self._inboxes.append(inbox)
        return inbox

    def _begin(self, inbox: Inbox) -> None:
        task = asyncio.create_task(self._serve(inbox))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, inbox: Inbox) -> None:
        with suppress(EndedError):
            while True:
                request = await read_request(inbox)
                self.outcome.requests.append(request)
                connection = Connection(inbox, self.client)
                for step in self.scenario.answer:
                    if isinstance(step, bytes):
                        await inbox.write(step)
                    else:
                        await step(connection)
        inbox.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._accept, "127.0.0.1", 0)
        self.address = server.sockets[0].getsockname()
        try:
            yield self
        finally:
            server.close()
            for inbox in self._inboxes:
                inbox.abort()
            await asyncio.gather(*self._serving, return_exceptions=True)
            await server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.address[1]}/v1"


class _Accepted(Inbox):
    def __init__(self, begin: Callable[[Inbox], None]) -> None:
        super().__init__()
        self._begin = begin

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._begin(self)


@dataclass
class Parties:
    """A server, and the address of a gateway whose upstream it is."""

    server: Server
    gateway: str

    async def direct(self, scenario: Scenario) -> Outcome:
        """Straight to the server."""
        return await self._run(scenario, self.server.url, ())

    async def through(self, scenario: Scenario, way: Way) -> Outcome:
        """Through the gateway, with the two headers by which this run chooses its memory."""
        if way == "off":
            return await self._run(scenario, self.gateway, (("X-Memory", "off"),))
        user = f"{way}-{scenario.name}"[:100]
        if way == "known":
            await self._tell(user)
        return await self._run(scenario, self.gateway, (("X-User-Id", user),))

    async def _tell(self, user: str) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(
                f"{self.gateway}/api/openmem/v1/add/message",
                json={
                    "user_id": user,
                    "messages": [{"role": "user", "content": WISH}],
                    "async_mode": False,
                },
            )
            answer.raise_for_status()

    async def _run(self, scenario: Scenario, url: str, control: Headers) -> Outcome:
        server = self.server
        server.scenario, server.client, server.outcome = scenario, Reader(), Outcome()
        async with connected(url) as inbox:
            request = scenario.request(urlsplit(url).netloc, control)
            sending = asyncio.create_task(inbox.write(request))
            server.outcome.response = await server.client.read(inbox, scenario.method)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return server.outcome


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Inbox]:
    """A connection of a client's, cut at the end."""
    host, _, port = urlsplit(url).netloc.partition(":")
    loop = asyncio.get_running_loop()
    transport, inbox = await loop.create_connection(Inbox, host, int(port))
    try:
        yield inbox
    finally:
        transport.abort()


@contextmanager
def plain_environment() -> Iterator[None]:
    """No setting of whoever runs this is seen."""
    kept = {k: v for k, v in os.environ.items() if k.startswith(("GATEWAY_", "OPENAI_"))}
    for name in kept:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(kept)
