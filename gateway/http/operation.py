"""One call of an API of our own: what it takes, what it answers, and what does it.

Routes, the reading of requests and the description of the API are all made from these.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel
from starlette.types import ASGIApp

from gateway.http.gateway import Gateway
from gateway.http.receiving import FromForm

JSON_LINES = "application/x-ndjson"
Data: TypeAlias = dict[str, Any] | list[dict[str, Any]]
AskedType = TypeVar("AskedType", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[AskedType]):
    """A call that `work` answers, given the project of the caller's key and what was asked.

    What it does is the docstring of `work`.

    `path` is Starlette's, relative to where its API begins. `asked` is read from the JSON body or,
    where the method has none, from the path and the query. `answer` is the type of what `work`
    returns, as pydantic reads types. Work that streams, or ends when its client leaves, returns
    what answers the request itself; `event` is the type of an event of its stream. Of an answer
    whose `kind`, its media type, is JSON_LINES, `answer` is the type of a line.

    A call with `from_form` brings files: it takes a form as well, and `asked` is a `WithFiles`.
    """

    method: str = "POST"
    path: str
    asked: type[AskedType]
    answer: Any
    work: Callable[[Gateway, str, AskedType], Awaitable[Data | ASGIApp]]
    event: Any = None
    kind: str = "application/json"
    from_form: FromForm | None = None
