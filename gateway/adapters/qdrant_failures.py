"""What a Qdrant client raises, in one word that may be shown: nothing of what was stored."""

import asyncio
from http import HTTPStatus

import httpx
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

UNREACHABLE = "unreachable"  # no connection, or it broke
TIMEOUT = "timeout"
UNAUTHORISED = "unauthorised"
MISSING = "missing"  # a collection, or the whole API at this address
BUSY = "busy"
FAILING = "failing"  # the server says that it failed
GARBLED = "garbled"  # what came is not an answer of Qdrant's
REFUSED = "refused"  # it takes the request for wrong

_STATUSES = {
    HTTPStatus.UNAUTHORIZED.value: UNAUTHORISED,
    HTTPStatus.FORBIDDEN.value: UNAUTHORISED,
    HTTPStatus.NOT_FOUND.value: MISSING,
    HTTPStatus.TOO_MANY_REQUESTS.value: BUSY,
}


def reason_of(error: BaseException) -> str:
    match error:
        case TimeoutError() | httpx.TimeoutException() | asyncio.CancelledError():
            return TIMEOUT
        case ResourceExhaustedResponse():
            return BUSY
        case UnexpectedResponse():
            return _reason_of_status(error.status_code or 0)
        case ResponseHandlingException(source=source) if isinstance(source, Exception):
            return reason_of(source)
        case httpx.TransportError() | OSError():
            return UNREACHABLE
    return GARBLED  # an answer that cannot be parsed, or lacks its result


def _reason_of_status(status: int) -> str:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return FAILING
    if status < HTTPStatus.BAD_REQUEST:
        return GARBLED
    return _STATUSES.get(status, REFUSED)


def retry_after(error: BaseException) -> float:
    """Seconds that the server asks to be left alone; 0 where it does not say."""
    return float(error.retry_after_s) if isinstance(error, ResourceExhaustedResponse) else 0.0


def kind(error: BaseException) -> str:
    """The error's name, or the status that came; never its message, which quotes the answer."""
    if isinstance(error, UnexpectedResponse):
        return f"status {error.status_code}"
    source = error.source if isinstance(error, ResponseHandlingException) else error
    return type(source).__name__
