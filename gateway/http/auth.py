"""Who calls: the key alone decides the project. On by default, but for the paths listed here.

While there is no key at all only loopback is served (the settings see to that), every call is the
project `default` and may do anything, unless a page from elsewhere made a browser send it. The
gateway's keys end here: no header that holds one is handed on.
"""

import ipaddress
import re
from base64 import b64decode
from collections.abc import Collection, Sequence
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import StoreError
from gateway.http import page
from gateway.http.errors import ApiError, unavailable
from gateway.http.headers import GATEWAY_KEY, RawHeaders, get
from gateway.keys.identity import Identity
from gateway.keys.key import WRITTEN, Grant, Key
from gateway.keys.keyring import Keyring

PROJECT = "gateway.project"
KEY = "gateway.key"
DEFAULT_PROJECT = "default"
LONG = 8  # bytes; the letters of a shorter key stand within other words by chance
# A supervisor's probes carry no key, and the description of the API shows nobody's data.
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/openapi.json", "/docs"}) | page.PATHS

_AUTHORIZATION = b"authorization"
ANYBODY: Final = Key(id="", digest="", project=DEFAULT_PROJECT, grants=frozenset(Grant))


class Auth:
    """Puts the caller's key and its project into the ASGI scope. Raises ApiError 401 otherwise.

    A key is accepted as `Bearer` (OpenAI's clients) or `Token` (MemOS's), or in the header
    X-Gateway-Key, which leaves Authorization to the client's own key for the upstream. A header
    that holds any of the keys, whoever's it is, is gone from the request afterwards. With an
    `identity` any other key in Authorization is a project of its own, and goes on.

    `settled` are the settings' keys as they are written; `origins` may have pages that call us.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keyring: Keyring,
        settled: Sequence[str] = (),
        identity: Identity | None = None,
        origins: Collection[str] = (),
    ) -> None:
        self._app = app
        self._keyring = keyring
        self._identity = identity
        self._origins = frozenset(origins)
        self._settled = [_Written(key.encode()) for key in settled]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in OPEN_PATHS:
            headers: RawHeaders = scope["headers"]
            if self._keyring.required or self._identity is not None:
                key = await self._key(headers)
                if self._holds_a_key(scope["query_string"]):
                    raise _refused("a key does not belong in an address")
                scope["headers"] = [pair for pair in headers if not self._is_in(pair[1])]
            elif _is_local(headers, self._origins):
                key = ANYBODY
            else:
                raise ApiError(
                    403,
                    "without keys the gateway answers this machine alone, no page from elsewhere",
                    kind="permission_error",
                    code="foreign_origin",
                )
            scope[KEY], scope[PROJECT] = key, key.project
        await self._app(scope, receive, send)

    async def _key(self, headers: RawHeaders) -> Key:
        ours, theirs = get(headers, GATEWAY_KEY), _token(get(headers, _AUTHORIZATION)).strip()
        written = ours or theirs
        if not written:
            raise _refused("no key", "missing_api_key")
        try:
            key = await self._keyring.find(written)
        except StoreError:
            raise unavailable("the keys", "keys_unavailable") from None
        if key is None and self._identity and not ours and not WRITTEN.fullmatch(written):
            return self._identity.of(written)
        if key is None:
            raise _refused("no valid key")
        return key

    def _is_in(self, value: bytes) -> bool:
        """Whether a header's value holds a key, as it is or as the password of `Basic`."""
        if self._holds_a_key(value):
            return True
        scheme, _, encoded = value.partition(b" ")
        if scheme.lower() != b"basic":
            return False
        try:
            plain = b64decode(encoded)
        except ValueError:
            return False
        return self._holds_a_key(plain)

    def _holds_a_key(self, text: bytes) -> bool:
        return any(key.is_in(text) for key in self._settled) or self._keyring.holds_any(text)


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


def _refused(message: str, code: str = "invalid_api_key") -> ApiError:
    return ApiError(401, message, kind="authentication_error", code=code)


def _is_local(headers: RawHeaders, origins: Collection[str]) -> bool:
    """Whether a request is not what a page from elsewhere has a browser on this machine send.

    A browser says where a page is from (Origin); and a name that was pointed at this machine, so
    that a page passes for its own, stands in Host.
    """
    origin = get(headers, b"origin")
    if origin and origin not in origins:
        _, named, authority = origin.partition("://")
        if not named or not _is_private(authority, any_address=False):
            return False
    return _is_private(get(headers, b"host"), any_address=True)


def _is_private(authority: str, *, any_address: bool) -> bool:
    """Whether no public DNS has that: a name without a dot, this machine's address, or any."""
    host = authority.rpartition(":")[0] if re.search(r":\d*$", authority) else authority
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return "." not in host.rstrip(".") or host.endswith(".localhost")
    return any_address or address.is_loopback
