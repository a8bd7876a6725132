"""Who calls: the key alone decides the project. On by default, but for the paths listed here.

Without any key configured only loopback is served (the settings see to that) and every call is the
project `default`. The gateway's keys end here: no header that holds one is handed on.
"""

import hmac
import re
from base64 import b64decode
from collections.abc import Sequence
from hashlib import sha256

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.errors import ApiError
from gateway.http.headers import GATEWAY_KEY, RawHeaders, get
from gateway.settings import ApiKey

PROJECT = "gateway.project"
_AUTHORIZATION = b"authorization"
DEFAULT_PROJECT = "default"
LONG = 8  # bytes; the letters of a shorter key stand within other words by chance
# A supervisor's probes carry no key, and the description of the API shows nobody's data.
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/openapi.json", "/docs"})


class Auth:
    """Puts the caller's project into the ASGI scope. Raises ApiError 401 otherwise.

    A key is accepted as `Bearer` (OpenAI's clients) or `Token` (MemOS's), or in the header
    X-Gateway-Key, which leaves Authorization to the client's own key for the upstream. A header
    that holds any of the keys, whoever's it is, is gone from the request afterwards.
    """

    def __init__(self, app: ASGIApp, *, keys: Sequence[ApiKey]) -> None:
        self._app = app
        self._digests = [(_digest(k.key.get_secret_value()), k.project) for k in keys]
        self._keys = [_Written(k.key.get_secret_value().encode()) for k in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in OPEN_PATHS:
            headers: RawHeaders = scope["headers"]
            key = get(headers, GATEWAY_KEY) or _token(get(headers, _AUTHORIZATION))
            scope[PROJECT] = self._project(key)
            if self._keys:
                scope["headers"] = [pair for pair in headers if not self._is_in(pair[1])]
        await self._app(scope, receive, send)

    def _project(self, key: str) -> str:
        if not self._digests:
            return DEFAULT_PROJECT
        given, project = _digest(key.strip()), ""
        for digest, owner in self._digests:  # all of them, so that time tells nothing
            if hmac.compare_digest(digest, given):
                project = owner
        if not project:
            message, code = (
                ("no valid key", "invalid_api_key") if key else ("no key", "missing_api_key")
            )
            raise ApiError(401, message, kind="authentication_error", code=code)
        return project

    def _is_in(self, value: bytes) -> bool:
        """Whether a header's value holds a key, as it is or as the password of `Basic`."""
        if any(key.is_in(value) for key in self._keys):
            return True
        scheme, _, encoded = value.partition(b" ")
        if scheme.lower() != b"basic":
            return False
        try:
            plain = b64decode(encoded)
        except ValueError:
            return False
        return any(key.is_in(plain) for key in self._keys)


class _Written:
    """A key as it may stand in a header, with or without something around it."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        word = rb"(?<![A-Za-z0-9])" + re.escape(key) + rb"(?![A-Za-z0-9])"
        self._word = None if len(key) >= LONG else re.compile(word)

    def is_in(self, value: bytes) -> bool:
        return self._key in value and (self._word is None or bool(self._word.search(value)))


def _token(authorization: str) -> str:
    scheme, _, key = authorization.partition(" ")
    return key if scheme.lower() in {"bearer", "token"} else ""


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogateescape")).digest()
