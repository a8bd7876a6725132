"""Episodes: how a turn is cut into memories of what was said, and what each is found by.

Every message of the user and of the assistant is kept in its own words; nothing is summed up and
nothing waits for a model. System messages and tool results make no episodes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.memory.model import (
    Kind,
    Memory,
    Message,
    Millis,
    Source,
    Speaker,
    Turn,
    identifier,
)

PIECE = 800  # characters, some 130 words: what the embedding model reads of a text (256 tokens)
PIECES = 40  # of one message: beyond that it is a paste, not something said
SOURCE = 4000  # characters of a message that each of its pieces carries whole, in a payload
NEIGHBOUR = 40  # words of what was said before and after that a piece is found by too
_NAME = 64  # characters, as in the OpenAI API
_OPENING = re.compile(r"\[[\d-]+\] [^\n]{1,64}?: ")
_BREAKS = ("\n\n", "\n", ". ", "! ", "? ", "。", "; ", ", ", " ")

SPEAKERS = {"user": Speaker.USER, "assistant": Speaker.ASSISTANT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A memory with its words for BM25 and the one text whose embedding it is found by."""

    memory: Memory
    words: str
    dense_text: str


@dataclass(frozen=True, slots=True)
class _Piece:
    message: Message
    number: int  # of the message in the turn
    part: int  # of the piece in the message
    text: str
    shown: str  # with an ellipsis where the message goes on


def episodes(turn: Turn) -> list[Episode]:
    """The episodes of a turn, in the order in which they were said.

    The same turn always yields the same ids. `Memory.position` counts within the turn. A source
    holds its whole message up to SOURCE characters; a piece of a longer one is its own source.
    """
    pieces = list(_pieces(turn))
    before = [turn.preceding[-PIECE:], *(piece.text for piece in pieces)]
    after = [*(piece.text for piece in pieces[1:]), ""]
    return [
        Episode(
            memory=_memory(turn, piece, position),
            words=_words(piece, before[position], after[position]),
            dense_text=_dense_text(piece),
        )
        for position, piece in enumerate(pieces)
    ]


def cut(text: str) -> list[str]:
    """A text in pieces of at most PIECE characters, at the most natural break in reach.

    Of more than PIECES the first and the last halves are kept: people speak before and after what
    they paste.
    """
    reach = PIECES * PIECE
    if len(text) > 2 * reach:  # the seam lies in the middle, which is dropped below
        text = text[:reach] + text[-reach:]
    pieces = cut_whole(text)
    half = PIECES // 2
    return pieces if len(pieces) <= PIECES else pieces[:half] + pieces[-half:]


def cut_whole(text: str) -> list[str]:
    """The same of a text of any length, with nothing left out."""
    pieces = []
    start = 0
    while len(text) - start > PIECE:
        end = _break(text, start)
        pieces.append(text[start:end].strip())
        start = end
    pieces.append(text[start:].strip())
    return [piece for piece in pieces if piece]


def _break(text: str, start: int) -> int:
    """Where a piece that begins at `start` ends: in its second half, so that none is a scrap."""
    for mark in _BREAKS:
        found = text.rfind(mark, start + PIECE // 2, start + PIECE)
        if found >= 0:
            return found + len(mark)
    return start + PIECE


def _pieces(turn: Turn) -> Iterator[_Piece]:
    for number, message in enumerate(turn.messages):
        if message.role not in SPEAKERS:
            continue
        texts = cut(message.text)
        for part, text in enumerate(texts):
            opening = "… " if part else ""
            closing = " …" if part < len(texts) - 1 else ""
            yield _Piece(message, number, part, text, f"{opening}{text}{closing}")


def _memory(turn: Turn, piece: _Piece, position: int) -> Memory:
    message = piece.message
    said = message.text
    source = Source(
        role=message.role,
        content=said if len(said) <= SOURCE else piece.text,
        time=message.time,
        conversation=turn.conversation,
        turn=turn.id,
        name=message.name,
    )
    return Memory(
        id=identifier("episode", turn.id, str(piece.number), str(piece.part), piece.text),
        scope=turn.scope,
        kind=Kind.EPISODE,
        text=f"[{_day(message.time):%Y-%m-%d}] {_name(message) or message.role}: {piece.shown}",
        speaker=SPEAKERS[message.role],
        conversation=turn.conversation,
        time=message.time,
        created=turn.created,
        updated=turn.created,
        sources=(source,),
        position=position,
        labels=turn.labels,
    )


def _words(piece: _Piece, before: str, after: str) -> str:
    """Date and speaker, the own words twice, and those next to it.

    Measured on LoCoMo's dev half, BM25 alone, recall@10: own words only 65, with their neighbours
    75. The date as people write it ("8 May 2023") finds 86 of 100 answers to questions that name
    one, as 2023-05-08 it finds 76. A bare role is no word: "user" occurs in questions.
    """
    day = _day(piece.message.time)
    return " ".join(
        (
            f"{day.day} {day:%B} {day.year}",
            _name(piece.message),
            piece.text,
            piece.text,
            *before.split()[-NEIGHBOUR:],
            *after.split()[:NEIGHBOUR],
        )
    )


def found_by(memory: Memory) -> tuple[str, str]:
    """The words and the one text that an episode is found by once its text was changed by hand."""
    day = _day(memory.time)
    name = " ".join(memory.sources[0].name.split())[:_NAME] if memory.sources else ""
    _, said = opened(memory.text)
    words = f"{day.day} {day:%B} {day.year} {name} {said} {said}"
    return words, f"{name}: {said}" if name else said


def opened(text: str) -> tuple[str, str]:
    """The text of an episode as its opening, which tells day and speaker, and what was said."""
    opening = _OPENING.match(text)
    return (opening.group(), text[opening.end() :]) if opening else ("", text)


def _dense_text(piece: _Piece) -> str:
    """What the piece says, and a speaker's name where there is one.

    Measured beside BM25, recall within 350 words: this 80.3; with the date 79.8, with the previous
    message as well 79.7, with both neighbours 79.9, two embeddings averaged 79.9: not worth their
    cost. Among chats with an assistant a leading "user:" loses a tenth of what passes the floor.
    """
    name = _name(piece.message)
    return f"{name}: {piece.text}" if name else piece.text


def _name(message: Message) -> str:
    return " ".join(message.name.split())[:_NAME]


def _day(time: Millis) -> datetime:
    return datetime.fromtimestamp(time / 1000, UTC)
