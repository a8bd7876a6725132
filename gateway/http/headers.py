"""Which headers cross the gateway, in either direction.

Names are compared in lower case; ASGI and the transport give them as bytes.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]

GATEWAY_KEY = b"x-gateway-key"

# RFC 9110, 7.6.1: they speak of one connection and end with it.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# Made anew for the upstream (it must not compress, for compression holds back what is streamed),
# meant for us, or the client's private business with this host.
_NOT_FORWARDED = HOP_BY_HOP | {
    b"accept-encoding",
    b"content-length",
    b"cookie",
    b"expect",
    b"forwarded",
    b"host",
    GATEWAY_KEY,
    b"x-conversation-id",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"x-forwarded-proto",
    b"x-memory",
    b"x-real-ip",
    b"x-user-id",
}
# Names, mail addresses and roles of people, which chat applications send to whom they trust with
# them: that is us.
_PERSONAL = (b"x-openwebui-", b"x-librechat-")


def get(headers: RawHeaders, name: bytes) -> str:
    """The first value of a header, or "". Clients write beyond ASCII in UTF-8, or in latin-1."""
    for key, value in headers:
        if key == name:
            try:
                return value.decode().strip()
            except UnicodeDecodeError:
                return value.decode("latin-1").strip()
    return ""


def upstream_headers(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """What of a client's request goes on to the model's server; `auth` has taken keys of ours."""
    dropped = _NOT_FORWARDED | _named_by_connection(headers)
    kept = [
        (name, value)
        for name, value in headers
        if name not in dropped and not name.startswith(_PERSONAL)
    ]
    kept.append((b"accept-encoding", b"identity"))
    return kept


def client_headers(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """What of the model server's answer goes back to the client."""
    lowered = [(key.lower(), value) for key, value in headers]
    dropped = HOP_BY_HOP | _named_by_connection(lowered)
    return [pair for pair in lowered if pair[0] not in dropped]


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    return frozenset(
        name.strip().lower()
        for key, value in headers
        if key == b"connection"
        for name in value.split(b",")
    )
