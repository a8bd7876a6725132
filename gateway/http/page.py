"""The page for people at `/`: its files are served from memory, and nothing else is loaded.

It uses the same endpoints as everybody, and shows nothing that its user's key may not read: the
files themselves hold no data, so they need no key.
"""

from hashlib import sha256
from importlib.resources import files
from typing import Final

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.http.access import respond
from gateway.http.headers import RawHeaders, get

# Script is what these files hold, and never a string made into one: `trusted-types` with no policy
# forbids that to the page's own code too.
POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind} 'self'" for kind in ("script-src", "style-src", "connect-src", "img-src")),
        *(f"{kind} 'none'" for kind in ("base-uri", "form-action", "frame-ancestors")),
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)

_KINDS: Final = {
    "html": b"text/html; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}
_FOLDER: Final = files("gateway.http") / "ui"
_INDEX: Final = "index.html"


_NAMES: Final = {
    "/" if file.name == _INDEX else f"/ui/{file.name}": file.name
    for file in _FOLDER.iterdir()
    if file.name.rpartition(".")[2] in _KINDS
}
PATHS: Final = frozenset(_NAMES)


def routes() -> list[Route]:
    return [Route(path, File(name), methods=["GET"]) for path, name in sorted(_NAMES.items())]


class File:
    """One file. A browser asks each time whether it has changed, and is told in a few bytes."""

    def __init__(self, name: str) -> None:
        self._content = (_FOLDER / name).read_bytes()
        self._tag = f'"{sha256(self._content).hexdigest()[:32]}"'.encode()
        self._kind = _KINDS[name.rpartition(".")[2]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        headers: RawHeaders = (
            (b"etag", self._tag),
            (b"cache-control", b"no-cache"),
            (b"content-security-policy", POLICY.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        )
        if get(scope["headers"], b"if-none-match").encode() == self._tag:
            await send({"type": "http.response.start", "status": 304, "headers": [*headers]})
            await send({"type": "http.response.body", "body": b""})
            return
        await respond(send, 200, self._content, content_type=self._kind, headers=headers)
