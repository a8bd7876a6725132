"""How a request of our own API is read: from the path, the query and the JSON body alike.

Unlike a client of MemOS's, ours is told of a field that it got wrong: an unknown one is refused. A
field that is null means its default.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_origin
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, Field, ValidationError, model_validator
from starlette.types import Receive, Send
from starlette.types import Scope as HttpScope

from gateway.errors import EmbeddingError, StoreError
from gateway.http.access import respond
from gateway.http.auth import PROJECT
from gateway.http.errors import ApiError
from gateway.http.files import WithFiles, turn_of
from gateway.http.gateway import Gateway
from gateway.http.headers import RawHeaders
from gateway.http.kept import Kept
from gateway.http.limits import read_body
from gateway.http.operation import JSON_LINES, Operation
from gateway.http.options import DEFAULT_USER, MOST_ID, user_of
from gateway.http.receiving import read_files

_DEEPEST = 3  # parts of a field's name; below are the client's own
_BODIES = frozenset({"POST", "PATCH", "PUT"})


class Asked(BaseModel, extra="forbid"):
    """What a call takes. `user` may also be named by the header X-User-Id, which comes first."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:  # noqa: ANN401  whatever was sent
        if not isinstance(value, dict):
            return value
        return {key: item for key, item in value.items() if item is not None}


class OfUser(Asked):
    """What concerns the memories of one user."""

    user: str = Field(
        DEFAULT_USER,
        min_length=1,
        max_length=MOST_ID,
        description="Whose memories; the header X-User-Id says the same and comes first.",
    )


AskedType = TypeVar("AskedType", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Resource:
    """Reads what is asked, has it done, and sends the answer as it is, or line by line."""

    gateway: Gateway
    operation: Operation[Any]

    async def __call__(self, http: HttpScope, receive: Receive, send: Send) -> None:
        turn = turn_of(self.gateway, self.operation, http["headers"])
        async with turn:
            with Kept() as kept:
                asked = read(
                    self.operation.asked,
                    path=http["path_params"],
                    query=http["query_string"],
                    body=await self._body(http, receive, kept),
                    headers=http["headers"],
                )
                if isinstance(asked, WithFiles):
                    asked.bring(kept)
                try:
                    told = await self.operation.work(self.gateway, http[PROJECT], asked)
                except (StoreError, EmbeddingError):
                    raise _unavailable() from None
                if callable(told):
                    await told(http, receive, send)
                else:
                    await respond(send, 200, dumped(told))

    async def _body(self, http: HttpScope, receive: Receive, kept: Kept) -> bytes:
        settings, from_form = self.gateway.settings, self.operation.from_form
        if self.operation.method not in _BODIES:
            return b""
        if from_form is not None:
            return await read_files(http, receive, settings, kept, from_form)
        return await read_body(
            receive, http["headers"], most=settings.max_body_bytes, timeout=settings.body_timeout
        )


def read(
    model: type[AskedType],
    *,
    path: Mapping[str, str],
    query: bytes,
    body: bytes,
    headers: RawHeaders,
) -> AskedType:
    """The request. What the path says comes before the body, and that before the query.

    In a query a list is one value with commas, or several values. Raises ApiError 400, naming the
    first wrong field.
    """
    given = _of_query(model, query)
    if body.strip():
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise ApiError(400, "the body is not valid JSON") from None
        if not isinstance(document, dict):
            raise ApiError(400, "the body is not a JSON object")
        given |= document
    if "user" in model.model_fields and "user" not in path:
        named = user_of(headers, {})
        if named != DEFAULT_USER or "user" not in given:
            given["user"] = named
    try:
        return model.model_validate(given | dict(path))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part)[:MOST_ID] for part in first["loc"][:_DEEPEST])
        message = f"{place}: {first['msg']}" if place else str(first["msg"])
        raise ApiError(400, message, param=place or None) from None


def dumped(document: object) -> bytes:
    """The document as JSON, also where a client's own JSON is in it that orjson cannot write."""
    try:
        return orjson.dumps(document)
    except TypeError:
        return json.dumps(document).encode()


def _of_query(model: type[BaseModel], query: bytes) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        field = model.model_fields.get(name)
        if field is not None and get_origin(field.annotation) is list:
            given.setdefault(name, []).extend(part for part in value.split(",") if part)
        else:
            given[name] = value
    return given


@dataclass(frozen=True, slots=True)
class JsonLines:
    """An answer of JSON, one document a line, each sent as it is made.

    A store that fails at once is still told as an error; one that fails later cuts the answer.
    """

    lines: AsyncIterator[bytes]

    async def __call__(self, http: HttpScope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        try:
            first = await anext(self.lines, b"")
        except StoreError:
            raise _unavailable() from None
        head = [(b"content-type", JSON_LINES.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async for line in self.lines:
            await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _unavailable() -> ApiError:
    return ApiError(
        503,
        "the memory service is unavailable",
        kind="server_error",
        code="memory_unavailable",
        headers=((b"retry-after", b"1"),),
    )
