"""The outermost layer: every request gets an id, an answer in its API's shape, and one log line."""

import time
import uuid
from collections.abc import Collection

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.disconnect import ClientGoneError
from gateway.http.errors import SERVER_SIDE, ApiError, api_error, openai_body
from gateway.http.headers import RawHeaders
from gateway.http.memos.codes import memos_body
from gateway.metrics import Metrics

MEMOS_PREFIX = "/api/openmem/"
REQUEST_ID = "gateway.request_id"
CLIENT_GONE = 499  # as nginx logs it: the client left before there was an answer

_log = structlog.get_logger(__name__)


class Access:
    """`routes` are the paths that metrics and logs may name; any other is "other"."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, routes: Collection[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["app"] = self  # asks Starlette's routes to raise what they refuse
        request_id = scope[REQUEST_ID] = uuid.uuid4().hex
        named = (b"x-gateway-request-id", request_id.encode())
        begun = time.perf_counter()
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], named]
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except ClientGoneError:
            status = status or CLIENT_GONE
        except Exception as error:
            if status:  # too late for an answer: the connection is cut, so nobody takes it as whole
                _log.warning("answer cut", id=request_id, error=type(error).__name__)
                raise
            known = api_error(error)
            if known.status >= SERVER_SIDE and not isinstance(error, ApiError):
                _log.error("request failed", id=request_id, error=type(error).__name__)
            body = memos_body if scope["path"].startswith(MEMOS_PREFIX) else openai_body
            await respond(send_named, known.status, body(known), headers=known.headers)
        finally:
            path = scope["path"] if scope["path"] in self._routes else "other"
            self._metrics.requests.labels(path, str(status)).inc()
            _log.info(
                "request",
                id=request_id,
                method=scope["method"],
                route=path,
                status=status,
                ms=round((time.perf_counter() - begun) * 1000, 1),
            )


async def respond(
    send: Send,
    status: int,
    body: bytes,
    *,
    content_type: bytes = b"application/json",
    headers: RawHeaders = (),
) -> None:
    """Send a whole answer."""
    head = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
