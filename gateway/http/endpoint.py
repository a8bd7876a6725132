"""Where an operation is served: its request is read, it is done, and its answer is sent.

How requests are read, answers written and failures told is the API's own.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from gateway.errors import EmbeddingError, StoreError
from gateway.http.access import respond
from gateway.http.auth import PROJECT
from gateway.http.errors import ApiError
from gateway.http.files import WithFiles, turn_of
from gateway.http.gateway import Gateway
from gateway.http.headers import RawHeaders
from gateway.http.kept import Kept
from gateway.http.limits import read_body
from gateway.http.operation import Data, Operation
from gateway.http.receiving import read_files

_BODIES = frozenset({"POST", "PATCH", "PUT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What the endpoints of one API have in common.

    `read` makes what is asked of a request and its body, which is empty where the method has none,
    and raises ApiError. `told` is the whole answer of what an operation returns, `headers` go with
    it. `unavailable` is raised when the store or the embedder fails.
    """

    read: Callable[[Operation[Any], Scope, bytes], BaseModel]
    unavailable: Callable[[], ApiError]
    told: Callable[[Operation[Any], Data], Any] = lambda _, data: data
    headers: RawHeaders = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Serves one operation of an API."""

    gateway: Gateway
    api: Api
    operation: Operation[Any]

    async def __call__(self, http: Scope, receive: Receive, send: Send) -> None:
        async with turn_of(self.gateway, self.operation, http["headers"]):
            with Kept() as kept:
                body = await self._body(http, receive, kept)
                asked = self.api.read(self.operation, http, body)
                if isinstance(asked, WithFiles):
                    asked.bring(kept)
                try:
                    data = await self.operation.work(self.gateway, http[PROJECT], asked)
                except (StoreError, EmbeddingError):
                    raise self.api.unavailable() from None
                if callable(data):
                    await data(http, receive, send)
                    return
                answer = dumped(self.api.told(self.operation, data))
                await respond(send, 200, answer, headers=self.api.headers)

    async def _body(self, http: Scope, receive: Receive, kept: Kept) -> bytes:
        settings, from_form = self.gateway.settings, self.operation.from_form
        if self.operation.method not in _BODIES:
            return b""
        if from_form is not None:
            return await read_files(http, receive, settings, kept, from_form)
        return await read_body(
            receive, http["headers"], most=settings.max_body_bytes, timeout=settings.body_timeout
        )


def dumped(document: object) -> bytes:
    """The document as JSON, also where a client's own JSON is in it that orjson cannot write."""
    try:
        return orjson.dumps(document)
    except TypeError:
        return json.dumps(document).encode()
