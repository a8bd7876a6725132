"""Who calls: the key alone decides the project. On by default, but for the paths listed here.

Without any key configured only loopback is served (the settings see to that) and every call is the
project `default`.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.errors import ApiError
from gateway.http.headers import get
from gateway.settings import ApiKey

PROJECT = "gateway.project"
DEFAULT_PROJECT = "default"
OPEN_PATHS = frozenset({"/healthz", "/readyz"})  # a supervisor's probes carry no key


class Auth:
    """Puts the caller's project into the ASGI scope. Raises ApiError 401 otherwise.

    A key is accepted as `Bearer` (OpenAI's clients) or `Token` (MemOS's).
    """

    def __init__(self, app: ASGIApp, *, keys: Sequence[ApiKey]) -> None:
        self._app = app
        self._digests = [(_digest(k.key.get_secret_value()), k.project) for k in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in OPEN_PATHS:
            scope[PROJECT] = self._project(scope)
        await self._app(scope, receive, send)

    def _project(self, scope: Scope) -> str:
        if not self._digests:
            return DEFAULT_PROJECT
        scheme, _, key = get(scope["headers"], b"authorization").partition(" ")
        given = _digest(key.strip())
        project = ""
        for digest, owner in self._digests:  # all of them, so that time tells nothing
            if hmac.compare_digest(digest, given):
                project = owner
        if not project or scheme.lower() not in {"bearer", "token"}:
            raise ApiError(401, "no valid key", kind="authentication_error", code="invalid_api_key")
        return project


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()
