"""What the model's side says went wrong, in MemOS's codes."""

import re

import orjson

from gateway.http.errors import SERVER_SIDE, ApiError, passed_on
from gateway.http.headers import RawHeaders
from gateway.http.memos.codes import Code

_TOO_LONG = re.compile(r"context[ _](?:length|window|size)|too many tokens", re.IGNORECASE)
_TOO_MUCH = re.compile(r"max(?:_completion)?_tokens", re.IGNORECASE)
_BAD_KEY = (401, 403)
_BAD_REQUEST = 400
_NOT_FOUND = 404
_TOO_MANY = 429


def refusal(status: int, body: bytes, headers: RawHeaders = ()) -> ApiError:
    """What a chat gets for an answer of the model's server that is none, in the server's words."""
    said = passed_on(status, body)
    if status in _BAD_KEY:  # not the caller's key, and it may be repeated in the server's words
        return Code.FAILED.error("the model's server does not accept the key that it is sent")
    if said.code == "insufficient_quota":
        return Code.CALL_QUOTA.error(said.message)
    if status == _TOO_MANY:
        error = Code.RATE_LIMIT.error(said.message)
        error.headers = tuple(pair for pair in headers if pair[0].lower() == b"retry-after")
        return error
    if said.code == "context_length_exceeded" or _TOO_LONG.search(said.message):
        return Code.MODEL_LIMIT.error(said.message)
    if status >= SERVER_SIDE or status < _BAD_REQUEST:
        return Code.FAILED.error(said.message)
    if status == _NOT_FOUND:
        return Code.INVALID.error(f"model_name: {said.message}", param="model_name")
    if _TOO_MUCH.search(said.param or said.message):
        number = str(Code.RESPONSE_QUOTA.number)
        return ApiError(_BAD_REQUEST, said.message, param="max_tokens", code=number)
    return Code.INVALID.error(said.message, param=said.param)


def failure(error: object) -> ApiError:
    """The same for an error that a stream tells of itself."""
    status = error.get("code") if isinstance(error, dict) else None
    if not isinstance(status, int) or status < _BAD_REQUEST:
        status = SERVER_SIDE
    return refusal(status, orjson.dumps({"error": error}))
