"""Which model answers a chat: one that the gateway offers, or the only one that there is."""

import orjson

from gateway.http.errors import MOST_NAME
from gateway.http.gateway import Gateway
from gateway.http.headers import RawHeaders
from gateway.http.memos.codes import Code
from gateway.memory.ports import ModelRequest

_OK = 200


async def model_for(gateway: Gateway, name: str, headers: RawHeaders) -> str:
    """What its server calls the model of this name, or of none. Raises ApiError 400, UpstreamError.

    Where GATEWAY_CHAT_MODELS is not set, any name is left for the server to know, and without one
    the server is asked whether it has a single model.
    """
    offered = gateway.settings.chat_models
    if not offered:
        return name or await _only_model(gateway, headers)
    if not name:
        return next(iter(offered.values()))
    if name not in offered:
        known = ", ".join(offered)
        message = f"model_name: there is no {name[:MOST_NAME]!r}; known are {known}"
        raise Code.INVALID.error(message, param="model_name")
    return offered[name]


async def _only_model(gateway: Gateway, headers: RawHeaders) -> str:
    request = ModelRequest(method="GET", path="models", headers=headers)
    response = await gateway.model.send(request)
    try:
        listed = b"".join([chunk async for chunk in response.body])
    finally:
        await response.aclose()
    names = _names(listed) if response.status == _OK else []
    if len(names) != 1:
        raise Code.INVALID.error(
            "model_name: name one, for the gateway has no default: GATEWAY_CHAT_MODELS is not set",
            param="model_name",
        )
    return names[0]


def _names(listed: bytes) -> list[str]:
    try:
        return [str(model["id"]) for model in orjson.loads(listed)["data"]]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return []
