"""Which conversation a request goes on with, when its client does not say: told by what it resends.

Every turn goes by a few names made of the words that led to it (`Turn.refs`). A request whose
history bears one of them goes on from that turn. Where the turn is no longer the latest of its
conversation, an earlier message was edited or answered anew: the request opens a branch, which is a
conversation of its own, so that what was said in one does not stand beside the other's. So is one
that opens with the words of a conversation which has moved on.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from gateway.memory import prompt
from gateway.memory.model import Message, Scope, Turn, identifier
from gateway.memory.ports import Store

MOST_BRANCHES = 20  # of one place in a conversation that are told apart

Heard: TypeAlias = tuple[str, str]  # a role, user or assistant, and the words

_ROLES = frozenset({"user", "assistant"})
_RECENT = 3  # latest messages by which a history is known whose beginning was dropped


def heard(messages: Iterable[Message]) -> tuple[Heard, ...]:
    """What the two of them said; clients differ in the white space that they keep."""
    words = ((m.role, " ".join(prompt.strip(m.text).split())) for m in messages)
    return tuple((role, text) for role, text in words if text and role in _ROLES)


def names(history: Sequence[Heard]) -> tuple[str, ...]:
    """What a turn that ends with this history goes by, the surest name first.

    The whole of it; its end alone, for clients that drop the beginning once it is long; and the
    user's words alone, for those that keep an answer otherwise than it was sent.
    """
    if not history:
        return ()
    said = (words for role, words in history if role == "user")
    recent = [identifier("recent", *_flat(history[-_RECENT:]))] if len(history) >= _RECENT else []
    return (identifier("history", *_flat(history)), *recent, identifier("said", *said))


async def parent(store: Store, scope: Scope, refs: Sequence[str]) -> Turn | None:
    """The turn that bears the surest of these names that any turn bears. Raises StoreError."""
    for ref in refs:
        if turn := await store.find_turn(scope, [ref]):
            return turn
    return None


async def conversation(
    store: Store, scope: Scope, start: str, turn_in: Callable[[str], str], *, previous: str = ""
) -> str:
    """Where a turn belongs that goes on from the turn `previous` of the conversation `start`.

    `turn_in` gives the turn's id in a conversation. It belongs where it would be the latest turn:
    there, or in the first branch of which that holds, so that a request that is repeated, and each
    step of a tool loop, is given the same one. Raises StoreError.
    """
    candidate = start
    for _ in range(MOST_BRANCHES):
        turn = turn_in(candidate)
        latest = await store.get_turns(scope, candidate, 1)
        if not latest or latest[0].id in {turn, previous}:
            break
        candidate = identifier("branch", turn)
    return candidate


def _flat(history: Iterable[Heard]) -> list[str]:
    return [part for message in history for part in message]
