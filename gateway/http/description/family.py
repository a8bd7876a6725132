"""A family of operations: those of one API, which answer and refuse alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gateway.http.operation import Operation

Schema: TypeAlias = dict[str, Any]


def as_it_is(schema: Schema) -> Schema:
    return schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What the operations of one API have in common.

    `enclosed` makes the schema of a whole answer of the one of what an operation returns.
    `refusal` is the schema of an error, `statuses` are those of errors and what each then means;
    `example` shows an error of a status. `bare` are the paths whose answers are not enclosed.
    """

    name: str
    about: str
    prefix: str
    operations: Sequence[Operation[Any]]
    refusal: Schema
    statuses: Mapping[int, str]
    example: Callable[[int], Any]
    enclosed: Callable[[Schema], Schema] = as_it_is
    bare: frozenset[str] = field(default_factory=frozenset)

    def response(self, status: str) -> str:
        """The name of the shared response that is an error of this status."""
        return f"{shared_as(self.name)}-{status}"


def shared_as(name: str) -> str:
    """What the names of a family's shared responses begin with."""
    return name.replace(" ", "")
