"""XML, by expat without entities: a line for each element that has text, under its tags' path.

Nothing outside the document is read, and a document that declares entities is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from gateway.adapters.documents.unreadable import UnreadableError
from gateway.memory.documents import Block

_DEEPEST = 200  # elements within each other


@dataclass(slots=True)
class _Element:
    """`texts` is all text within it in order; `mixed` when text stands directly in it."""

    tag: str
    attributes: list[Block] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    mixed: bool = False


class _Reading:
    def __init__(self) -> None:
        self._open = [_Element("")]

    @property
    def blocks(self) -> list[Block]:
        return self._open[0].blocks

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if len(self._open) > _DEEPEST:
            raise UnreadableError("it is nested too deeply")
        element = _Element(tag.rpartition(":")[2])
        path = self._path()
        self._open.append(element)
        element.attributes = [
            Block(f"{element.tag} {name}: {value}", path)
            for name, value in attributes.items()
            if value.strip() and not name.startswith("xmlns")
        ]

    def end(self, _: str) -> None:
        element = self._open.pop()
        above = self._open[-1]
        if element.mixed:  # what is within it belongs to its text
            text = " ".join("".join(element.texts).split())
            element.blocks = [Block(f"{element.tag}: {text}", self._path())]
        above.blocks += [*element.attributes, *element.blocks]
        above.texts += element.texts
        if element.texts:
            above.texts.append(" " if not element.mixed else "")

    def text(self, text: str) -> None:
        self._open[-1].texts.append(text)
        self._open[-1].mixed = self._open[-1].mixed or bool(text.strip())

    def _path(self) -> tuple[str, ...]:
        return tuple(element.tag for element in self._open[1:])


def read(content: bytes) -> Iterator[Block]:
    """Raises UnreadableError."""
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    parser.EntityDeclHandler = _refuse
    parser.UnparsedEntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError:
        raise UnreadableError("it is not well-formed XML") from None
    return iter(reading.blocks)


def _refuse(*_: object) -> int:
    raise UnreadableError("it declares entities, which are not read")
