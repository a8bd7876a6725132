"""Our own API's routes, under /v1; a path of theirs is not passed on to the model's server."""

from typing import Any

from starlette.routing import Route

from gateway.http.gateway import Gateway
from gateway.http.memories import chats, knowledge_bases, knowledge_files, reading, users, writing
from gateway.http.memories.resource import Resource
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


def routes(gateway: Gateway) -> list[Route]:
    """A route for each path, which answers each of its methods."""
    return [
        Route(PREFIX + each.path, Resource(gateway, each), methods=[each.method])
        for each in OPERATIONS
    ]
