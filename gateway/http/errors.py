"""Errors as an API shows them: OpenAI's shape, and what each domain error becomes."""

from collections.abc import Mapping

import orjson
from starlette.exceptions import HTTPException

from gateway.errors import (
    FilterError,
    GatewayError,
    NoSuchKnowledgeBaseError,
    NoSuchModelError,
    OverBudgetError,
    UpstreamBrokenError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)

INVALID = "invalid_request_error"
MOST_NAME = 100  # characters of a name that an error repeats
NO_SUCH_BASE = "knowledge_base_not_found"
SERVER_SIDE = 500  # the first status that is not the caller's fault


class ApiError(Exception):
    """What a request gets instead of an answer: a status, a sentence, and the field at fault."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = INVALID,
        param: str | None = None,
        code: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.param = param
        self.code = code
        self.headers = headers


def unavailable(what: str, code: str) -> ApiError:
    """What cannot be done just now, for want of something that is not the caller's."""
    return ApiError(
        503,
        f"{what} cannot be reached; try again later",
        kind="server_error",
        code=code,
        headers=((b"retry-after", b"1"),),
    )


_UPSTREAM: dict[type[GatewayError], tuple[int, str, str]] = {
    UpstreamUnreachableError: (502, "upstream_unreachable", "the model's server cannot be reached"),
    UpstreamBrokenError: (502, "upstream_broken", "the model's server broke off its answer"),
    UpstreamTimeoutError: (504, "upstream_timeout", "the model's server did not answer in time"),
}


# What a key may take no more of, in a sentence; and OpenAI's name of the error.
_BUDGETS = {
    "in_flight": ("{} requests at once", "rate_limit_exceeded"),
    "requests_per_minute": ("{} requests in a minute", "rate_limit_exceeded"),
    "tokens_per_minute": ("{} tokens in a minute", "token_limit_exceeded"),
    "tokens_per_day": ("{} tokens in a day", "insufficient_quota"),
}


def api_error(error: Exception) -> ApiError:
    """Any exception as what the client is told; nothing of an unexpected one is shown."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, HTTPException):
        return ApiError(error.status_code, error.detail, headers=_raw(error.headers or {}))
    if isinstance(error, FilterError):
        return ApiError(400, str(error), param="filter")
    if isinstance(error, NoSuchModelError):
        message = f"no upstream serves the model {str(error)[:MOST_NAME]!r}"
        return ApiError(404, message, param="model", code="model_not_found")
    if isinstance(error, NoSuchKnowledgeBaseError):
        message = f"there is no knowledge base {str(error)[:MOST_NAME]!r}"
        return ApiError(404, message, param="knowledgebase_ids", code=NO_SUCH_BASE)
    if isinstance(error, OverBudgetError):
        said, code = _BUDGETS[error.what]
        message = f"this key may have {said.format(error.most)}; try again in {error.wait} s"
        wait = ((b"retry-after", str(error.wait).encode()),)
        return ApiError(429, message, kind="rate_limit_error", code=code, headers=wait)
    for kind, (status, code, message) in _UPSTREAM.items():
        if isinstance(error, kind):
            return ApiError(status, message, kind="upstream_error", code=code)
    return ApiError(500, "the gateway failed on this request", kind="server_error")


def passed_on(status: int, body: bytes) -> ApiError:
    """What the model's server answered, for a client that can no longer be given its status.

    Its own words where they are in OpenAI's shape.
    """
    try:
        said = orjson.loads(body)["error"]
        message, kind = str(said["message"]), said.get("type")
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        message = f"the model's server answered with status {status} and no stream"
        return ApiError(status, message, kind="upstream_error", code="upstream_broken")
    param, code = (None if said.get(key) is None else str(said[key]) for key in ("param", "code"))
    return ApiError(status, message, kind=str(kind or "upstream_error"), param=param, code=code)


def _raw(headers: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((k.lower().encode(), v.encode()) for k, v in headers.items())


def openai_body(error: ApiError) -> bytes:
    """The JSON body of OpenAI's errors; all four members are always there."""
    document = {
        "message": error.message,
        "type": error.kind,
        "param": error.param,
        "code": error.code,
    }
    return orjson.dumps({"error": document})


def openai_event(error: ApiError) -> bytes:
    """The same as an event within a stream, where the status can no longer say it."""
    return b"data: " + openai_body(error) + b"\n\n"
