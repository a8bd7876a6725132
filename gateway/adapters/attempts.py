"""One attempt to learn a turn, and what follows a failure, the same for every queue.

Tries are counted in the ledger, so neither a restart nor an emptied Redis forgets them. That the
ledger itself cannot be reached is no turn's fault, and counts for none.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from gateway.errors import ExtractionBusyError
from gateway.memory.model import TurnState
from gateway.memory.ports import Outbox
from gateway.metrics import Metrics

TRIES = 5
BACKOFF = 1.0  # seconds until the second try, doubled for each further one
LONGEST_WAIT = 60.0  # seconds that a model's server may put a turn off
UNREACHABLE = 5.0  # seconds until a ledger that failed is asked again

_log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """How an attempt ended. After HELD_UP the ledger does not know that there was one."""

    LEARNED = "learned"
    RETRIED = "retried"
    PARKED = "parked"
    HELD_UP = "held_up"


@dataclass(frozen=True, slots=True)
class Attempt:
    """`wait` is in how many seconds the turn is to be tried again; None when it is not."""

    outcome: Outcome
    wait: float | None = None


class Attempts:
    """Runs `learn` on a turn for `timeout` seconds at most, and parks it after `tries` failures.

    A model's server that asks to be left alone for longer than the back-off is left alone.
    """

    def __init__(
        self,
        learn: Callable[[str], Awaitable[None]],
        outbox: Outbox,
        metrics: Metrics,
        *,
        timeout: float | None,
        tries: int = TRIES,
        backoff: float = BACKOFF,
        unreachable: float = UNREACHABLE,
    ) -> None:
        self._learn = learn
        self._outbox = outbox
        self._metrics = metrics
        self._timeout = timeout
        self._tries = tries
        self._backoff = backoff
        self._unreachable = unreachable

    async def __call__(self, turn_id: str) -> Attempt:
        """Never raises, unless it is cancelled."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._learn(turn_id)
        except Exception as error:  # noqa: BLE001  any failure of a job is handled here
            asked = error.wait if isinstance(error, ExtractionBusyError) else 0.0
            return await self._failed(turn_id, type(error).__name__, wait=min(asked, LONGEST_WAIT))
        self._metrics.jobs.labels(Outcome.LEARNED).inc()
        return Attempt(Outcome.LEARNED)

    async def give_up(self, turn_id: str, reason: str) -> Attempt:
        """Park a turn whose attempts never came to an end."""
        return await self._failed(turn_id, reason, last=True)

    async def _failed(
        self, turn_id: str, reason: str, *, wait: float = 0.0, last: bool = False
    ) -> Attempt:
        try:
            async with asyncio.timeout(self._timeout):
                attempt, tries = await self._counted(turn_id, reason, wait=wait, last=last)
        except Exception as error:  # noqa: BLE001  the turn stays pending and is swept
            attempt, tries = Attempt(Outcome.HELD_UP, self._unreachable), 0
            _log.error("marking failed", turn=turn_id, error=type(error).__name__)
        self._metrics.jobs.labels(attempt.outcome).inc()
        _log.warning(
            "learning failed", turn=turn_id, error=reason, tries=tries, then=str(attempt.outcome)
        )
        return attempt

    async def _counted(
        self, turn_id: str, reason: str, *, wait: float, last: bool
    ) -> tuple[Attempt, int]:
        turn = await self._outbox.load(turn_id)
        if turn is None or turn.state is TurnState.LEARNED:  # erased meanwhile, or by another
            return Attempt(Outcome.LEARNED), 0
        tries = turn.attempts + 1
        parked = last or tries >= self._tries
        await self._outbox.mark(
            turn_id,
            TurnState.PARKED if parked else TurnState.PENDING,
            attempts=tries,
            error=reason,
            created=turn.created,
        )
        if parked:
            return Attempt(Outcome.PARKED), tries
        return Attempt(Outcome.RETRIED, max(self._backoff * 2 ** (tries - 1), wait)), tries
