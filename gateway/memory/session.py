"""The session context of a chat: what was said in its conversation, as far as a model takes it in.

For an API whose client sends one message and not the history, so that the record is the history.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.memory.model import Turn
from gateway.memory.tokens import tokens

_SPOKEN = ("user", "assistant")
_FRAME = 4  # tokens that a message takes beside its words


@dataclass(frozen=True, slots=True)
class Line:
    """What one of the two said in a turn."""

    role: str
    text: str

    @property
    def tokens(self) -> int:
        return tokens(self.text) + _FRAME


def lines(turns: Iterable[Turn]) -> list[Line]:
    """What was said in these turns, in their order; what has no words is left out.

    What one of them says several times in a row is one line, for there are models whose templates
    demand that the two take turns.
    """
    said: list[Line] = []
    for message in (message for turn in turns for message in turn.messages):
        text = message.text
        if message.role not in _SPOKEN or not text.strip():
            continue
        if said and said[-1].role == message.role:
            text = f"{said.pop().text}\n\n{text}"
        said.append(Line(message.role, text))
    return said


def latest(turns: Sequence[Turn], most: int) -> Sequence[Turn]:
    """The latest of these turns, as many as it takes to come to `most` tokens."""
    left = most
    for index in range(len(turns) - 1, -1, -1):
        left -= sum(line.tokens for line in lines(turns[index : index + 1]))
        if left <= 0:
            return turns[index:]
    return turns


def fitted(said: Sequence[Line], most: int) -> list[Line]:
    """The latest of these lines that come to at most `most` tokens, beginning with a user's."""
    begins = len(said)
    left = most
    for index in range(len(said) - 1, -1, -1):
        left -= said[index].tokens
        if left < 0:
            break
        if said[index].role == "user":
            begins = index
    return list(said[begins:])
