"""A job may run again at any point, twice at once, in any order: the memories are the same."""

from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.edge import EdgeStore
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.errors import StoreError
from gateway.memory.known import KEPT, STATED
from gateway.memory.learning import Learner
from gateway.memory.model import Kind, Memory, Message, Scope, Status, Turn, TurnState, identifier
from gateway.memory.ports import Selection
from tests.interleaving import Gated, interleave

pytestmark = pytest.mark.anyio

ANN = Scope("p", "ann")
EVERYTHING = Selection(kinds=frozenset(Kind), statuses=KEPT)
SAID = [
    "I live in Lisbon.",
    "I live in Porto.",
    "I no longer live in Lisbon.",
    "I love tea.",
    "I hate tea.",
    "I'm vegetarian.",
    "My name is Ann. I live in Faro.",
    "What is the weather like?",
]


def turn(text: str, number: int, *, answer: str = "Noted.", created: int = 0) -> Turn:
    said = [("user", text), ("assistant", answer)]
    return Turn(
        id=identifier("turn", str(number)),
        scope=ANN,
        conversation=f"c{number}",
        messages=tuple(Message(role=r, content=c, time=1000 * number) for r, c in said),
        created=created or 1000 * number,
    )


def learner(store, gate=None) -> Learner:
    """As in a process of its own: it shares the store with others, and nothing else."""
    part = store if gate is None else Gated(store, gate)
    return Learner(store=part, outbox=part, embedder=FakeEmbedder())


async def learn(store, each, gate) -> None:
    await learner(store, gate).learn(each.id)


async def memories(store) -> dict[str, Memory]:
    """All of them but when they were written."""
    found, _ = await store.list_memories(ANN, EVERYTHING, limit=1000)
    return {memory.id: replace(memory, created=0, updated=0) for memory in found}


def words(store: FakeStore) -> dict[str, str]:
    """What each memory is found by. All of them have a vector too."""
    assert all(entry.vector for entry in store._memories.values())
    return {entry.memory.id: entry.words for entry in store._memories.values()}


async def clean_run(turns) -> FakeStore:
    store = FakeStore()
    for each in turns:
        await learner(store).record(each)
        await learner(store).learn(each.id)
    return store


async def same(store: FakeStore, other: FakeStore) -> bool:
    return await memories(store) == await memories(other) and words(store) == words(other)


async def swept(store) -> None:
    """What is left pending is learned, as after a crash."""
    for turn_id in await store.pending(created_before=10**15, limit=1000):
        await learner(store).learn(turn_id)


turns_said = st.lists(st.sampled_from(SAID), min_size=2, max_size=4).map(
    lambda said: [turn(text, number) for number, text in enumerate(said, 1)]
)
schedules = st.lists(st.integers(0, 5), max_size=120)
many = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@many
@given(turns=turns_said, schedule=schedules)
async def test_turns_of_one_user_learned_at_once_by_several_workers(turns, schedule):
    store = FakeStore()
    for each in turns:
        await learner(store).record(each)
    jobs = [lambda gate, each=each: learner(store, gate).learn(each.id) for each in turns]
    await interleave(jobs, schedule)
    assert await same(store, await clean_run(turns))


@many
@given(turns=turns_said, schedule=schedules)
async def test_each_turn_learned_by_two_workers_at_once(turns, schedule):
    store = FakeStore()
    for each in turns:
        await learner(store).record(each)
    jobs = [lambda gate, each=each: learner(store, gate).learn(each.id) for each in turns * 2]
    await interleave(jobs, schedule)
    assert await same(store, await clean_run(turns))


@pytest.mark.parametrize("begun", range(10))
async def test_a_worker_that_fell_behind_the_others_dies_at_any_step(begun):
    """It looked at a slot before the others wrote there, and goes on when they are done."""
    love, hate = turn("I love tea.", 1), turn("I hate tea.", 2)
    clean = await clean_run([love, hate])
    for killed in range(40):
        store = FakeStore()
        for each in (love, hate):
            await learner(store).record(each)
        jobs = [partial(learn, store, each) for each in (love, hate, love)]
        await interleave(jobs, [0] * begun + [1] * 100, killed=killed.__eq__)
        await swept(store)
        assert await same(store, clean)


@many
@given(turns=turns_said, schedule=schedules, kills=st.sets(st.integers(0, 60), max_size=6))
async def test_workers_that_die_at_any_step_while_others_go_on(turns, schedule, kills):
    store = FakeStore()
    for each in turns:
        await learner(store).record(each)
    jobs = [lambda gate, each=each: learner(store, gate).learn(each.id) for each in turns * 2]
    await interleave(jobs, schedule, killed=kills.__contains__)
    await swept(store)
    assert await store.pending(created_before=10**15, limit=10) == []
    assert await same(store, await clean_run(turns))


