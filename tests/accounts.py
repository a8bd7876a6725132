"""What was acknowledged, and what has become of it: turns to learn, and their memories."""

import asyncio
from dataclasses import replace

from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.memory.known import KEPT
from gateway.memory.learning import Learner
from gateway.memory.model import Kind, Memory, Message, Scope, Turn, identifier
from gateway.memory.ports import Selection
from tests.working import learned

EVERYTHING = Selection(kinds=frozenset(Kind), statuses=KEPT)


def turns(count: int, *, users: int = 5, project: str = "p") -> list[Turn]:
    """Turns that each state something; their times are far in the past."""
    made = []
    for number in range(count):
        said = Message(role="user", content=f"I have a cat called Tom{number}.", time=1000 + number)
        scope = Scope(project, f"user-{number % users}")
        made.append(
            Turn(
                id=identifier("turn", project, str(number)),
                scope=scope,
                conversation=f"c{number}",
                messages=(said,),
                created=1000 + number,
            )
        )
    return made


def learner(store) -> Learner:
    return Learner(store=store, outbox=store, embedder=FakeEmbedder())


async def recorded(store, queue, said: list[Turn]) -> None:
    for turn in said:
        await learner(store).record(turn)
        await queue.enqueue(turn.id)


async def memories(store, said: list[Turn]) -> dict[str, Memory]:
    """Everything that is remembered of these users, but when it was written."""
    found: dict[str, Memory] = {}
    for scope in {turn.scope for turn in said}:
        listed, _ = await store.list_memories(scope, EVERYTHING, limit=1000)
        found |= {each.id: replace(each, created=0, updated=0) for each in listed}
    return found


class Account:
    """Settles what was acknowledged, and tells the table of faults."""

    def __init__(self, record_property) -> None:
        self._tell = record_property

    async def settled(self, store, said: list[Turn], within: float = 30) -> None:
        """Each of these turns is learned, and their memories are those of one clean run."""
        done = await learned(store, *(turn.id for turn in said), within=within)
        clean = FakeStore()
        for turn in said:
            await learner(clean).record(turn)
            await learner(clean).learn(turn.id)
        expected, found = await memories(clean, said), await memories(store, said)
        self._tell("turns", (len(said), done, len(found.keys() - expected.keys())))
        assert done == len(said)
        assert found == expected


async def given_up(store, count: int = 1):
    """Wait until so many turns are parked; those that are."""
    async with asyncio.timeout(20):
        while len(parked := await store.parked(limit=9)) < count:  # noqa: ASYNC110  as there
            await asyncio.sleep(0.02)
    return parked
