"""What is shared comes out the same, whoever learns its turns, how often and in whatever order."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.fake_store import FakeStore
from gateway.memory.model import Memory, Scope, knowledge_base, public
from tests.interleaving import interleave
from tests.test_twice_equals_once import (
    ANN,
    EVERYTHING,
    SAID,
    clean_run,
    learner,
    schedules,
    swept,
    turn,
)

pytestmark = pytest.mark.anyio

BOB = Scope("p", "bob")
BASE = knowledge_base("p", "base")

said = st.tuples(st.sampled_from([ANN, BOB]), st.sampled_from(SAID), st.booleans())
turns_said = st.lists(said, min_size=2, max_size=4).map(
    lambda several: [
        replace(turn(text, number), scope=who, public=shared, bases=("base",))
        for number, (who, text, shared) in enumerate(several, 1)
    ]
)


async def memories(store) -> dict[tuple[Scope, str], Memory]:
    """All of them but when they were written."""
    return {
        (scope, memory.id): replace(memory, created=0, updated=0)
        for scope in (ANN, BOB, BASE, public("p"))
        for memory in (await store.list_memories(scope, EVERYTHING, limit=1000))[0]
    }


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(turns=turns_said, schedule=schedules, kills=st.sets(st.integers(0, 60), max_size=4))
async def test_workers_that_share_at_once_and_die_at_any_step(turns, schedule, kills):
    store = FakeStore()
    for each in turns:
        await learner(store).record(each)
    jobs = [lambda gate, each=each: learner(store, gate).learn(each.id) for each in turns * 2]
    await interleave(jobs, schedule, killed=kills.__contains__)
    await swept(store)
    assert await memories(store) == await memories(await clean_run(turns))
