"""One list of the models of several servers: of each, those that requests are sent to it for."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.adapters.servers import Server
from gateway.errors import UpstreamError, UpstreamTimeoutError
from gateway.memory.ports import ModelRequest

PATIENCE = 5.0  # seconds; who has not told by then is left out
LARGEST = 8 * 2**20  # bytes of one server's list
_OK = 200


@dataclass(frozen=True, slots=True)
class Told:
    """A whole answer, with no connection behind it any more."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    content: bytes

    @property
    def body(self) -> AsyncIterator[bytes]:
        return self._read()

    async def _read(self) -> AsyncIterator[bytes]:
        yield self.content

    async def aclose(self) -> None:
        """Nothing is held open."""


async def models_of(servers: Sequence[Server], request: ModelRequest) -> Told:
    """The models of all who tell theirs; of those that several have, the first one's word.

    When none does, it is the first refusal. Raises the first UpstreamError where nobody answers.
    """
    async with asyncio.TaskGroup() as group:  # who leaves meanwhile cancels, and closes, them all
        asking = [group.create_task(_ask(server, request)) for server in servers]
    answers = [task.result() for task in asking]
    models: dict[str, Any] = {}
    lists = 0
    for server, answer in zip(servers, answers, strict=True):
        told = _listed(answer)
        lists += told is not None
        for model in told or ():
            if server.serves(model["id"]):
                models.setdefault(model["id"], model)
    if lists:
        body = orjson.dumps({"object": "list", "data": list(models.values())})
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        return Told(_OK, head, body)
    for answer in answers:
        if isinstance(answer, Told):
            return answer
    raise next(answer for answer in answers if isinstance(answer, UpstreamError))


async def _ask(server: Server, request: ModelRequest) -> Told | UpstreamError:
    """What one says. It is not counted by the breaker: not every server has such a list."""
    content = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            response = await server.model.send(request)
            try:
                async for piece in response.body:
                    content += piece
                    if len(content) > LARGEST:
                        return UpstreamTimeoutError("a list without an end")
            finally:
                await response.aclose()
    except UpstreamError as error:
        return error
    except TimeoutError:
        return UpstreamTimeoutError("no list in time")
    return Told(response.status, response.headers, bytes(content))


def _listed(answer: Told | UpstreamError) -> list[dict[str, Any]] | None:
    """The models of an answer that is a list of them."""
    if isinstance(answer, UpstreamError) or answer.status != _OK:
        return None
    try:
        document = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return None
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list):
        return None
    return [model for model in data if isinstance(model, dict) and isinstance(model.get("id"), str)]
