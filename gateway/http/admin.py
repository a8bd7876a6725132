"""/v1/admin/keys: the keys that are registered, for keys with the scope `admin`."""

from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, Field
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from typing_extensions import TypedDict

from gateway.http.asking import read
from gateway.http.endpoint import Api, Endpoint
from gateway.http.errors import ApiError, unavailable
from gateway.http.gateway import Gateway
from gateway.http.grants import ADMIN_PREFIX
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


def _read(operation: Operation[Any], http: Scope, body: bytes) -> BaseModel:
    """From the path and the body: nothing of a key stands in a query."""
    asked: BaseModel = read(
        operation.asked, path=http["path_params"], query=b"", body=body, headers=()
    )
    return asked


API = Api(
    read=_read,
    unavailable=partial(unavailable, "the keys", "keys_unavailable"),
    headers=((b"cache-control", b"no-store"),),
)


def routes(gateway: Gateway) -> list[Route]:
    """Whatever else lies under the prefix is nowhere, rather than the upstream's."""
    return [
        *(
            Route(ADMIN_PREFIX + each.path, Endpoint(gateway, API, each), methods=[each.method])
            for each in OPERATIONS
        ),
        Route(ADMIN_PREFIX + "{path:path}", Nowhere()),
    ]


class Nowhere:
    """404 for any method."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI
        raise ApiError(404, "there is nothing at this address", code="not_found")
