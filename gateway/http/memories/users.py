"""/v1/users/{user}: all that is held about a user, to take away, and to be rid of."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from pydantic import Field
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as HttpScope
from typing_extensions import TypedDict

from gateway.http.asking import Asked
from gateway.http.endpoint import dumped
from gateway.http.gateway import Gateway
from gateway.http.memories.items import entry_item, memory_item, turn_item
from gateway.http.operation import JSON_LINES, Data, Operation
from gateway.http.options import MOST_ID
from gateway.memory.erasure import holdings
from gateway.memory.model import Entry, Memory, Scope, Turn


class User(Asked):
    user: str = Field(min_length=1, max_length=MOST_ID, description="The user's id.")


class Line(TypedDict):
    """A turn, a memory or an entry; `object` says which, and its other members with it."""

    id: str
    object: str


async def export_user(gateway: Gateway, project: str, asked: User) -> ASGIApp:
    """Everything held about a user as JSON Lines: turns, memories whatever their status, entries.

    What the user contributed to what others may recall is among the memories.
    """
    told = lines(gateway, Scope(project, asked.user))
    return JsonLines(await anext(told, b""), told)


@dataclass(frozen=True, slots=True)
class JsonLines:
    """An answer of JSON, one document a line, each sent as it is made.

    A store that fails before there is a first line is still told as an error; one that fails later
    cuts the answer.
    """

    first: bytes
    rest: AsyncIterator[bytes]

    async def __call__(self, http: HttpScope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        head = [(b"content-type", JSON_LINES.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": self.first, "more_body": True})
        async for line in self.rest:
            await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def lines(gateway: Gateway, scope: Scope) -> AsyncIterator[bytes]:
    async for held in holdings(gateway.store, gateway.registry, scope):
        yield line(held)


def line(held: Turn | Memory | Entry) -> bytes:
    """One thing that is held, as a line of JSON."""
    match held:
        case Turn():
            document: Any = turn_item(held)
        case Memory():
            document = memory_item(held)
        case Entry():
            document = entry_item(held)
    return dumped(document) + b"\n"


class Erased(TypedDict):
    id: str
    object: str
    deleted: bool
    erased_at: int
    turns: int
    memories: int
    contributions: int
    entries: int


async def erase_user(gateway: Gateway, project: str, asked: User) -> Data:
    """Erase everything of a user for good, and answer with a receipt.

    Nothing said until now is learned any more, whatever is still under way; what the user says
    from now on is remembered as usual.
    """
    receipt = await gateway.eraser.erase(Scope(project, asked.user))
    return {
        "id": receipt.id,
        "object": "erasure",
        "deleted": True,
        "erased_at": receipt.erased,
        "turns": receipt.turns,
        "memories": receipt.memories,
        "contributions": receipt.contributions,
        "entries": receipt.entries,
    }


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        method="GET",
        path="users/{user}/export",
        asked=User,
        answer=Line,
        work=export_user,
        kind=JSON_LINES,
    ),
    Operation(method="DELETE", path="users/{user}", asked=User, answer=Erased, work=erase_user),
)
