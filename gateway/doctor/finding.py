"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """A note is nothing wrong: something that a person may want to know."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """`mend` says what to do, where there is something to do."""

    part: str
    state: State
    says: str
    mend: str = ""
