"""Who calls: the key alone decides the project. On by default, but for the paths listed here.

Without any key configured only loopback is served (the settings see to that) and every call is the
project `default`.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.errors import ApiError
from gateway.http.headers import GATEWAY_KEY, RawHeaders, get, upstream_headers
from gateway.settings import ApiKey

PROJECT = "gateway.project"
_KEY = "gateway.key"
_KEEPS_AUTHORIZATION = "gateway.keeps_authorization"
_AUTHORIZATION = b"authorization"
DEFAULT_PROJECT = "default"
OPEN_PATHS = frozenset({"/healthz", "/readyz"})  # a supervisor's probes carry no key


class Auth:
    """Puts the caller's project into the ASGI scope. Raises ApiError 401 otherwise.

    A key is accepted as `Bearer` (OpenAI's clients) or `Token` (MemOS's), or in the header
    X-Gateway-Key, which leaves Authorization to the client's own key for the upstream.
    """

    def __init__(self, app: ASGIApp, *, keys: Sequence[ApiKey]) -> None:
        self._app = app
        self._digests = [(_digest(k.key.get_secret_value()), k.project) for k in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in OPEN_PATHS:
            headers: RawHeaders = scope["headers"]
            key = get(headers, GATEWAY_KEY) or _token(get(headers, _AUTHORIZATION))
            scope[PROJECT] = self._project(key)
            scope[_KEY] = key.strip() if self._digests else ""
            scope[_KEEPS_AUTHORIZATION] = self._keeps_authorization(headers)
        await self._app(scope, receive, send)

    def _project(self, key: str) -> str:
        if not self._digests:
            return DEFAULT_PROJECT
        project = self._owner(key)
        if not project:
            raise ApiError(401, "no valid key", kind="authentication_error", code="invalid_api_key")
        return project

    def _keeps_authorization(self, headers: RawHeaders) -> bool:
        """Whether what the header says is the client's own, and nowhere a key of the gateway."""
        if not self._digests:
            return True
        given = [value.decode("latin-1") for name, value in headers if name == _AUTHORIZATION]
        return not any(self._owner(_token(value)) or self._owner(value) for value in given)

    def _owner(self, key: str) -> str:
        """The project that a key opens, or ""."""
        given, project = _digest(key.strip()), ""
        for digest, owner in self._digests:  # all of them, so that time tells nothing
            if hmac.compare_digest(digest, given):
                project = owner
        return project


def onward_headers(http: Scope) -> RawHeaders:
    """What of a request goes on to the model's server: never a key of the gateway."""
    return upstream_headers(
        http["headers"], keep_authorization=http[_KEEPS_AUTHORIZATION], secret=http[_KEY].encode()
    )


def _token(authorization: str) -> str:
    scheme, _, key = authorization.partition(" ")
    return key if scheme.lower() in {"bearer", "token"} else ""


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()
