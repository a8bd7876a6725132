"""What waits to be learned, and what was given up: told, and tried again, without what was said."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gateway.adapters.arq_queue import hand_over
from gateway.memory.model import TurnState, now
from gateway.memory.ports import Backlog, Parked
from gateway.parts import Progress, redis
from gateway.settings import Settings
from gateway.store_alone import store_alone

SHOWN: Final = 100  # parked turns at most
AT_ONCE: Final = 1000  # parked turns that are read from the ledger at a time


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand; `parked` are the oldest of those that were given up."""

    backlog: Backlog
    parked: list[Parked]


async def standing(settings: Settings, progress: Progress) -> Standing:
    """Raises StartupError."""
    async with store_alone(settings, progress) as (outbox, _):
        return Standing(await outbox.backlog(), await outbox.parked(limit=SHOWN))


async def retry(settings: Settings, progress: Progress, ids: Collection[str]) -> list[str]:
    """Have these parked turns learned after all, or all of them; the ids of those that will be.

    Their tries are counted anew. Without Redis they are learned when the gateway starts. Raises
    StartupError.
    """
    async with store_alone(settings, progress) as (outbox, _):
        again: list[str] = []
        while found := [turn.id for turn in await outbox.parked(limit=AT_ONCE)]:
            chosen = [turn_id for turn_id in found if not ids or turn_id in ids]
            for turn_id in chosen:
                await outbox.mark(turn_id, TurnState.PENDING)
            again += chosen
            if not chosen or len(found) < AT_ONCE:
                break
        if settings.redis_url.get_secret_value() and again:
            left = await hand_over(redis(settings), again)
            if left:
                progress(f"Redis did not take {left} of them: the next sweep of a worker will")
    return again


def age(created: int) -> str:
    """How long ago that was, in its largest unit."""
    past = timedelta(milliseconds=max(0, now() - created))
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if past.total_seconds() >= length:
            return f"{past.total_seconds() // length:.0f} {unit}"
    return f"{past.total_seconds():.0f} s"
