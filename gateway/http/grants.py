"""What a key must open for a path to be answered; every route is guarded by it."""

from dataclasses import replace

import structlog
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.access import MEMOS_PREFIX, REQUEST_ID
from gateway.http.auth import KEY, OPEN_PATHS
from gateway.http.errors import ApiError
from gateway.http.understanding import Said
from gateway.keys.key import Grant, Key

ADMIN_PREFIX = "/v1/admin/"

# Calls of our own APIs; every other path under /v1 is the model's side.
_OURS = (
    MEMOS_PREFIX,
    "/v1/memories",
    "/v1/users",
    "/v1/knowledge-bases",
    "/v1/chats",
    "/v1/status",
)
_READING = (
    "get/",
    "list/",
    "search/",
    "rerank",
    "extract/",
)  # of the MemOS API, relative to its version
_CHATTING = ("chat",)

_log = structlog.get_logger(__name__)


def needed(method: str, path: str) -> frozenset[Grant]:
    """What a key must have, all of it, to call a route by this method."""
    if path in OPEN_PATHS:
        return frozenset()
    if path == "/metrics":
        return frozenset({Grant.METRICS})
    if path.startswith(ADMIN_PREFIX):
        return frozenset({Grant.ADMIN})
    if path.startswith(_OURS):
        call = path.removeprefix(f"{MEMOS_PREFIX}v1/")
        if call.startswith(_CHATTING):
            return frozenset({Grant.CHAT, Grant.READ})  # without WRITE it keeps nothing
        if method in {"GET", "HEAD"} or call.startswith(_READING) or call.endswith("/search"):
            return frozenset({Grant.READ})
        return frozenset({Grant.WRITE})
    return frozenset({Grant.CHAT})


def has(key: Key, needs: frozenset[Grant]) -> bool:
    """Whether a key opens all of it; an admin's opens the metrics too."""
    return needs <= key.grants or (needs == {Grant.METRICS} and Grant.ADMIN in key.grants)


def permitted(said: Said, key: Key) -> Said | None:
    """What a chat says, with as much of memory as its key opens; None where that is nothing."""
    options = said.options
    reads = options.reads and Grant.READ in key.grants
    writes = options.writes and Grant.WRITE in key.grants
    if (reads, writes) == (options.reads, options.writes):
        return said
    if not reads and not writes:
        return None
    return replace(said, options=replace(options, mode="read" if reads else "write"))


def guarded(route: Route) -> Route:
    """The route, answered only for keys that open it."""
    route.app = Guard(route.app, route.path)
    return route


class Guard:
    """Raises ApiError 403 for a key that does not open the path. An admin's is logged."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key: Key | None = scope.get(KEY)  # none where none is needed
        if key is not None:
            needs = needed(scope["method"], self._path)
            if not has(key, needs):
                lacks = ", ".join(sorted(needs - key.grants))
                raise ApiError(
                    403,
                    f"this key does not have the scope {lacks}",
                    kind="permission_error",
                    code="insufficient_permissions",
                )
            if Grant.ADMIN in key.grants and key.id:
                _audit(scope, key, self._path)
        await self._app(scope, receive, send)


def _audit(scope: Scope, key: Key, path: str) -> None:
    _log.critical(  # the severest, so that no log level leaves it out
        "admin key used", key=key.id, method=scope["method"], route=path, id=scope[REQUEST_ID]
    )
