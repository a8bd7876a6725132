"""The filter language of searches, as one small tree.

`{"and": [...]}` and `{"or": [...]}` nest at will around conditions `{field: value}` and
`{field: {op: value}}`; several fields in one condition must all hold. Operators are those of the
MemOS API: equality, `contains` for tags, and `gt`, `gte`, `lt`, `lte` for times. A date without a
time is its whole day in UTC, so `lte` "2025-12-10" includes that day. Nothing is ignored: an
unknown operator, an empty group or a wrong type is a FilterError, and no filter ever means "all".
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gateway.memory.model import Millis

Op: TypeAlias = Literal["eq", "contains", "gt", "gte", "lt", "lte"]
Value: TypeAlias = str | int | float | bool | Millis


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one field; times are Millis.

    `field` is agent_id, app_id, conversation_id, tags, create_time, update_time or `info.<key>`.
    """

    field: str
    op: Op
    value: Value


@dataclass(frozen=True, slots=True)
class Group:
    """All (`and`) or any (`or`) of one or more parts."""

    op: Literal["and", "or"]
    parts: tuple["Filter", ...]


Filter: TypeAlias = Condition | Group