@many
@given(turns=turns_said, schedule=schedules, kills=st.sets(st.integers(0, 60), max_size=3))
async def test_turns_that_are_replaced_while_they_are_learned(turns, schedule, kills):
    """A later step of a tool loop has the same question and more of the answer."""
    store = FakeStore()
    for each in turns:
        await learner(store).record(each)
    said_since = turn("", 99, answer="It is 20 degrees.").messages[1:]
    later = [
        replace(each, created=each.created + 1, messages=(*each.messages, *said_since))
        for each in turns
    ]

    acknowledged = set()

    async def replaced(gate, each):
        await learner(store, gate).record(each)
        acknowledged.add(each.id)
        await learner(store, gate).learn(each.id)

    jobs = [lambda gate, each=each: learner(store, gate).learn(each.id) for each in turns]
    jobs += [lambda gate, each=each: replaced(gate, each) for each in later]
    await interleave(jobs, schedule, killed=kills.__contains__)
    for each in later:
        if each.id not in acknowledged:  # its gateway was killed, so the client asks again
            await learner(store).record(each)
    await swept(store)
    assert await same(store, await clean_run([*turns, *later]))


@pytest.mark.parametrize("steps", range(10))
async def test_a_late_worker_does_not_put_back_what_a_turn_was_before(steps):
    store = FakeStore()
    first = turn("I live in Lisbon.", 1)
    later = replace(turn("I live in Lisbon.", 1, answer="Lovely city."), created=5000)
    await learner(store).record(first)

    async def replaced(gate):
        await learner(store, gate).record(later)
        await learner(store, gate).learn(later.id)

    late, all_of_it = [0] * steps, [1] * 50
    await interleave([lambda g: learner(store, g).learn(first.id), replaced], [*late, *all_of_it])
    clean = await clean_run([first, later])
    assert await memories(store) == await memories(clean)
    for entry in store._memories.values():
        if "Noted." not in entry.memory.text:  # that answer was replaced before it was learned
            assert entry.words == words(clean)[entry.memory.id]
            assert entry.vector


@settings(max_examples=40, deadline=None)
@given(turns=turns_said, schedule=schedules)
async def test_a_memory_that_is_deleted_meanwhile_stays_deleted(turns, schedule):
    store = FakeStore()
    await learner(store).record(turns[0])
    await learner(store).learn(turns[0].id)
    for each in turns[1:]:
        await learner(store).record(each)
    stated, _ = await store.list_memories(ANN, Selection(kinds=STATED), limit=10)
    gone = [
        memory for memory in stated if memory.text not in {t.messages[0].text for t in turns[1:]}
    ]

    async def delete(gate):
        part = Gated(store, gate)
        for memory in gone:
            [held] = await part.get_memories(ANN, [memory.id])
            deleted = replace(held, status=Status.DELETED, updated=10**9)
            [entry] = [e for e in store._memories.values() if e.memory.id == memory.id]
            await part.put_memories(ANN, [replace(entry, memory=deleted)])

    jobs = [lambda gate, each=each: learner(store, gate).learn(each.id) for each in turns[1:]]
    await interleave([delete, *jobs], schedule)
    held = await store.get_memories(ANN, [memory.id for memory in gone])
    assert [memory.status for memory in held] == [Status.DELETED] * len(gone)


async def test_on_the_embedded_engine_as_well(tmp_path):
    store = EdgeStore.open(tmp_path, model="fake", dimension=FakeEmbedder().dimension)
    turns = [turn(text, number) for number, text in enumerate(SAID, 1)]
    for each in turns:
        await learner(store).record(each)
    jobs = [lambda gate, each=each: learner(store, gate).learn(each.id) for each in turns * 2]
    await interleave(jobs, [step * 7 % 5 for step in range(400)])
    found = await memories(store)
    store.close()
    assert found == await memories(await clean_run(turns))


async def test_a_slot_that_never_comes_to_rest_is_left_for_another_try():
    store = FakeStore()
    said = turn("I live in Lisbon.", 1)
    await learner(store).record(said)

    class Contended(FakeStore):
        async def revise_memories(self, scope, entries, held):
            if any(entry.memory.kind in STATED for entry in entries):
                return  # somebody else was faster, each time
            await super().revise_memories(scope, entries, held)

    store.__class__ = Contended
    with pytest.raises(StoreError):
        await learner(store).learn(said.id)
    found = await store.load(said.id)
    assert found is not None
    assert found.state is TurnState.PENDING
