"""What a model thinks aloud, told apart from what it says: `<think>...</think>` in its text.

The text comes in pieces that may end anywhere, also within a mark. A mark within code, fenced or
between backticks, is code. Thinking ends at the first `</think>`, and where none comes all of the
rest is thought. Some models begin amid their thoughts, for their templates have the first mark
already: at a `</think>` that leads a line and ends nothing, what was said before it was thought.
Pure text: nothing is lost but the marks, and the blanks around thoughts before anything is said.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

_OPEN: Final = "<think>"
_CLOSE: Final = "</think>"
_MARK: Final = re.compile(r"</?think>|`+|~+|\n")
_FENCE: Final = 3  # backticks or tildes that open a block of code, at the beginning of a line
_INDENT: Final = 3  # spaces that may stand before them


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of an answer: `reasoning` is what was thought, `text` what was said.

    `unsaid` has no text: all the text until then was thought.
    """

    kind: Literal["reasoning", "text", "unsaid"]
    text: str = ""


class Thinking:
    """Reads one answer."""

    def __init__(self) -> None:
        self._held = ""  # what may be the beginning of a mark
        self._thinks = False
        self._thought = False
        self._blanks: str | None = ""  # that came before anything was said; None afterwards
        self._indent: int | None = 0  # spaces that the line begins with; None: it holds more
        self._fence = ""  # what opened the block of code that is open
        self._quote = ""  # what opened the code amid a line

    def feed(self, piece: str) -> list[Said]:
        """What the next piece adds, in order."""
        return self._read(piece, last=False)

    def end(self) -> list[Said]:
        """What was held back, once nothing follows."""
        found = self._read("", last=True)
        if self._blanks and not self._thought:
            found.append(Said("text", self._blanks))
        return found

    def _read(self, piece: str, *, last: bool) -> list[Said]:
        text, self._held = self._held + piece, ""
        found: list[Said] = []
        at = 0
        while at < len(text):
            read = self._think if self._thinks else self._speak
            at = read(text, at, found, last=last)
        return found

    def _think(self, text: str, at: int, found: list[Said], *, last: bool) -> int:
        """Read thoughts from `at`; where something else begins."""
        end = text.find(_CLOSE, at)
        if end >= 0:
            after = end + len(_CLOSE)
            self._thinks, self._indent = False, 0
        else:
            after = len(text)
            end = after if last else after - _begun(text[at:], _CLOSE)
            self._held = text[end:]
        if end > at:
            found.append(Said("reasoning", text[at:end]))
        return after

    def _speak(self, text: str, at: int, found: list[Said], *, last: bool) -> int:
        """Read what is said from `at`; where something else begins."""
        begins = at
        for match in _MARK.finditer(text, at):
            mark = match[0]
            self._pass(text[at : match.start()])
            at = match.end()
            if mark == "\n":
                self._indent = 0
                if len(self._quote) < _FENCE:  # a lone backtick is no code all the way down
                    self._quote = ""
            elif mark[0] != "<":
                if at == len(text) and not last:  # there may be more of them
                    self._held = mark
                    self._say(text[begins : match.start()], found)
                    return at
                self._code(mark)
            elif self._fence or self._quote or (mark == _CLOSE and not self._ends_thoughts()):
                self._indent = None
            else:
                self._say(text[begins : match.start()], found)
                self._thought = True
                if mark == _OPEN:
                    self._thinks = True
                else:
                    found.append(Said("unsaid"))
                    self._blanks = ""
                return at
        begun = max(_begun(text[at:], mark) for mark in (_OPEN, _CLOSE))
        end = len(text) if last else len(text) - begun
        self._held = text[end:]
        self._pass(text[at:end])
        self._say(text[begins:end], found)
        return len(text)

    def _ends_thoughts(self) -> bool:
        """Whether a `</think>` here, which ends nothing, ends thoughts without a beginning."""
        return not self._thought and self._indent == 0

    def _pass(self, words: str) -> None:
        """Go on in the line by what is no mark."""
        if self._indent is not None:
            self._indent = None if words.strip(" ") else self._indent + len(words)

    def _code(self, run: str) -> None:
        """Go on by backticks or tildes, which may open code or close it."""
        opens = self._indent is not None and self._indent <= _INDENT and len(run) >= _FENCE
        if self._fence:
            if opens and run.startswith(self._fence):
                self._fence = ""
        elif self._quote:
            if run == self._quote:
                self._quote = ""
        elif opens:
            self._fence = run
        elif run[0] == "`":
            self._quote = run
        self._indent = None

    def _say(self, words: str, found: list[Said]) -> None:
        if self._blanks is not None:
            said = words.lstrip()
            self._blanks += words[: len(words) - len(said)]
            if not said:
                return
            words = said if self._thought else self._blanks + said
            self._blanks = None
        if words:
            found.append(Said("text", words))


def _begun(text: str, mark: str) -> int:
    """How many characters at the end of the text may be the beginning of the mark."""
    for length in range(min(len(mark) - 1, len(text)), 0, -1):
        if text.endswith(mark[:length]):
            return length
    return 0
