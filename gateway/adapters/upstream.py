"""An OpenAI-compatible server as a `ChatModel`: httpx's types over aiohttp's connections.

The transport is called directly, without `httpx.AsyncClient`: measured on one core, that carries
six times the requests of httpx's own transport at a fifth of the CPU. Nothing is followed, decoded
or added: no redirects, no cookies, no proxies from the environment, no decompression.
"""

import asyncio
import math
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from gateway.adapters.connections import Connections, Exchange
from gateway.errors import UpstreamBrokenError, UpstreamTimeoutError, UpstreamUnreachableError
from gateway.memory.ports import ModelRequest

PIECE = 256 * 2**10  # bytes of a body that are written at once; others get their turn between two
LONGEST_HEADER = 64 * 2**10  # bytes, as much as the large servers send
STALE = 1.0  # seconds in which a kept connection that the server had closed shows itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds: to connect, until the answer's headers, between two pieces of it, and for it all."""

    connect: float = 5.0
    first_byte: float = 300.0
    idle: float = 120.0
    total: float = math.inf


@dataclass(frozen=True, slots=True)
class UpstreamResponse:
    """An answer under way. Must be closed, read to its end or not."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    _response: httpx.Response
    _idle: float
    _deadline: float

    @property
    def body(self) -> AsyncIterator[bytes]:
        return self._read()

    async def _read(self) -> AsyncIterator[bytes]:
        stream = self._response.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101  the transport is async
        chunks = aiter(stream)
        now = asyncio.get_running_loop().time
        try:
            while True:
                async with asyncio.timeout_at(min(now() + self._idle, self._deadline)):
                    chunk = await anext(chunks)
                yield chunk
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise UpstreamTimeoutError("no byte in time") from error
        except httpx.TransportError as error:
            raise UpstreamBrokenError(_reason(error)) from error

    async def aclose(self) -> None:
        await self._response.aclose()


class Upstream:
    """One server, with as many connections as there are requests.

    What bounds them is the gateway's own in-flight cap. A key of its own, or the name and password
    of its URL, replaces the client's Authorization.
    """

    memorable = True

    def __init__(self, base_url: str, *, api_key: str = "", timeouts: Timeouts) -> None:
        base = httpx.URL(base_url.rstrip("/") + "/")
        self._authorization = b"Bearer " + api_key.encode() if api_key else _basic(base)
        self._base = base.copy_with(username=None, password=None)
        self._timeouts = timeouts
        self._transport = AiohttpTransport(trust_env=False, client=_session)

    async def send(self, request: ModelRequest) -> UpstreamResponse:
        """Returns when the answer's headers are there.

        A kept connection that the server had closed meanwhile costs one try more, on a fresh one.
        Raises UpstreamUnreachableError, UpstreamTimeoutError.
        """
        now = asyncio.get_running_loop().time
        begun = now()
        deadline = begun + self._timeouts.total
        exchange = Exchange.begin()
        try:
            response = await self._attempt(request, deadline)
        except UpstreamUnreachableError:
            at_once = now() - begun < STALE
            if not (exchange.found_closed and at_once and isinstance(request.body, bytes)):
                raise
            response = await self._attempt(request, deadline)
        return UpstreamResponse(
            response.status_code, response.headers.raw, response, self._timeouts.idle, deadline
        )

    async def _attempt(self, request: ModelRequest, deadline: float) -> httpx.Response:
        headers = list(request.headers)
        if self._authorization is not None:
            headers = [pair for pair in headers if pair[0].lower() != b"authorization"]
            headers.append((b"authorization", self._authorization))
        body = request.body
        if isinstance(body, bytes) and len(body) > PIECE:
            headers.append((b"content-length", str(len(body)).encode()))
            body = _pieces(body)
        outgoing = httpx.Request(
            request.method,
            # Not `join`, for which a path such as "http://elsewhere/" is another server's.
            self._base.copy_with(raw_path=self._base.raw_path + request.path.encode("ascii")),
            headers=headers,
            content=body,
            extensions={"timeout": {"connect": self._timeouts.connect}},
        )
        first_byte = asyncio.get_running_loop().time() + self._timeouts.first_byte
        try:
            async with asyncio.timeout_at(min(first_byte, deadline)):
                return await self._transport.handle_async_request(outgoing)
        except TimeoutError as error:
            raise UpstreamTimeoutError("no answer in time") from error
        except httpx.TransportError as error:
            # The transport calls every lost connection ConnectTimeout; its cause tells them apart.
            if isinstance(error.__cause__, TimeoutError):
                raise UpstreamTimeoutError("no connection in time") from error
            raise UpstreamUnreachableError(_reason(error)) from error
        except aiohttp.ClientResponseError as error:  # what came is not HTTP
            raise UpstreamUnreachableError(type(error).__name__) from error

    async def aclose(self) -> None:
        await self._transport.aclose()


def _basic(url: httpx.URL) -> bytes | None:
    """A URL's name and password; aiohttp takes no URL with them beside another Authorization."""
    if not url.userinfo:
        return None
    return b"Basic " + b64encode(f"{url.username}:{url.password}".encode())


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), PIECE):
        yield body[at : at + PIECE]


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=Connections(),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
    )


def _reason(error: Exception) -> str:
    """What broke, without the URL that aiohttp's messages carry."""
    return type(error.__cause__ or error).__name__
