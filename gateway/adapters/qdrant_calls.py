"""Calls to a Qdrant server: each within its time, each failure a StoreError, a dead server cheap.

A server that failed several calls in a row is not asked again until it has been found well: calls
fail at once, with the reason, while one task tries it with growing pauses. So a dead server costs a
request nothing, and one that comes back meets one question and not all that waited. What goes wrong
is logged once a minute for each reason, and counted every time.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from gateway.adapters import qdrant_failures
from gateway.adapters.conditions import Group
from gateway.adapters.qdrant_points import Points
from gateway.errors import StartupError, StoreError
from gateway.metrics import Metrics

T = TypeVar("T")

STARTING: Final = "starting"  # the reason while it has not been looked at yet
UNFIT: Final = "unfit"  # another model, or a version too old: it will not be used

_IN_A_ROW: Final = 3  # failures after which it is taken for down
_AT_ONCE: Final = frozenset({qdrant_failures.UNAUTHORISED, qdrant_failures.MISSING})
_HARMLESS: Final = qdrant_failures.REFUSED  # of one request, and says nothing of the server
_SLOW: Final = 0.05  # seconds after which a call that its caller gave up was the server's failure
_FIRST_PAUSE: Final = 0.5  # seconds
_LONGEST_PAUSE: Final = 5.0
_LONGEST_WAIT: Final = 60.0  # seconds that a server may ask to be left alone
_TOLD_EVERY: Final = 60.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTimeouts:
    """Seconds that a call may take: `read` of a few points, `write`, `layout` of collections."""

    read: float = 2.0
    write: float = 5.0
    layout: float = 30.0


class Calls:
    """`look` examines the server and makes it ready; it may raise StartupError, which is final.

    `refused` is told of that when the gateway was running already.
    """

    def __init__(
        self,
        look: Callable[[], Awaitable[None]],
        metrics: Metrics,
        timeouts: CallTimeouts | None = None,
        *,
        refused: Callable[[StartupError], None] = lambda _: None,
    ) -> None:
        self.timeouts = timeouts or CallTimeouts()
        self._look = look
        self._metrics = metrics
        self._refused = refused
        self._down = STARTING
        self._failures = 0
        self._mending: asyncio.Task[None] | None = None
        self._closed = False
        self._told: dict[str, float] = {}

    @property
    def down(self) -> str:
        """Why the server is not asked; empty when it is."""
        return self._down

    async def start(self) -> None:
        """Look at the server; one that is absent is looked for from then on.

        Raises StartupError.
        """
        try:
            await self._look()
        except StartupError:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, the server is not to be had
            self._trip(reason(error), error, wait=_FIRST_PAUSE)
        else:
            self._down = ""

    async def aclose(self) -> None:
        self._closed = True
        if self._mending is not None:
            self._mending.cancel()
            await asyncio.gather(self._mending, return_exceptions=True)

    async def within(self, seconds: float, what: str, call: Callable[[], Awaitable[T]]) -> T:
        """What the call returns. Raises StoreError, at once while the server is down."""
        if self._down:
            self._metrics.store_failures.labels(self._down).inc()
            raise StoreError(f"the store cannot {what}: {self._down}", reason=self._down)
        began = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                result = await call()
        except asyncio.CancelledError as error:
            if time.monotonic() - began > _SLOW:
                self._failed(error)
            raise
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  the client raises all kinds, bare asserts too
            why = self._failed(error)
            # From none: what the client raises quotes the answer, which may hold what was said.
            raise StoreError(
                f"the store failed to {what}: {why} ({qdrant_failures.kind(error)})", reason=why
            ) from None
        self._failures = 0
        return result

    async def reading(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        return await self.within(self.timeouts.read, what, call)

    async def writing(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        return await self.within(self.timeouts.write, what, call)

    async def delete(self, points: Points, where: Group) -> int:
        """How many there were. A great many are not deleted in one step, which would take long."""
        total = 0
        while count := await self.writing("delete", lambda: points.delete_some(where)):
            total += count
        return total

    def _failed(self, error: BaseException) -> str:
        why = reason(error)
        self._metrics.store_failures.labels(why).inc()
        self._tell(why, error)
        if why != _HARMLESS and not self._down:
            self._failures += 1
            if why in _AT_ONCE or self._failures >= _IN_A_ROW:
                self._trip(why, error, wait=_asked(error))
        return why

    def _trip(self, why: str, error: BaseException, *, wait: float) -> None:
        self._down = why
        self._tell(why, error)
        if not self._closed:
            self._mending = asyncio.create_task(self._mend(wait))

    async def _mend(self, wait: float) -> None:
        """Look at the server until it is well."""
        pause = _FIRST_PAUSE
        while True:
            await asyncio.sleep(wait)
            try:
                await self._look()
            except StartupError as error:
                self._down = UNFIT
                _log.error("the store cannot be used", reason=str(error))
                self._refused(error)
                return
            except Exception as error:  # noqa: BLE001  see start
                self._down = reason(error)
                self._tell(self._down, error)
                # Of many gateways no two should come at the same moment.
                wait = max(pause * random.uniform(0.5, 1.0), _asked(error))  # noqa: S311  no secret
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                self._down, self._failures = "", 0
                _log.info("the store answers")
                return

    def _tell(self, why: str, error: BaseException) -> None:
        now = time.monotonic()
        if now - self._told.get(why, -_TOLD_EVERY) >= _TOLD_EVERY:
            self._told[why] = now
            _log.warning("the store fails", reason=why, error=qdrant_failures.kind(error))


def reason(error: BaseException) -> str:
    return error.reason if isinstance(error, StoreError) else qdrant_failures.reason_of(error)


def _asked(error: BaseException) -> float:
    return min(qdrant_failures.retry_after(error), _LONGEST_WAIT)
