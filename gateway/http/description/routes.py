"""/openapi.json and /docs: the description, for programs and for people."""

from functools import cache

import orjson
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.http.access import respond
from gateway.http.description.document import document
from gateway.http.description.page import POLICY, page
from gateway.http.headers import RawHeaders

_PAGE_HEADERS: RawHeaders = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


def routes() -> list[Route]:
    return [
        Route("/openapi.json", OpenApi(), methods=["GET"]),
        Route("/docs", Docs(), methods=["GET"]),
    ]


@cache
def _document() -> bytes:
    return orjson.dumps(document())


@cache
def _page() -> bytes:
    return page(document()).encode()


class OpenApi:
    """`GET /openapi.json`: made at the first request, the same ever after."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        await respond(send, 200, _document())


class Docs:
    """`GET /docs`: a page that needs nothing from elsewhere."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        kind = b"text/html; charset=utf-8"
        await respond(send, 200, _page(), content_type=kind, headers=_PAGE_HEADERS)
