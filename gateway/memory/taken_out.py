"""Recorded turns as memory has them now: less what was deleted of them, reworded where it was.

The record of a turn stays what was said. Who reads it again, for a prompt or for a person, must not
find there what has been taken out of memory since, nor an answer that only repeated it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from gateway.memory.episodes import SPEAKERS, Episode, cut, episodes, opened
from gateway.memory.learning import learnable
from gateway.memory.model import Memory, Message, Scope, Status, Turn
from gateway.memory.ports import Store

_OUT = frozenset({Status.ARCHIVED, Status.DELETED})


async def as_left(store: Store, scope: Scope, turns: Sequence[Turn]) -> list[Turn]:
    """These turns of the scope as they are left. Raises StoreError."""
    pieces = {turn.id: episodes(learnable(turn)) for turn in turns}
    ids = [piece.memory.id for each in pieces.values() for piece in each]
    held = {memory.id: memory for memory in await store.get_memories(scope, ids)}
    return [_left(turn, pieces[turn.id], held) for turn in turns]


def _left(turn: Turn, pieces: Iterable[Episode], held: Mapping[str, Memory]) -> Turn:
    rest = list(pieces)
    messages: list[Message] = []
    for message in turn.said:
        of_it = len(cut(message.text)) if message.role in SPEAKERS else 0
        own, rest = rest[:of_it], rest[of_it:]
        if all(_is_as_it_was(piece, held) for piece in own):
            messages.append(message)
        elif said := " ".join(filter(None, (_said(held.get(p.memory.id)) for p in own))):
            messages.append(replace(message, content=said))
    return replace(turn, messages=tuple(messages))


def _is_as_it_was(piece: Episode, held: Mapping[str, Memory]) -> bool:
    memory = held.get(piece.memory.id)
    return memory is not None and memory.text == piece.memory.text and memory.status not in _OUT


def _said(memory: Memory | None) -> str:
    if memory is None or memory.status in _OUT:
        return ""
    return opened(memory.text)[1]
