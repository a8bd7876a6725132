"""Where in a turn a quote lies, and so whose word it is.

Compared without regard to case, width, white space and the shape of quotation marks. Of the user's
messages only what the user says for themselves counts: see `rules.sentences`.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TypeAlias

from gateway.memory import prompt
from gateway.memory.model import Message, Speaker, Turn
from gateway.memory.proposals.asking import TOOLS, calls, shown
from gateway.memory.rules.sentences import own_words

_STRAIGHT = str.maketrans(
    dict.fromkeys("“”„«»", '"') | dict.fromkeys("\u2018\u2019\u201a`\u00b4", "'")
)
_AROUND = " .,;:!?…\"'()[]。、！？「」"  # noqa: RUF001  as they are written
_IDEOGRAPHS = "\u2e80"  # from here on, words are not set apart
_CALL = 2_000  # characters of a tool's name and arguments
_LEAST = 2  # letters or digits of a quote
_PLACES = 20  # of a quote in a text that are looked at
_OWN = 0.5  # share of a quote that must be the user's own, not what they quote in turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a quote lies: its words as they were said, the sentence, what leads up to it there.

    `own` is all that the user says for themselves in the message. `order` is the number of the
    message and the place in it. Of others than the user the quote is all there is.
    """

    message: Message
    speaker: Speaker
    words: str
    sentence: str
    before: str
    own: str
    order: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Text:
    """A text with what it is compared by: `folded`, and for each of its characters the original's.

    `own` tells of each original character whether it is the speaker's own.
    """

    original: str
    own: tuple[bool, ...]
    folded: str
    at: tuple[int, ...]

    def find(self, quote: str) -> tuple[int, int] | None:
        """The first place of a folded quote that is whole words and mostly the speaker's own."""
        begin = -1
        for _ in range(_PLACES):
            begin = self.folded.find(quote, begin + 1)
            if begin < 0:
                return None
            end = begin + len(quote)
            first, last = self.at[begin], self.at[end - 1] + 1
            own = sum(self.own[first:last])
            if self._apart(begin) and self._apart(end) and own >= _OWN * (last - first):
                return first, last
        return None

    def _apart(self, edge: int) -> bool:
        """Whether no word goes on across this edge."""
        if not 0 < edge < len(self.folded):
            return True
        sides = self.folded[edge - 1 : edge + 1]
        return not all(char.isalnum() and char < _IDEOGRAPHS for char in sides)


def _text(parts: Iterable[tuple[str, bool]]) -> _Text:
    """The text that these parts make; of each is told whether it is the speaker's own."""
    original: list[str] = []
    own: list[bool] = []
    folded: list[str] = []
    at: list[int] = []
    for part, is_own in parts:
        for char in part:
            for unit in unicodedata.normalize("NFKC", char).translate(_STRAIGHT).casefold():
                shown = " " if unit.isspace() else unit
                if shown != " " or (folded and folded[-1] != " "):
                    folded.append(shown)
                    at.append(len(original))
            original.append(char)
            own.append(is_own)
    return _Text("".join(original), tuple(own), "".join(folded), tuple(at))


_Line: TypeAlias = tuple[int, Message, _Text]  # the number of the message in the turn, and it


def _whole(text: str) -> _Text:
    return _text([(unicodedata.normalize("NFC", text), True)])


class Quotes:
    """The texts of one turn, in which any number of quotes are looked up."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    def find(self, quote: str, *, tools: bool) -> Place | None:
        """Where it was said, the user's own words first; None when nowhere that counts.

        What stands in a document that the user pasted, or that a tool gave back, is nobody's word,
        even if the assistant repeats it. With `tools` what was called and given back counts too,
        and nothing does in a turn without any.
        """
        wanted = _whole(quote).folded.strip(_AROUND)
        if sum(char.isalnum() for char in wanted) < _LEAST or (tools and not self._tools):
            return None
        for said in self._own:
            if place := said.find(wanted):
                return place
        if tools:
            return _in([*self._tools, *self._assistant], wanted, Speaker.TOOL)
        if any(text.find(wanted) for _, _, text in [*self._pasted, *self._tools]):
            return None
        return _in(self._assistant, wanted, Speaker.ASSISTANT)

    @cached_property
    def _own(self) -> list["_Own"]:
        return [
            _Own.of(number, message)
            for number, message in enumerate(self._turn.messages)
            if message.role == "user"
        ]

    @cached_property
    def _pasted(self) -> list[_Line]:
        return self._of("user")

    @cached_property
    def _assistant(self) -> list[_Line]:
        return self._of("assistant")

    @cached_property
    def _tools(self) -> list[_Line]:
        called = [
            (number, message, _whole(f"{name} {arguments}"[:_CALL]))
            for number, message in enumerate(self._turn.messages)
            for name, arguments in calls(message)
        ]
        return [*self._of(*TOOLS), *called]

    def _of(self, *roles: str) -> list[_Line]:
        return [
            (number, message, _whole(shown(message)))
            for number, message in enumerate(self._turn.messages)
            if message.role in roles
        ]


@dataclass(frozen=True, slots=True)
class _Own:
    """A message's own sentences, one after the other, what they hide revealed and marked."""

    number: int
    message: Message
    text: _Text
    ends: tuple[int, ...]  # of the sentences, in the original

    @classmethod
    def of(cls, number: int, message: Message) -> "_Own":
        words = own_words(unicodedata.normalize("NFC", prompt.strip(message.text)))
        lines = [f"{sentence} " for sentence in words.sentences]
        parts = [
            (words.masked.get(ord(char), char), ord(char) not in words.masked)
            for line in lines
            for char in line
        ]
        ends = accumulate(len(words.reveal(line)) for line in lines)
        return cls(number, message, _text(parts), tuple(ends))

    def find(self, wanted: str) -> Place | None:
        found = self.text.find(wanted)
        if found is None:
            return None
        first, last = found
        begin = max((end for end in self.ends if end <= first), default=0)
        end = min(end for end in self.ends if end >= last)
        whole = self.text.original
        return Place(
            message=self.message,
            speaker=Speaker.USER,
            words=whole[first:last],
            sentence=whole[begin:end].strip(),
            before=whole[begin:first],
            own=whole,
            order=(self.number, first),
        )


def _in(lines: Iterable[_Line], wanted: str, speaker: Speaker) -> Place | None:
    for number, message, text in lines:
        if found := text.find(wanted):
            words = text.original[slice(*found)]
            return Place(
                message=message,
                speaker=speaker,
                words=words,
                sentence=words,
                before="",
                own=words,
                order=(number, found[0]),
            )
    return None
