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
from gateway.http.gateway import Gateway
from gateway.http.limits import read_body
from gateway.http.memos import adding, extracting, listing, profiles, reranking, searching
from gateway.http.memos.codes import OK, Code
from gateway.http.memos.reading import parse_body
from gateway.http.operation import Operation

OPERATIONS: tuple[Operation[Any], ...] = (
    *adding.OPERATIONS,
    *searching.OPERATIONS,
    *listing.OPERATIONS,
    *extracting.OPERATIONS,
    *reranking.OPERATIONS,
    *profiles.OPERATIONS,
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
        settings = self.gateway.settings
        if self.operation.method == "GET":
            raw = orjson.dumps(http["path_params"])
        else:
            raw = await read_body(
                receive,
                http["headers"],
                most=settings.max_body_bytes,
                timeout=settings.body_timeout,
            )
        asked = parse_body(self.operation.asked, raw)
        try:
            data = await self.operation.work(self.gateway, http[PROJECT], asked)
        except (StoreError, EmbeddingError):
            raise Code.MEMORY_UNAVAILABLE.error() from None
        bare = self.operation.path in BARE
        answer = data if bare else {"code": OK, "data": data, "message": "ok"}
        await respond(send, 200, orjson.dumps(answer))
