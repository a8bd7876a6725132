"""Which turns a model reads together: those of one user that wait for it at the same time.

No turn waits for company. While the model is asked about as many as it may be at once, others
queue up, and the next request takes along what the same user has in the queue, within bounds.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from gateway.memory.model import Turn

MOST_TURNS = 8  # of one request
MOST_CHARACTERS = 12_000  # of all their messages, unless it is one turn

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Answer]):
    turn: Turn
    answer: "asyncio.Future[Answer]"


class Batches(Generic[Answer]):
    """`read` is given turns of one scope, and answers with as many answers or errors.

    At most `at_once` of its calls are under way. Belongs to one event loop.
    """

    def __init__(
        self,
        read: Callable[[Sequence[Turn]], Awaitable[Sequence[Answer | BaseException]]],
        *,
        at_once: int,
    ) -> None:
        self._read = read
        self._at_once = at_once
        self._queue: deque[_Waiting[Answer]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Turns that wait."""
        return sum(not waiting.answer.done() for waiting in self._queue)

    async def read(self, turn: Turn) -> Answer:
        """What the turn came to, read alone or with others. Raises what `read` answered or raised.

        A turn that was tried before is read alone: it may be what the others would fail of.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(turn, answer)
        self._queue.append(waiting)
        self._start()
        return await answer

    def _start(self) -> None:
        while len(self._running) < self._at_once and (batch := self._next()):
            task = asyncio.create_task(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._ended)
            for waiting in batch:
                waiting.answer.add_done_callback(partial(_stop, batch, task))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._start()

    def _next(self) -> list[_Waiting[Answer]]:
        """The first that still waits, with those of its user that it may be read with."""
        batch: list[_Waiting[Answer]] = []
        left: deque[_Waiting[Answer]] = deque()
        length = 0
        for waiting in self._queue:
            if waiting.answer.done():
                continue
            size = sum(len(message.text) for message in waiting.turn.messages)
            if not batch or (
                len(batch) < MOST_TURNS
                and length + size <= MOST_CHARACTERS
                and waiting.turn.scope == batch[0].turn.scope
                and not (waiting.turn.attempts or batch[0].turn.attempts)
            ):
                batch.append(waiting)
                length += size
            else:
                left.append(waiting)
        self._queue = left
        return batch

    async def _run(self, batch: Sequence[_Waiting[Answer]]) -> None:
        answers: Sequence[Answer | BaseException]
        try:
            answers = await self._read([waiting.turn for waiting in batch])
        except Exception as error:  # noqa: BLE001  it is theirs who wait
            answers = [error] * len(batch)
        for waiting, answer in zip(batch, answers, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(answer, BaseException):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)


def _stop(
    batch: Sequence[_Waiting[Answer]], task: "asyncio.Task[None]", _: "asyncio.Future[Answer]"
) -> None:
    """End a request that nobody waits for any more."""
    if all(waiting.answer.cancelled() for waiting in batch):
        task.cancel()
