"""/v1/admin/keys: the keys that are registered, for keys with the scope `admin`."""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, Field, ValidationError
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from typing_extensions import TypedDict

from gateway.errors import StoreError
from gateway.http.access import respond
from gateway.http.auth import PROJECT
from gateway.http.errors import ApiError
from gateway.http.gateway import Gateway
from gateway.http.grants import ADMIN_PREFIX
from gateway.http.limits import read_body
from gateway.http.operation import Data, Operation
from gateway.keys.key import USUAL, Allowance, Grant, Key
from gateway.keys.keyring import GRACE, Keyring
from gateway.memory.model import Millis

LONGEST_DAYS = 36_500.0
_MOST = 2**53  # of what is counted: beyond it JSON's readers lose digits

Days = Annotated[float, Field(gt=0, le=LONGEST_DAYS)]
Count = Annotated[int, Field(ge=0, le=_MOST)]


class ListKeys(BaseModel, extra="forbid"):
    """Nothing is asked but the list."""


class CreateKey(BaseModel, extra="forbid"):
    project: str = Field(
        min_length=1,
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="The project whose memories the key opens.",
    )
    name: str = Field("", max_length=100, description="What the key is for, in your words.")
    scopes: list[Grant] = Field(
        default_factory=lambda: sorted(USUAL), min_length=1, description="What the key opens."
    )
    expires_in_days: Days | None = Field(
        None, description="Days for which it is good; null: until it is revoked."
    )
    requests_per_minute: Count = Field(0, description="Requests within a minute; 0: the setting's.")
    in_flight: Count = Field(0, description="Requests at once in each gateway; 0: the setting's.")
    tokens_per_minute: Count = Field(0, description="Tokens within a minute; 0: the setting's.")
    tokens_per_day: Count = Field(0, description="Tokens within a day; 0: the setting's.")


class NamedKey(BaseModel, extra="forbid"):
    id: str = Field(max_length=100, description="The key's id: how it begins.")


class RotateKey(NamedKey):
    grace_hours: float = Field(
        GRACE / 3600, ge=0, le=24 * 365, description="Hours that the old key still works for."
    )


class ShownKey(TypedDict):
    """A key as it is shown; times are milliseconds since the epoch in UTC."""

    id: str
    project: str
    name: str
    scopes: list[str]
    status: str
    created: int
    expires: int | None
    revoked: int | None
    requests_per_minute: int
    in_flight: int
    tokens_per_minute: int
    tokens_per_day: int


class MadeKey(ShownKey):
    """`key` is what a client sends. It is shown this once."""

    key: str


class Keys(TypedDict):
    keys: list[ShownKey]


def shown(key: Key, now: Millis) -> ShownKey:
    """What may be told of a key."""
    dead = "revoked" if key.revoked is not None else "expired"
    allowance = key.allowance
    return {
        "id": key.id,
        "project": key.project,
        "name": key.name,
        "scopes": sorted(key.grants),
        "status": "live" if key.lives(now) else dead,
        "created": key.created,
        "expires": key.expires,
        "revoked": key.revoked,
        "requests_per_minute": allowance.requests_per_minute,
        "in_flight": allowance.in_flight,
        "tokens_per_minute": allowance.tokens_per_minute,
        "tokens_per_day": allowance.tokens_per_day,
    }


async def listed(keyring: Keyring, now: Millis, _asked: ListKeys) -> dict[str, Any]:
    return {"keys": [shown(key, now) for key in await keyring.keys()]}


async def created(keyring: Keyring, now: Millis, asked: CreateKey) -> dict[str, Any]:
    days = asked.expires_in_days
    key, written = await keyring.create(
        asked.project,
        name=asked.name,
        grants=frozenset(asked.scopes),
        allowance=Allowance(
            requests_per_minute=asked.requests_per_minute,
            in_flight=asked.in_flight,
            tokens_per_minute=asked.tokens_per_minute,
            tokens_per_day=asked.tokens_per_day,
        ),
        expires=None if days is None else now + round(days * 86_400_000),
    )
    return {**shown(key, now), "key": written}


