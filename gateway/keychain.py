"""Registered keys, from the command line: in the store, or at the gateway that holds it.

A Qdrant server is asked directly. A data folder has one owner: while a gateway serves from it, that
gateway is asked, over /v1/admin/keys and with a key of the settings that has the scope `admin`.
"""

import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from gateway.errors import DataFolderInUseError, StartupError
from gateway.http.admin import (
    CreateKey,
    ListKeys,
    NamedKey,
    RotateKey,
    created,
    listed,
    revoked,
    rotated,
)
from gateway.http.errors import ApiError
from gateway.http.grants import ADMIN_PREFIX
from gateway.keys.key import Grant
from gateway.keys.keyring import Keyring
from gateway.memory.model import Millis, now
from gateway.parts import Progress
from gateway.settings import Settings
from gateway.store_alone import store_alone

PATIENCE: Final = 15.0  # seconds for a gateway to answer

AskedType = TypeVar("AskedType", bound=BaseModel)

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  a target
_OK, _NOT_FOUND, _REFUSALS = 200, 404, {401, 403}


class NoSuchKeyError(Exception):
    """No key has this id, or it is not live."""


@dataclass(frozen=True, slots=True)
class Call(Generic[AskedType]):
    """What is done to the keys: here by `work`, elsewhere by this method and path."""

    method: str
    path: str
    asked: type[AskedType]
    work: Callable[[Keyring, Millis, AskedType], Awaitable[dict[str, Any]]]


LIST: Final = Call("GET", "keys", ListKeys, listed)
CREATE: Final = Call("POST", "keys", CreateKey, created)
REVOKE: Final = Call("DELETE", "keys/{id}", NamedKey, revoked)
ROTATE: Final = Call("POST", "keys/{id}/rotate", RotateKey, rotated)


async def done(
    call: Call[Any], settings: Settings, progress: Progress, **given: object
) -> dict[str, Any]:
    """What comes of a call. Raises StartupError, NoSuchKeyError."""
    try:
        asked = call.asked.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise StartupError(f"{place}: {first['msg']}") from None
    try:
        return await _here(call, settings, progress, asked)
    except DataFolderInUseError:
        return await asyncio.to_thread(_there, call, settings, asked)


async def _here(
    call: Call[Any], settings: Settings, progress: Progress, asked: BaseModel
) -> dict[str, Any]:
    async with store_alone(settings, progress) as (store, _):
        try:
            return await call.work(Keyring(store.registry, clock=now), now(), asked)
        except ApiError as error:
            raise NoSuchKeyError(error.message) from None


def _there(call: Call[Any], settings: Settings, asked: BaseModel) -> dict[str, Any]:
    """Blocks."""
    given = asked.model_dump(mode="json")
    path = call.path
    if "{id}" in path:
        path = path.replace("{id}", quote(str(given.pop("id")), safe=""))
    host = _ANYWHERE.get(settings.host, settings.host)
    where = f"the gateway on {host}:{settings.port}, which holds the data folder,"
    headers = {"content-type": "application/json"}
    if key := _admin_key(settings):
        headers["authorization"] = f"Bearer {key}"
    connection = http.client.HTTPConnection(host, settings.port, timeout=PATIENCE)
    try:
        connection.request(call.method, ADMIN_PREFIX + path, json.dumps(given), headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        told = "" if response.status == _OK else str(answer["error"]["message"])
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        raise StartupError(f"{where} cannot be asked: {error}") from None
    finally:
        connection.close()
    if response.status == _NOT_FOUND:
        raise NoSuchKeyError(told)
    if response.status in _REFUSALS:
        raise StartupError(f"{where} wants an admin's key: set GATEWAY_ADMIN_KEYS as it has them")
    if response.status != _OK:
        raise StartupError(f"{where} refused: {told}")
    return dict(answer)


def _admin_key(settings: Settings) -> str:
    """The first key of the settings that manages keys, or ""."""
    if settings.admin_keys:
        return settings.admin_keys[0].get_secret_value()
    keys = (each.key for each in settings.api_keys if Grant.ADMIN in each.scopes)
    return next((key.get_secret_value() for key in keys), "")
