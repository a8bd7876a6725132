"""Our own API's routes, under /v1; a path of theirs is not passed on to the model's server."""

from functools import partial
from typing import Any

from starlette.routing import Route
from starlette.types import Scope

from gateway.http.asking import Asked, read
from gateway.http.endpoint import Api, Endpoint
from gateway.http.errors import unavailable
from gateway.http.gateway import Gateway
from gateway.http.memories import chats, knowledge_bases, knowledge_files, reading, users, writing
from gateway.http.operation import Operation

PREFIX = "/v1/"

# The longer of two paths first.
OPERATIONS: tuple[Operation[Any], ...] = (
    *reading.OPERATIONS,
    *writing.OPERATIONS,
    *users.OPERATIONS,
    *knowledge_bases.OPERATIONS,
    *knowledge_files.OPERATIONS,
    *chats.OPERATIONS,
)


def _read(operation: Operation[Any], http: Scope, body: bytes) -> Asked:
    asked: Asked = read(
        operation.asked,
        path=http["path_params"],
        query=http["query_string"],
        body=body,
        headers=http["headers"],
    )
    return asked


API = Api(read=_read, unavailable=partial(unavailable, "the memory", "memory_unavailable"))


def routes(gateway: Gateway) -> list[Route]:
    """A route for each path, which answers each of its methods."""
    return [
        Route(PREFIX + each.path, Endpoint(gateway, API, each), methods=[each.method])
        for each in OPERATIONS
    ]
