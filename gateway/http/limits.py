"""What a request may take: how many at once, how large, how slow."""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.coding import PLAIN, Decoded
from gateway.http.disconnect import ClientGoneError
from gateway.http.drain import Drain
from gateway.http.errors import ApiError
from gateway.http.headers import RawHeaders, get

# What a supervisor and a scraper ask must be answered when nothing else is.
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
CLOSE = (b"connection", b"close")


class InFlight:
    """Refuses what is more than `most` requests at once, and all once it drains, but for probes.

    Raises ApiError 503.
    """

    def __init__(self, app: ASGIApp, *, most: int, drain: Drain) -> None:
        self._app = app
        self._most = most
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        if self._drain.begun.is_set():
            raise _unavailable("the gateway is shutting down", "shutting_down", CLOSE)
        if len(self._drain) >= self._most:
            raise _unavailable("the gateway serves as many requests as it may", "overloaded")
        self._drain.enter()
        try:
            await self._app(scope, receive, send)
        finally:
            self._drain.leave()


def _unavailable(message: str, code: str, *headers: tuple[bytes, bytes]) -> ApiError:
    return ApiError(
        503,
        f"{message}; try again",
        kind="server_error",
        code=code,
        headers=((b"retry-after", b"1"), *headers),
    )


async def read_body(
    receive: Receive,
    headers: RawHeaders,
    *,
    most: int,
    timeout: float,  # noqa: ASYNC109  of the whole body, kept here
) -> bytes:
    """The request's body, decoded where it came compressed.

    Raises ApiError: 413 over `most` bytes, before or after decoding; 408 when it is not there after
    `timeout` seconds; 415 for a coding that is not known, 400 for a body damaged in it. Raises
    ClientGoneError.
    """
    coding = get(headers, b"content-encoding").lower()
    decoded = None if coding in PLAIN else Decoded(coding)
    declared = get(headers, b"content-length")
    if declared.isdigit() and int(declared) > most:
        raise too_large(most)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                arrived = message.get("body", b"")
                for chunk in (arrived,) if decoded is None else decoded.feed(arrived):
                    size += len(chunk)
                    if size > most:
                        raise too_large(most)
                    chunks.append(chunk)
                    if decoded is not None:
                        await asyncio.sleep(0)  # a small body may hold much: others get their turn
                if not message.get("more_body", False):
                    if decoded is not None:
                        decoded.end()
                    return b"".join(chunks)
    except TimeoutError as error:
        raise ApiError(408, f"the request body took longer than {timeout:g} s") from error


def too_large(most: int) -> ApiError:
    """What a body over `most` bytes gets."""
    return ApiError(413, f"the request body is larger than {most} bytes")
