"""Erase is complete and stays so: nothing that was under way brings back anything of a user."""

from dataclasses import replace

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.edge import EdgeStore
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_spool import FakeSpool
from gateway.adapters.fake_store import FakeStore
from gateway.adapters.spool import FileSpool
from gateway.errors import StoreError
from gateway.memory import profiles
from gateway.memory.erasure import EVERYTHING, Eraser
from gateway.memory.learning import Learner
from gateway.memory.model import (
    Entry,
    Holder,
    Indexed,
    Kind,
    Memory,
    Message,
    Scope,
    Speaker,
    Turn,
    TurnState,
    identifier,
    now,
    project_wide,
    public,
)
from gateway.memory.turn_log import TurnLog
from tests.interleaving import Gated, interleave
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.security("S15")]

ANN, BEN = Scope("p", "ann"), Scope("p", "ben")
ERASED = 10_000
SAID = ["I live in Lisbon.", "I live in Porto.", "I love tea.", "What is the weather like?"]


class Jobs:
    """A queue that only notes what it is given."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def enqueue(self, turn_id: str) -> None:
        self.ids.append(turn_id)


def turn(text: str, number: int, *, scope: Scope = ANN, created: int = 0) -> Turn:
    said = [("user", text), ("assistant", "Noted.")]
    return Turn(
        id=identifier("turn", scope.user, str(number)),
        scope=scope,
        conversation="c",
        messages=tuple(Message(role=r, content=c, time=1000 * number) for r, c in said),
        created=created or 1000 * number,
    )


def learner(store, gate=None, clock=now) -> Learner:
    part = store if gate is None else Gated(store, gate)
    return Learner(
        store=part, outbox=part, embedder=FakeEmbedder(), registry=store.registry, clock=clock
    )


def eraser(store, gate=None, *, jobs: Jobs | None = None, spool=None, at: int = ERASED) -> Eraser:
    return Eraser(
        store=store if gate is None else Gated(store, gate),
        registry=store.registry if gate is None else Gated(store.registry, gate),
        queue=jobs or Jobs(),
        spool=FakeSpool() if spool is None else spool,
        clock=lambda: at,
    )


async def held(store, scope: Scope = ANN) -> list[str]:
    """What of a user is kept: the texts of turns and memories."""
    turns, _ = await store.list_turns(scope, limit=100)
    memories, _ = await store.list_memories(scope, EVERYTHING, limit=100)
    entries, _ = await store.registry.all_entries(scope, limit=100)
    said = [message.text for each in turns for message in each.messages]
    return [*said, *(each.id for each in turns), *(m.text for m in memories), *map(str, entries)]


async def swept(store) -> None:
    for turn_id in await store.pending(created_before=10**15, limit=1000):
        await learner(store).learn(turn_id)


async def remember(store, *turns: Turn) -> None:
    for each in turns:
        await learner(store).record(each)
        await learner(store).learn(each.id)


@pytest.fixture(name="store", params=["fake", "edge"])
def _store(request, tmp_path):
    if request.param == "fake":
        yield FakeStore()
        return
    store = EdgeStore.open(tmp_path, model="fake", dimension=FakeEmbedder().dimension)
    yield store
    store.close()


def shared_by_ann() -> Indexed:
    memory = Memory(
        id="shared",
        scope=public("p"),
        kind=Kind.FACT,
        text="Ann lives in Lisbon.",
        speaker=Speaker.USER,
        conversation="c",
        time=1000,
        created=1000,
        updated=1000,
        sources=(),
        contributor="ann",
    )
    return Indexed(memory=memory, words=memory.text)


async def test_an_erased_user_leaves_nothing_and_others_keep_everything(store):
    await remember(store, turn("I live in Lisbon.", 1), turn("I live in Rome.", 2, scope=BEN))
    await learner(store).record(turn("I love tea.", 3))
    await store.put_memories(public("p"), [shared_by_ann()])
    entry = Entry(kind="profile", id="e", value={"name": "Ann"}, created=1, updated=1)
    await store.registry.put_entry(ANN, entry)
    before = await held(store, BEN)
    jobs = Jobs()
    receipt = await eraser(store, jobs=jobs).erase(ANN)
    assert (receipt.erased, receipt.turns, receipt.entries) == (ERASED, 2, 1)
    assert receipt.contributions == 1
    assert receipt.memories == 5  # two episodes of each turn, and one fact
    for each in jobs.ids:
        await learner(store).learn(each)
    assert await held(store) == []
    assert await held(store, public("p")) == []
    assert await held(store, BEN) == before
    again = await eraser(store, at=ERASED + 1).erase(ANN)
    assert again.total == 0
    assert again.id != receipt.id


async def test_profiles_and_what_tools_were_used_for_go_too(store):
    made = await profiles.add_template(
        store.registry, "p", name="t", tree={"City": {"value": ""}}, now=1
    )
    await profiles.bind(store.registry, [(ANN, made), (BEN, made)], now=2)
    function = {"name": "trains", "arguments": '{"to": "Lisbon"}'}
    call = {"id": "1", "type": "function", "function": function}
    asked = turn("Which trains leave for Lisbon?", 1)
    messages = (
        asked.messages[0],
        Message(role="assistant", content=None, time=1, extra={"tool_calls": [call]}),
        Message(role="tool", content="9:15", time=1, extra={"tool_call_id": "1"}),
    )
    await remember(store, replace(asked, messages=messages))
    assert "trains worked" in repr(await held(store))
    receipt = await eraser(store).erase(ANN)
    assert receipt.entries == 1
    assert await held(store) == []
    notes, _ = await store.registry.all_entries(project_wide("p"), limit=10)
    assert "ann" not in repr(notes)
    assert (await profiles.template(store.registry, "p", made)).instances == 1
    assert len(await profiles.listed(store.registry, BEN)) == 1


async def test_what_an_erasure_notes_does_not_name_the_user(store):
    scope = Scope("p", "ann@example.com")
    await eraser(store).erase(scope)
    marks, _ = await store.registry.all_entries(Scope("p", "project", Holder.PROJECT), limit=10)
    assert len(marks) == 1
    assert "ann" not in repr(marks)


async def test_new_words_are_remembered_after_an_erasure(store):
    await remember(store, turn("I live in Lisbon.", 1))
    await eraser(store).erase(ANN)
    await remember(store, turn("I live in Porto.", 20))
    assert "I live in Porto." in await held(store)
    assert "Lisbon" not in repr(await held(store))


async def test_a_turn_that_is_recorded_only_afterwards_is_gone_once_a_job_sees_it(store):
    await eraser(store).erase(ANN)
    await remember(store, turn("I live in Porto.", 20))
    kept = await held(store)
    late = turn("I live in Lisbon.", 9)
    await learner(store).record(late)
    await learner(store).learn(late.id)
    assert await held(store) == kept
    assert await store.pending(created_before=10**15, limit=9) == []


async def test_a_spooled_turn_of_before_is_not_replayed(store):
    spool, jobs = FakeSpool(), Jobs()
    old, new = turn("I live in Lisbon.", 9), turn("I live in Porto.", 20)
    for each in (old, new, turn("I live in Rome.", 8, scope=BEN)):
        await spool.append(each)
    await eraser(store).erase(ANN)
    log = TurnLog(
        learner=learner(store),
        outbox=store,
        queue=jobs,
        spool=spool,
        told=lambda *_: None,
        registry=store.registry,
    )
    await log.replay()
    assert len(spool) == 0
    assert old.id not in jobs.ids
    await swept(store)
    assert "Lisbon" not in repr(await held(store))
    assert "I live in Porto." in await held(store)
    assert "I live in Rome." in await held(store, BEN)


async def test_an_erasure_empties_the_spool_of_the_user_at_once(tmp_path):
    """What another process has open there is dropped when that one replays it."""
    store, folder = FakeStore(), tmp_path / "spool"
    left, open_elsewhere, own = (FileSpool.open(folder, most=2**20) for _ in range(3))
    await left.append(turn("I live in Lisbon.", 1))
    await left.aclose()
    await open_elsewhere.append(turn("I live in Lisbon.", 2))
    for each in (turn("I live in Lisbon.", 3), turn("I live in Rome.", 4, scope=BEN)):
        await own.append(each)
    since = turn("I live in Porto.", 20)
    await own.append(since)
    await eraser(store, spool=own).erase(ANN)
    kept = [path.read_text() for path in folder.iterdir()]
    assert sum(text.count("Lisbon") for text in kept) == 1
    await open_elsewhere.aclose()
    offered: list[Turn] = []

    async def write(each) -> bool:
        offered.append(each)
        return True

    await own.replay(write)
    assert [each.messages[0].content for each in offered if each.scope == BEN] == [
        "I live in Rome."
    ]
    assert since in offered
    await own.aclose()


turns_said = st.lists(st.sampled_from(SAID), min_size=1, max_size=3).map(
    lambda said: [turn(text, number) for number, text in enumerate(said, 1)]
)
schedules = st.lists(st.integers(0, 4), max_size=120)
many = settings(max_examples=200, deadline=None)


@many
@given(turns=turns_said, schedule=schedules)
async def test_jobs_that_run_while_a_user_is_erased_leave_nothing(turns, schedule):
    store, jobs = FakeStore(), Jobs()
    for each in turns:
        await learner(store).record(each)
    twice = turns * 2  # as when one is taken for dead
    running = [lambda gate, each=each: learner(store, gate).learn(each.id) for each in twice]

    async def erase(gate) -> None:
        await eraser(store, gate, jobs=jobs).erase(ANN)

    await interleave([erase, *running], schedule)
    for each in jobs.ids:
        await learner(store).learn(each)
    assert await held(store) == []


@many
@given(turns=turns_said, schedule=schedules, kills=st.sets(st.integers(0, 60), max_size=6))
async def test_nor_do_jobs_that_die_at_any_step_of_it(turns, schedule, kills):
    """The sweeps have what they left, also of two at work on one turn; who died erasing, again."""
    store = FakeStore()
    for each in turns:
        await learner(store).record(each)
    twice = turns * 2  # as when one is taken for dead
    running = [
        lambda gate, each=each: learner(store, gate, clock=lambda: ERASED).learn(each.id)
        for each in twice
    ]
    done: list[object] = []

    async def erase(gate) -> None:
        done.append(await eraser(store, gate).erase(ANN))

    await interleave([erase, *running], schedule, killed=kills.__contains__)
    if not done:
        await eraser(store).erase(ANN)
    await swept(store)
    assert await held(store) == []


@many
@given(turns=turns_said, schedule=schedules)
async def test_what_is_said_meanwhile_stays_and_nothing_older_is_in_it(turns, schedule):
    store, jobs = FakeStore(), Jobs()
    for each in turns:
        await learner(store).record(each)
    since = turn("I live in Faro. I love tea.", 11)

    async def say(gate) -> None:
        await learner(store, gate).record(since)
        await learner(store, gate).learn(since.id)

    running = [lambda gate, each=each: learner(store, gate).learn(each.id) for each in turns]

    async def erase(gate) -> None:
        await eraser(store, gate, jobs=jobs).erase(ANN)

    await interleave([erase, *running], schedule)
    late = [lambda gate, each=each: learner(store, gate).learn(each) for each in jobs.ids]
    await interleave([say, *late], schedule)
    memories, _ = await store.list_memories(ANN, EVERYTHING, limit=100)
    clean = FakeStore()
    await remember(clean, since)
    expected, _ = await clean.list_memories(ANN, EVERYTHING, limit=100)
    bare = [replace(m, created=0, updated=0) for m in memories]
    assert bare == [replace(m, created=0, updated=0) for m in expected]
    assert {source.turn for m in memories for source in m.sources} == {since.id}


async def test_a_turn_that_a_job_holds_while_it_is_erased_ends_as_nothing():
    store, jobs = FakeStore(), Jobs()
    said = turn("I live in Lisbon.", 1)
    await learner(store).record(said)
    await eraser(store, jobs=jobs).erase(ANN)
    husk = await store.load(said.id)
    assert husk is not None
    assert (husk.messages, husk.state) == ((), TurnState.PENDING)
    assert jobs.ids == [said.id]
    await learner(store, clock=lambda: ERASED + 59_999).learn(said.id)
    assert await store.pending(created_before=ERASED + 1, limit=9) == [said.id]
    await learner(store, clock=lambda: ERASED + 60_000).learn(said.id)
    assert await store.load(said.id) is None


async def test_an_erasure_that_fails_halfway_says_so_and_is_done_again():
    class Failing(FakeStore):
        async def erase(self, scope):  # noqa: ARG002  as it is called
            raise StoreError

    store = FakeStore()
    await remember(store, turn("I live in Lisbon.", 1))
    store.__class__ = Failing
    with pytest.raises(StoreError):
        await eraser(store).erase(ANN)
    store.__class__ = FakeStore
    receipt = await eraser(store).erase(ANN)
    assert receipt.turns == 1
    assert await held(store) == []


async def test_over_the_api_a_receipt_says_what_was_removed(tmp_path):
    store = EdgeStore.open(tmp_path, model="fake", dimension=FakeEmbedder().dimension)
    async with served(store=store) as it, httpx.AsyncClient(trust_env=False) as client:
        body = {"model": "m", "messages": [{"role": "user", "content": "I live in Lisbon."}]}
        headers = {"x-user-id": "ann"}
        chat = f"{it.url}/v1/chat/completions"
        await client.post(chat, json=body, headers=headers)
        await it.learned()
        pending = turn("I love tea.", 1, scope=Scope("default", "ann"), created=now())
        await it.gateway.learner.record(pending)  # and nobody learns it yet
        gone = (await client.delete(f"{it.url}/v1/users/ann")).json()
        assert gone["object"] == "erasure"
        assert gone["deleted"] is True
        assert (gone["turns"], gone["contributions"], gone["entries"]) == (2, 0, 0)
        assert gone["memories"] >= 2
        assert gone["id"]
        assert gone["erased_at"] > 0
        await it.learned()
        assert (await client.get(f"{it.url}/v1/users/ann/export")).text == ""
        assert (await client.get(f"{it.url}/v1/chats?user=ann")).json()["data"] == []
        assert await store.load(pending.id) is not None  # what clears up after a job, for a minute
        await client.post(chat, json=body, headers=headers)
        await it.learned()
        listed = await client.get(f"{it.url}/v1/memories?kinds=fact", headers=headers)
        assert [memory["content"] for memory in listed.json()["data"]] == ["I live in Lisbon."]
    store.close()
