"""Where in the recorded conversation a statement stands, so that it can be taken out there too.

A statement that was corrected or removed would otherwise be found again in the message that it was
read out of. The record of the conversation itself, the turn, stays what was said.
"""

import re
from collections.abc import Iterable, Sequence

from gateway.memory.episodes import episodes, opened
from gateway.memory.model import Memory, Scope
from gateway.memory.ports import Store
from gateway.memory.wording import content_words

# Full stops, and their like in Chinese and Japanese.
_SENTENCE = re.compile(r"[^.!?\n\u3002\uff01\uff1f]*(?:[.!?\u3002\uff01\uff1f]+[\"')\]]*|\n|\Z)\s*")
_ENDS = " .!\u3002\uff01"


async def pieces(store: Store, scope: Scope, turns: Iterable[str]) -> list[Memory]:
    """The episodes of these turns of the scope, as they are kept. Raises StoreError."""
    found: list[Memory] = []
    for turn_id in sorted({*turns} - {""}):
        turn = await store.get_turn(scope.project, turn_id)
        if turn is not None and turn.scope == scope:
            ids = [piece.memory.id for piece in episodes(turn)]
            found += await store.get_memories(scope, ids)
    return found


def without(text: str, statement: str, instead: str = "") -> str:
    """The text of an episode without a statement, or with another `instead`; "" if none is left.

    Where it stands word for word only it is replaced. Else the sentences go that speak of all
    that it speaks of: an answer that repeats it, or the message in which it was worded otherwise.
    """
    opening, said = opened(text)
    stated = statement.strip(_ENDS)
    if not stated:
        return text
    place = re.search(rf"(?<!\w){re.escape(stated)}(?!\w)", said, re.IGNORECASE)
    if place and instead:
        left = said[: place.start()] + instead.strip(_ENDS) + said[place.end() :]
    else:
        left = "".join(_kept(_SENTENCE.findall(said), stated))
    if left == said:
        return text
    return opening + left.strip() if re.search(r"\w", left) else ""


def _kept(sentences: Sequence[str], stated: str) -> list[str]:
    inside = [_is_in(stated, sentence) for sentence in sentences]
    if any(inside):
        return [each for each, gone in zip(sentences, inside, strict=True) if not gone]
    about = content_words(stated)
    return [each for each in sentences if not about or not about <= content_words(each)]


def _is_in(stated: str, sentence: str) -> bool:
    return stated.casefold() in sentence.casefold()
