"""The MemOS Cloud API's endpoints, at /api/openmem/v1."""

from typing import Any

import orjson
from starlette.routing import Route
from starlette.types import Scope

from gateway.http.access import MEMOS_PREFIX
from gateway.http.endpoint import Api, Endpoint
from gateway.http.gateway import Gateway
from gateway.http.memos import (
    adding,
    changing,
    chat,
    extracting,
    feedback,
    knowledge,
    listing,
    messages,
    profiles,
    reranking,
    searching,
    status,
)
from gateway.http.memos.codes import OK, Code
from gateway.http.memos.reading import Body, parse_body
from gateway.http.operation import Data, Operation

OPERATIONS: tuple[Operation[Any], ...] = (
    *adding.OPERATIONS,
    *searching.OPERATIONS,
    *listing.OPERATIONS,
    *changing.OPERATIONS,
    *feedback.OPERATIONS,
    *extracting.OPERATIONS,
    *reranking.OPERATIONS,
    *profiles.OPERATIONS,
    *knowledge.OPERATIONS,
    *chat.OPERATIONS,
    *messages.OPERATIONS,
    *status.OPERATIONS,
)
BARE = frozenset({"rerank"})  # paths whose answers have no envelope


def _read(operation: Operation[Any], http: Scope, body: bytes) -> Body:
    """What a GET asks is in its path."""
    raw = orjson.dumps(http["path_params"]) if operation.method == "GET" else body
    asked: Body = parse_body(operation.asked, raw)
    return asked


def _told(operation: Operation[Any], data: Data) -> Any:  # noqa: ANN401  whatever JSON may be
    """In MemOS's envelope, where it has one."""
    return data if operation.path in BARE else {"code": OK, "data": data, "message": "ok"}


API = Api(read=_read, told=_told, unavailable=Code.MEMORY_UNAVAILABLE.error)


def routes(gateway: Gateway) -> list[Route]:
    return [
        Route(f"{MEMOS_PREFIX}v1/{each.path}", Endpoint(gateway, API, each), methods=[each.method])
        for each in OPERATIONS
    ]
