"""Documents: what was read out of a file, cut into chunks, and what each chunk is found by.

A file's chunks are recorded as turns in the scope of its knowledge base, so that they have what
every turn has: they are durable, found by their words at once and by their meaning soon, and
learned again after a crash. Nothing that a document says becomes a fact about anybody.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Final, TypeAlias

from gateway.memory.episodes import NEIGHBOUR, PIECE, Episode, cut_whole, episodes
from gateway.memory.model import (
    Holder,
    Kind,
    Memory,
    Message,
    Millis,
    Scope,
    Source,
    Speaker,
    Turn,
    identifier,
)

ROLE: Final = "document"  # of a message that is a chunk
CHUNKS: Final = 50  # of one turn: some 40 kB, and two seconds of embedding
_MARK: Final = "d0c00000"  # with which ids of documents' turns begin
HEADING: Final = 200  # characters of a heading path that are kept

Heading: TypeAlias = tuple[str, ...]  # from the title down


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a table, a record: what a format says belongs together.

    `page` counts from 1; 0 where the format has no pages.
    """

    text: str
    heading: Heading = ()
    page: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document of at most PIECE characters, and where it stands."""

    text: str
    heading: str = ""
    page: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a memory of a document stands, as its `Memory.detail`.

    `heading` is the path of headings above it, "Leave > Parental"; "" for none. `page` counts from
    1, 0 for none. `type` is document or skill.
    """

    file: str
    type: str
    heading: str
    page: int


def chunks(blocks: Iterable[Block]) -> list[Chunk]:
    """Blocks under one heading and on one page together, as many as a chunk holds."""
    made: list[Chunk] = []
    for (heading, page), some in groupby(blocks, key=lambda block: (block.heading, block.page)):
        path = " > ".join(" ".join(each.split()) for each in heading if each.strip())[:HEADING]
        made += [Chunk(text, path, page) for text in _packed(block.text for block in some)]
    return made


def under(path: Heading, level: int, title: str) -> Heading:
    """The path of a heading of this level, from 1, that comes after those of `path`."""
    above = path[: level - 1]
    return (*above, *("",) * (level - 1 - len(above)), title)


def _packed(texts: Iterable[str]) -> Iterator[str]:
    held = ""
    for text in texts:
        for piece in cut_whole(text):
            if held and len(held) + len(piece) + 2 > PIECE:
                yield held
                held = ""
            held = f"{held}\n\n{piece}" if held else piece
    if held:
        yield held


def turns(
    scope: Scope, file_id: str, read: Sequence[Chunk], *, name: str, type_: str, now: Millis
) -> list[Turn]:
    """The turns that a file's chunks are recorded as, CHUNKS in each; the same again each time."""
    made = []
    for start in range(0, len(read), CHUNKS):
        some = read[start : start + CHUNKS]
        after = read[start + CHUNKS].text if start + CHUNKS < len(read) else ""
        messages = [
            Message(
                role=ROLE,
                content=chunk.text,
                time=now,
                name=name,
                extra={
                    "number": start + index,
                    "type": type_,
                    "heading": chunk.heading,
                    "page": chunk.page,
                    "after": after if index == len(some) - 1 else "",
                },
            )
            for index, chunk in enumerate(some)
        ]
        made.append(
            Turn(
                id=waiting(identifier("document", *scope.parts, file_id, str(start))),
                scope=scope,
                conversation=file_id,
                messages=tuple(messages),
                created=now,
                preceding=read[start - 1].text if start else "",
            )
        )
    return made


def is_document(turn: Turn) -> bool:
    """Whether the turn holds a document's chunks, and not what a user said and shared with a base.

    By its id: what messages say of themselves is their sender's.
    """
    return turn.scope.holder is Holder.BASE and may_wait(turn.id)


def waiting(turn_id: str) -> str:
    """An id made of another one, so that its turn may wait."""
    return _MARK + turn_id[len(_MARK) :]


def may_wait(turn_id: str) -> bool:
    """Whether a turn is of a document: a queue knows ids alone, and what was said goes first."""
    return turn_id.startswith(_MARK)


def pieces(turn: Turn) -> list[Episode]:
    """What is searched of a turn: a document's chunks, or what was said."""
    return _chunks_of(turn) if is_document(turn) else episodes(turn)


def named(memory: Memory) -> str:
    """A document's memory by its file, page and heading: "handbook.pdf, page 3, Leave"."""
    detail = memory.detail
    page = f"page {detail['page']}" if detail.get("page") else ""
    parts = (detail.get("file", ""), page, detail.get("heading", ""))
    return ", ".join(part for part in parts if part) or memory.speaker


def _chunks_of(turn: Turn) -> list[Episode]:
    """A memory for each chunk, in order. Redaction may have shortened one, even to nothing."""
    messages = turn.messages
    before = ["", *(message.text for message in messages)]
    before[0] = turn.preceding
    after = [*(message.text for message in messages[1:]), ""]
    if messages:
        after[-1] = str(messages[-1].extra.get("after", ""))
    return [
        _chunk(turn, message, before[index], after[index])
        for index, message in enumerate(messages)
        if message.text.strip()
    ]


def _chunk(turn: Turn, message: Message, before: str, after: str) -> Episode:
    text, number = message.text, int(message.extra["number"])
    place = Place(
        file=message.name,
        type=message.extra["type"],
        heading=message.extra["heading"],
        page=message.extra["page"],
    )
    memory = Memory(
        id=identifier("chunk", turn.conversation, str(number), text),
        scope=turn.scope,
        kind=Kind.DOCUMENT,
        text=text,
        speaker=Speaker.DOCUMENT,
        conversation=turn.conversation,
        time=message.time,
        created=turn.created,
        updated=turn.created,
        sources=(
            Source(
                role=ROLE,
                content=text,
                time=message.time,
                conversation=turn.conversation,
                turn=turn.id,
            ),
        ),
        position=number,
        detail=asdict(place),
    )
    # As with what was said: the own words twice, and those next to it once.
    words = (
        *(message.name, place.heading, text, text),
        *before.split()[-NEIGHBOUR:],
        *after.split()[:NEIGHBOUR],
    )
    under = f"{place.heading}: {text}" if place.heading else text
    return Episode(memory=memory, words=" ".join(words), dense_text=under)
