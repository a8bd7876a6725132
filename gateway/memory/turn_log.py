"""Where a turn is acknowledged: in the store, else in the spool, which keeps it for the store.

Nothing here raises into a chat, and nothing waits for the queue: the ledger knows what is pending.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum

from gateway.errors import StoreError
from gateway.memory.erasure import is_erased
from gateway.memory.learning import Learner
from gateway.memory.model import Turn
from gateway.memory.ports import JobQueue, Outbox, Registry, Spool
from gateway.memory.redaction import without_secrets

WRITE = 2.0  # seconds that the store may take to write a turn


class Recorded(StrEnum):
    """What became of a turn. Only one that is LOST was not acknowledged."""

    STORED = "stored"
    SPOOLED = "spooled"
    LOST = "lost"


class TurnLog:
    """Records turns; `told` hears of each that the store did not take: its id, and why."""

    def __init__(
        self,
        *,
        learner: Learner,
        outbox: Outbox,
        queue: JobQueue,
        spool: Spool,
        told: Callable[[str, Recorded, str], None],
        registry: Registry | None = None,
        write_timeout: float = WRITE,
    ) -> None:
        self._learner = learner
        self._outbox = outbox
        self._queue = queue
        self._spool = spool
        self._told = told
        self._registry = registry
        self._write_timeout = write_timeout

    async def record(self, turn: Turn, *, queued: bool = True) -> Recorded:
        """Acknowledge a turn, and queue it unless the caller learns it; never raises.

        A store that took the turn too late to say so gets it once more, which changes nothing.
        """
        try:
            async with asyncio.timeout(self._write_timeout):
                await self._learner.record(turn)
        except Exception as error:  # noqa: BLE001  whatever it is, there is the spool
            return await self._spooled(turn, type(error).__name__)
        if queued:
            await self._queue.enqueue(turn.id)
        return Recorded.STORED

    async def keep(self, turn: Turn) -> None:
        """Record a turn in the store and queue it, for whoever can be told that it was not kept.

        Raises StoreError; nothing is spooled.
        """
        try:
            async with asyncio.timeout(self._write_timeout):
                await self._learner.record(turn)
        except TimeoutError:
            raise StoreError("the store does not answer") from None
        await self._queue.enqueue(turn.id)

    async def replay(self) -> None:
        """Give the store what the spool holds, oldest first. Raises StoreError, SpoolError.

        A turn that the store refuses though it works stays in the spool and holds up no other.
        """
        await self._works()
        await self._spool.replay(self._replayed)

    async def _spooled(self, turn: Turn, reason: str) -> Recorded:
        try:
            await self._spool.append(await without_secrets(turn))
        except Exception as error:  # noqa: BLE001  the chat has been answered all the same
            self._told(turn.id, Recorded.LOST, f"{reason}, {type(error).__name__}")
            return Recorded.LOST
        self._told(turn.id, Recorded.SPOOLED, reason)
        return Recorded.SPOOLED

    async def _replayed(self, turn: Turn) -> bool:
        """Whether the spool is rid of it. Raises StoreError when the store does not work."""
        try:
            async with asyncio.timeout(self._write_timeout):
                if self._registry is not None and await is_erased(self._registry, turn):
                    return True
                held = await self._outbox.load(turn.id)
                # A later step of the same turn may have been written since.
                if held is None or held.created < turn.created:
                    await self._learner.record(turn)
        except Exception:  # noqa: BLE001  is it the turn, or the store?
            await self._works()
            return False
        await self._queue.enqueue(turn.id)
        return True

    async def _works(self) -> None:
        try:
            async with asyncio.timeout(self._write_timeout):
                await self._outbox.pending(created_before=0, limit=1)
        except TimeoutError:
            raise StoreError("the store does not answer") from None
