"""Conversations handed to a gateway, some at a time; what it has taken is not sent again.

Which they were is kept in a file of digests, so that an import that was interrupted goes on where
it was, and an export of next month adds what is new in it. Nothing depends on that file but time:
a gateway takes the same words of the same conversation once.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.imports.conversation import Conversation, Said

AT_ONCE = 4  # conversations; within one, what was said first is handed over first


class Destination(Protocol):
    """A gateway that takes what was said. Raises when it does not."""

    def add(self, conversation: str, messages: Sequence[Mapping[str, str | int]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many conversations were handed over, how many the gateway had, how many exchanges."""

    added: int
    known: int
    exchanges: int


class Taken:
    """The digests of what one gateway has taken for one user, in a file; a torn line is dropped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._digests = set(path.read_text().split("\n")) if path.exists() else set()

    def __contains__(self, conversation: Conversation) -> bool:
        return conversation.digest in self._digests

    def add(self, conversation: Conversation) -> None:
        with self._path.open("a") as file:
            file.write(f"\n{conversation.digest}")
        self._digests.add(conversation.digest)


def hand_over(
    conversations: Sequence[Conversation],
    destination: Destination,
    taken: Taken,
    *,
    told: Callable[[], None],
) -> Outcome:
    """Hand over what is not taken yet; `told` hears of each conversation that is done.

    What the destination raises ends it; what was handed over by then is taken.
    """
    new = [each for each in conversations if each not in taken]
    exchanges = 0
    waiting = iter(new)
    for _ in range(len(conversations) - len(new)):
        told()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        running: dict[Future[int], Conversation] = {}
        try:
            while True:
                while len(running) < AT_ONCE and (each := next(waiting, None)) is not None:
                    running[threads.submit(_hand_over, each, destination)] = each
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    conversation = running.pop(future)
                    exchanges += future.result()
                    taken.add(conversation)
                    told()
        finally:
            for future, conversation in running.items():
                if not future.cancel() and future.exception() is None:
                    taken.add(conversation)
    return Outcome(added=len(new), known=len(conversations) - len(new), exchanges=exchanges)


def _hand_over(conversation: Conversation, destination: Destination) -> int:
    number = 0
    for exchange in conversation.exchanges():
        destination.add(conversation.id, [_message(said) for said in exchange])
        number += 1
    return number


def _message(said: Said) -> dict[str, str | int]:
    dated: dict[str, str | int] = {} if said.time is None else {"chat_time": said.time}
    return {"role": said.role, "content": said.text} | dated
