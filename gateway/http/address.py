"""Where a request goes on to: addresses as they were written, relative to the upstream's API."""

import string
from urllib.parse import quote, unquote

from starlette.types import Scope

from gateway.http.errors import ApiError

_ASCII = string.punctuation  # what is written with these stays as it is


def onward_path(http: Scope) -> str:
    """The path as it was written, with its query, less what leads to the API.

    Raises ApiError 404 for one that would lead out of the API that the upstream's URL names.
    """
    path = quote(http["raw_path"], safe=_ASCII).removeprefix("/v1").removeprefix("/")
    if {".", ".."} & set(unquote(path).replace("\\", "/").split("/")):
        raise ApiError(404, "there is nothing at this address", code="not_found")
    return with_query(path, http)


def with_query(path: str, http: Scope) -> str:
    """A path with the request's own query, if it has one."""
    query = quote(http["query_string"], safe=_ASCII)
    return f"{path}?{query}" if query else path
