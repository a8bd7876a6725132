"""Jobs whose every call to the world waits for its turn, so that a test decides who goes next.

A job is given a gate; whatever it calls through a `Gated` part waits there. Between two gates a job
runs alone, as a process does between two answers of its store.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable


class Gate:
    def __init__(self) -> None:
        self.waits = asyncio.Event()
        self._open = asyncio.Event()
        self._free = False

    async def passed(self) -> None:
        if self._free:
            return
        self.waits.set()
        await self._open.wait()
        self._open.clear()

    def free(self) -> None:
        """Whoever comes may pass, from now on."""
        self._free = True
        self._open.set()

    def open(self) -> None:
        self.waits.clear()
        self._open.set()


class Gated:
    """A part of which every method waits at the gate before it is called."""

    def __init__(self, part, gate: Gate) -> None:
        self._part = part
        self._gate = gate

    def __getattr__(self, name: str):
        method = getattr(self._part, name)

        async def gated(*args, **kwargs):
            await self._gate.passed()
            return await method(*args, **kwargs)

        return gated


async def interleave(
    jobs: Iterable[Callable[[Gate], Awaitable[None]]],
    schedule: Iterable[int],
    *,
    killed: Callable[[int], bool] = lambda _: False,
) -> None:
    """Run the jobs, one step at a time: each number of the schedule says which of those left.

    When it is used up, the first of those left goes on. `killed` is asked at each step, by its
    number, whether the job ends there instead.
    """
    left = []
    for job in jobs:
        gate = Gate()
        left.append((gate, asyncio.ensure_future(job(gate))))
    for gate, task in left:
        await _until_it_waits(gate, task)
    choices = iter(schedule)
    step = 0
    while left := [(gate, task) for gate, task in left if not task.done()]:
        gate, task = left[next(choices, 0) % len(left)]
        if killed(step):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        else:
            gate.open()
            await _until_it_waits(gate, task)
        step += 1


async def _until_it_waits(gate: Gate, task: asyncio.Future) -> None:
    waits = asyncio.ensure_future(gate.waits.wait())
    await asyncio.wait({waits, task}, return_when=asyncio.FIRST_COMPLETED)
    waits.cancel()
    if task.done() and not task.cancelled():
        task.result()
