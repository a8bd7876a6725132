"""What is known after each thing a user says, and the same in whatever order it is learned."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gateway.adapters.edge import EdgeStore
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.memory.learning import Learner
from gateway.memory.model import (
    Indexed,
    Kind,
    Memory,
    Message,
    Millis,
    Scope,
    Status,
    Turn,
    identifier,
)
from gateway.memory.ports import Selection

pytestmark = pytest.mark.anyio

SUITE = Path(__file__).parent / "suites" / "stories.txt"
DAY = 86_400_000
BEGIN = 1_748_822_400_000  # 2 June 2025, a Monday, in UTC
STATED = Selection(
    kinds=frozenset({Kind.FACT, Kind.PREFERENCE}),
    statuses=frozenset({Status.ACTIVATED, Status.ARCHIVED}),
)
_LINE = re.compile(
    r"(?P<day>\d+) (?P<forget>FORGET )?(?P<text>.+?) ->(?P<now>[ \d]*)(;(?P<old>.*))?"
)
_OLD = re.compile(r"(\d+):(\d+)-(\d+)")


@dataclass(frozen=True)
class State:
    """The days of what holds, and of what does not: last said, held from, held to."""

    current: tuple[int, ...]
    old: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Step:
    day: int
    text: str
    forget: bool
    state: State


def suite() -> Iterator[tuple[str, list[Step]]]:
    name, steps = "", list[Step]()
    for line in SUITE.read_text().splitlines():
        if line.startswith("* "):
            if steps:
                yield name, steps
            name, steps = line.removeprefix("* "), []
        elif match := _LINE.fullmatch(line):
            old = sorted(tuple(map(int, each)) for each in _OLD.findall(match["old"] or ""))
            state = State(tuple(sorted(map(int, match["now"].split()))), tuple(old))
            steps.append(Step(int(match["day"]), match["text"], bool(match["forget"]), state))
        else:
            assert not line or line.startswith("#"), line
    yield name, steps


STORIES = dict(suite())


class Life:
    """A store and a learner whose clock is the latest day that anything was said."""

    def __init__(self, store: FakeStore | EdgeStore, user: str = "ann") -> None:
        self.store = store
        self.scope = Scope("p", user)
        self.latest = 0
        self.learner = Learner(
            store=store, outbox=store, embedder=FakeEmbedder(), clock=lambda: at(self.latest) + 1
        )

    async def step(self, step: Step, number: int) -> None:
        self.latest = max(self.latest, step.day)
        if step.forget:
            [held] = [m for m in await self.memories() if m.text == step.text]
            gone = replace(held, status=Status.DELETED, updated=at(step.day))
            await self.store.put_memories(self.scope, [Indexed(memory=gone, words=gone.text)])
            return
        message = Message(role="user", content=step.text, time=at(step.day))
        turn = Turn(
            id=identifier("turn", self.scope.user, str(number)),
            scope=self.scope,
            conversation="c",
            messages=(message,),
            created=at(step.day),
        )
        await self.learner.record(turn)
        await self.learner.learn(turn.id)

    async def memories(self) -> list[Memory]:
        return list((await self.store.list_memories(self.scope, STATED, limit=100))[0])

    async def state(self) -> State:
        memories = await self.memories()
        by_id = {memory.id: memory for memory in memories}
        current = sorted(day(m.time) for m in memories if m.status is Status.ACTIVATED)
        old = []
        for memory in memories:
            if memory.status is Status.ARCHIVED:
                assert memory.id in by_id[memory.superseded_by].supersedes
                old.append((day(memory.time), day(memory.valid_from), day(memory.valid_to)))
        return State(tuple(current), tuple(sorted(old)))


def at(number: int) -> Millis:
    return BEGIN + number * DAY


def day(time: Millis | None) -> int:
    assert time is not None
    return (time - BEGIN) // DAY


def test_the_suite_is_large_enough_to_mean_something():
    assert len(STORIES) >= 60


@pytest.mark.parametrize("name", STORIES)
async def test_after_each_step_a_story_is_known_as_it_should_be(name):
    life = Life(FakeStore())
    for number, step in enumerate(STORIES[name]):
        await life.step(step, number)
        assert await life.state() == step.state, step.text


@pytest.mark.parametrize(
    "name", [name for name, steps in STORIES.items() if not any(step.forget for step in steps)]
)
async def test_a_story_learned_in_any_order_ends_the_same(name):
    steps = list(enumerate(STORIES[name]))
    chance = random.Random(name)
    for _ in range(4):
        told = list(steps)
        # What is said in one moment has only the order of its words; it stays.
        if len({step.day for _, step in steps}) == len(steps):
            chance.shuffle(told)
        life = Life(FakeStore())
        for number, step in told:
            await life.step(step, number)
        assert await life.state() == steps[-1][1].state


async def test_the_embedded_store_tells_the_same_stories(tmp_path):
    embedder = FakeEmbedder()
    store = EdgeStore.open(tmp_path, model=embedder.model, dimension=embedder.dimension)
    try:
        for name in list(STORIES)[::6]:
            life = Life(store, user=name)
            for number, step in enumerate(STORIES[name]):
                await life.step(step, number)
                assert await life.state() == step.state, (name, step.text)
    finally:
        store.close()
