"""The MemOS Cloud API's endpoints, at /api/openmem/v1."""

from dataclasses import dataclass
from typing import Any

import orjson
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as HttpScope

from gateway.errors import EmbeddingError, StoreError
from gateway.http.access import MEMOS_PREFIX, respond
from gateway.http.auth import PROJECT
from gateway.http.files import WithFiles, turn_of
from gateway.http.gateway import Gateway
from gateway.http.kept import Kept
from gateway.http.limits import read_body
from gateway.http.memos import (
    adding,
    changing,
    chat,
    extracting,
    feedback,
    knowledge,
    listing,
    messages,
    profiles,
    reranking,
    searching,
    status,
)
from gateway.http.memos.codes import OK, Code
from gateway.http.memos.reading import Body, parse_body
from gateway.http.operation import Operation
from gateway.http.receiving import read_files

OPERATIONS: tuple[Operation[Any], ...] = (
    *adding.OPERATIONS,
    *searching.OPERATIONS,
    *listing.OPERATIONS,
    *changing.OPERATIONS,
    *feedback.OPERATIONS,
    *extracting.OPERATIONS,
    *reranking.OPERATIONS,
    *profiles.OPERATIONS,
    *knowledge.OPERATIONS,
    *chat.OPERATIONS,
    *messages.OPERATIONS,
    *status.OPERATIONS,
)
BARE = frozenset({"rerank"})  # paths whose answers have no envelope


def routes(gateway: Gateway) -> list[Route]:
    return [
        Route(f"{MEMOS_PREFIX}v1/{each.path}", Endpoint(gateway, each), methods=[each.method])
        for each in OPERATIONS
    ]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Reads what is asked, has it done, and sends it in MemOS's envelope, where it has one."""

    gateway: Gateway
    operation: Operation[Any]

    async def __call__(self, http: HttpScope, receive: Receive, send: Send) -> None:
        turn = turn_of(self.gateway, self.operation, http["headers"])
        async with turn:
            with Kept() as kept:
                asked = parse_body(self.operation.asked, await self._read(http, receive, kept))
                if isinstance(asked, WithFiles):
                    asked.bring(kept)
                await self._answer(http, asked, receive, send)

    async def _read(self, http: HttpScope, receive: Receive, kept: Kept) -> bytes:
        settings, from_form = self.gateway.settings, self.operation.from_form
        if self.operation.method == "GET":
            return orjson.dumps(http["path_params"])
        if from_form is not None:
            return await read_files(http, receive, settings, kept, from_form)
        return await read_body(
            receive, http["headers"], most=settings.max_body_bytes, timeout=settings.body_timeout
        )

    async def _answer(self, http: HttpScope, asked: Body, receive: Receive, send: Send) -> None:
        try:
            data = await self.operation.work(self.gateway, http[PROJECT], asked)
            if callable(data):
                await data(http, receive, send)
                return
        except (StoreError, EmbeddingError):
            raise Code.MEMORY_UNAVAILABLE.error() from None
        bare = self.operation.path in BARE
        answer = data if bare else {"code": OK, "data": data, "message": "ok"}
        await respond(send, 200, orjson.dumps(answer))