async def revoked(keyring: Keyring, now: Millis, asked: NamedKey) -> dict[str, Any]:
    key = await keyring.revoke(asked.id)
    if key is None:
        raise _no_such_key()
    return {**shown(key, now)}


async def rotated(keyring: Keyring, now: Millis, asked: RotateKey) -> dict[str, Any]:
    made = await keyring.rotate(asked.id, grace=asked.grace_hours * 3600)
    if made is None:
        raise _no_such_key()
    key, written = made
    return {**shown(key, now), "key": written}


async def list_keys(gateway: Gateway, _project: str, asked: ListKeys) -> Data:
    """All registered keys, latest first, also those that are revoked or over."""
    return await listed(gateway.keyring, gateway.clock(), asked)


async def create_key(gateway: Gateway, _project: str, asked: CreateKey) -> Data:
    """A new key. The answer shows it, and nothing ever does again."""
    return await created(gateway.keyring, gateway.clock(), asked)


async def revoke_key(gateway: Gateway, _project: str, asked: NamedKey) -> Data:
    """End a key: at once here, in other gateways within three seconds."""
    return await revoked(gateway.keyring, gateway.clock(), asked)


async def rotate_key(gateway: Gateway, _project: str, asked: RotateKey) -> Data:
    """A new key that is as the old one was; both work until the grace time is over."""
    return await rotated(gateway.keyring, gateway.clock(), asked)


def _no_such_key() -> ApiError:
    return ApiError(404, "there is no such key, or it is not live", param="id", code="not_found")


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(method="GET", path="keys", asked=ListKeys, answer=Keys, work=list_keys),
    Operation(path="keys", asked=CreateKey, answer=MadeKey, work=create_key),
    Operation(method="DELETE", path="keys/{id}", asked=NamedKey, answer=ShownKey, work=revoke_key),
    Operation(path="keys/{id}/rotate", asked=RotateKey, answer=MadeKey, work=rotate_key),
)


def routes(gateway: Gateway) -> list[Route]:
    """Whatever else lies under the prefix is nowhere, rather than the upstream's."""
    return [
        *(
            Route(ADMIN_PREFIX + each.path, Endpoint(gateway, each), methods=[each.method])
            for each in OPERATIONS
        ),
        Route(ADMIN_PREFIX + "{path:path}", Nowhere()),
    ]


class Endpoint:
    """Reads what is asked from the path and the body, has it done, and sends the answer."""

    def __init__(self, gateway: Gateway, operation: Operation[Any]) -> None:
        self._gateway = gateway
        self.operation = operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings = self._gateway.settings
        body = await read_body(
            receive, scope["headers"], most=settings.max_body_bytes, timeout=settings.body_timeout
        )
        asked = _read(self.operation.asked, body, scope["path_params"])
        try:
            data = await self.operation.work(self._gateway, scope[PROJECT], asked)
        except StoreError:
            raise ApiError(
                503, "the keys cannot be reached", kind="server_error", code="keys_unavailable"
            ) from None
        await respond(send, 200, orjson.dumps(data), headers=((b"cache-control", b"no-store"),))


class Nowhere:
    """404 for any method."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        raise ApiError(404, "there is nothing at this address", code="not_found")


def _read(model: type[BaseModel], body: bytes, path: Mapping[str, Any]) -> BaseModel:
    """Raises ApiError 400 that names the first wrong field."""
    try:
        document = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        raise ApiError(400, "the body is not valid JSON") from None
    if not isinstance(document, dict):
        raise ApiError(400, "the body is not a JSON object")
    try:
        return model.model_validate({**document, **path})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"][:2])
        raise ApiError(400, f"{place}: {first['msg']}", param=place) from None
