"""A turn that the store does not take is kept in the spool, and the store gets it later."""

import asyncio
import errno
import os
import resource
import stat
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_spool import FakeSpool
from gateway.adapters.fake_store import FakeStore
from gateway.adapters.spool import FileSpool
from gateway.errors import SpoolError, StartupError, StoreError
from gateway.memory.learning import Learner
from gateway.memory.model import Message, Scope, TurnState
from gateway.memory.turn_log import Recorded, TurnLog
from tests.scripted_upstream import scripted_upstream
from tests.served import served
from tests.spooling import turn

pytestmark = pytest.mark.anyio

ANN = Scope("p", "ann")
MOST = 2**20


class Damage(list):
    """How many lines of each file were damaged."""

    def __call__(self, lines: int) -> None:
        self.append(lines)


@asynccontextmanager
async def opened(folder: Path, *, most: int = MOST, damaged=lambda _: None):
    spool = FileSpool.open(folder, most=most, damaged=damaged)
    try:
        yield spool
    finally:
        await spool.aclose()


@pytest.fixture(params=["fake", "file"])
async def spool(request, tmp_path):
    if request.param == "fake":
        yield FakeSpool()
        return
    async with opened(tmp_path) as it:
        yield it


async def replayed(spool, *, refuse=()) -> list[str]:
    """The ids of the turns that the spool offers; those to refuse stay."""
    offered = []

    async def write(each):
        offered.append(each.id)
        return each.id not in refuse

    await spool.replay(write)
    return offered


# Every spool


async def test_turns_are_offered_in_the_order_they_came_and_then_forgotten(spool):
    for key in "cab":
        await spool.append(turn(key))
    assert len(spool) == 3
    assert await replayed(spool) == ["c", "a", "b"]
    assert len(spool) == 0
    assert await replayed(spool) == []


async def test_a_turn_comes_back_as_it_was(spool):
    message = Message(
        role="assistant", content=[{"a": 2**70}, "\ud800\n\u2028"], time=5, extra={"x": [None]}
    )
    written = replace(turn("t"), messages=(message,), refs=("r",), preceding="before\n")
    back = []

    async def write(each):
        back.append(each)
        return True

    await spool.append(written)
    await spool.replay(write)
    assert back == [written]


async def test_what_is_refused_stays_and_holds_up_no_other(spool):
    for key in "abc":
        await spool.append(turn(key))
    assert await replayed(spool, refuse="b") == ["a", "b", "c"]
    assert len(spool) == 1
    await spool.append(turn("d"))
    assert await replayed(spool) == ["b", "d"]


async def test_what_was_offered_when_it_ended_may_be_offered_again_and_nothing_is_lost(spool):
    for key in "abc":
        await spool.append(turn(key))
    offered = []

    async def write(each):
        offered.append(each.id)
        if each.id == "b":
            raise StoreError
        return True

    with pytest.raises(StoreError):
        await spool.replay(write)
    assert offered == ["a", "b"]
    assert {"b", "c"} <= set(await replayed(spool))
    assert len(spool) == 0


async def test_turns_may_come_while_others_are_offered(spool):
    await spool.append(turn("a"))

    async def write(each):
        if each.id == "a":
            await spool.append(turn("b"))
        return True

    await spool.replay(write)
    assert await replayed(spool) in ([], ["b"])
    assert len(spool) == 0


# In files


async def test_what_is_in_the_files_outlives_the_process(tmp_path):
    async with opened(tmp_path) as it:
        await it.append(turn("a"))
    async with opened(tmp_path) as it:
        assert len(it) == 1
        await it.append(turn("b"))
        assert await replayed(it) == ["a", "b"]
    assert list(tmp_path.iterdir()) == []


async def test_only_the_owner_may_read_them(tmp_path):
    async with opened(tmp_path / "spool") as it:
        await it.append(turn("a"))
        [file] = (tmp_path / "spool").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_a_full_spool_takes_nothing_until_it_has_room_again(tmp_path):
    async with opened(tmp_path, most=1000) as it:
        await it.append(turn("a"))
        with pytest.raises(SpoolError, match="full"):
            for number in range(10):
                await it.append(turn(str(number)))
        held = len(it)
        assert held < 10
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 1000
        assert len(await replayed(it)) == held
        await it.append(turn("b"))


async def test_with_no_room_at_all_nothing_is_kept(tmp_path):
    async with opened(tmp_path, most=0) as it:
        with pytest.raises(SpoolError):
            await it.append(turn("a"))


async def test_several_processes_share_a_folder_and_leave_each_others_file_alone(tmp_path):
    async with opened(tmp_path) as one, opened(tmp_path) as other:
        await one.append(turn("a"))
        await other.append(turn("b"))
        assert await replayed(other) == ["b"]
        assert len(one) == 1
        assert await replayed(one) == ["a"]


async def test_what_another_process_left_is_adopted(tmp_path):
    async with opened(tmp_path) as living:
        async with opened(tmp_path) as dying:
            await dying.append(turn("a"))
            assert await replayed(living) == []
        assert await replayed(living) == ["a"]
    assert list(tmp_path.iterdir()) == []


def the_file_in(folder: Path) -> Path:
    [file] = folder.iterdir()
    return file


async def test_a_tail_that_was_torn_off_anywhere_costs_only_the_last(tmp_path):
    async with opened(tmp_path) as it:
        for key in "ab":
            await it.append(turn(key))
        [file] = tmp_path.iterdir()
        whole = file.read_bytes()
    file.unlink()
    first = whole.index(b"\n") + 1
    for end in range(first, len(whole)):
        damage = Damage()
        (tmp_path / "1.spool").write_bytes(whole[:end])
        async with opened(tmp_path, damaged=damage) as it:
            lost_its_newline_only = end == len(whole) - 1
            assert await replayed(it) == (["a", "b"] if lost_its_newline_only else ["a"])
        assert damage == ([] if end == first or lost_its_newline_only else [1])


damages = st.tuples(
    st.integers(0, 10**6),  # where, of the file's length
    st.integers(0, 50),  # bytes that are cut out
    st.binary(max_size=50),  # and what comes in their place
)


@settings(max_examples=200, deadline=None)
@given(
    keys=st.lists(st.text("abc", min_size=1), max_size=5, unique=True),
    damage=st.lists(damages, min_size=1, max_size=4),
)
async def test_a_spoilt_file_never_stands_in_the_way(keys, damage):
    with tempfile.TemporaryDirectory() as name:
        async with opened(folder := Path(name)) as it:
            for key in [*keys, "last"]:
                await it.append(turn(key))
        file = the_file_in(folder)
        content = bytearray(file.read_bytes())
        for at, cut, put in damage:
            start = at % (len(content) + 1)
            content[start : start + cut] = put
        file.write_bytes(content)
        async with opened(folder) as it:
            assert set(await replayed(it)) <= {*keys, "last"}
            assert len(it) == 0
            await it.append(turn("after"))
            assert await replayed(it) == ["after"]


async def test_a_disk_that_is_full_is_told_and_leaves_nothing_torn(tmp_path):
    damage = Damage()
    async with opened(tmp_path, damaged=damage) as it:
        await it.append(turn("a"))
        with largest_file(400):
            with pytest.raises(SpoolError, match=os.strerror(errno.EFBIG)):
                await it.append(turn("b", text="x" * 1000))
        await it.append(turn("c"))
        assert await replayed(it) == ["a", "c"]
    assert damage == []


@contextmanager
def largest_file(size: int):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_folder_that_cannot_be_used_refuses_the_start(tmp_path):
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(StartupError, match="spool"):
        FileSpool.open(tmp_path / "spool", most=MOST)


def acknowledged_by_killed(folder: Path, run: int) -> set[str]:
    """Two processes append to one folder until they are killed in the middle of it."""
    command = [sys.executable, "-m", "tests.spooling", str(folder)]
    children = [
        subprocess.Popen([*command, f"{run}{name}"], stdout=subprocess.PIPE, text=True)
        for name in "xy"
    ]
    told = set()
    for child in children:
        assert child.stdout is not None
        told |= {child.stdout.readline().strip() for _ in range(40 + 20 * run)}
    for child in children:
        child.kill()
    for child in children:
        rest, _ = child.communicate(timeout=10)
        told |= {*rest.split("\n")[:-1]}  # the last may be torn
    return told


@pytest.mark.process
async def test_every_turn_that_was_acknowledged_is_there_after_a_kill(tmp_path):
    runs = [await asyncio.to_thread(acknowledged_by_killed, tmp_path, run) for run in range(3)]
    acknowledged = set().union(*runs)
    async with opened(tmp_path, most=2**30) as it:
        assert len(it) >= len(acknowledged)
        offered = await replayed(it)
    assert acknowledged <= set(offered)
    assert len(offered) == len(set(offered))
    for name in {key.split("-")[0] for key in offered}:
        numbers = [int(key.split("-")[1]) for key in offered if key.startswith(f"{name}-")]
        assert numbers == sorted(numbers)


# What records turns


class Parts:
    """A turn log over fakes, whose store can be made to fail."""

    def __init__(self, spool=None) -> None:
        self.store = FakeStore()
        self.spool = FakeSpool() if spool is None else spool
        self.queued: list[str] = []
        self.told: list[tuple[str, Recorded, str]] = []
        self.log = TurnLog(
            learner=Learner(store=self.store, outbox=self.store, embedder=FakeEmbedder()),
            outbox=self.store,
            queue=self,
            spool=self.spool,
            told=lambda *what: self.told.append(what),
            write_timeout=0.05,
        )

    async def enqueue(self, turn_id: str) -> None:
        self.queued.append(turn_id)

    @contextmanager
    def down(self, fault=None):
        async def refuse(*_args, **_kwargs):
            raise StoreError

        for name in ("put_turn", "revise_memories", "load", "pending"):
            setattr(self.store, name, fault or refuse)
        yield
        for name in ("put_turn", "revise_memories", "load", "pending"):
            delattr(self.store, name)


async def hang(*_args, **_kwargs):
    await asyncio.Event().wait()


async def test_a_turn_that_the_store_takes_is_queued():
    parts = Parts()
    assert await parts.log.record(turn("a")) is Recorded.STORED
    assert parts.queued == ["a"]
    assert (len(parts.spool), parts.told) == (0, [])


@pytest.mark.parametrize("fault", [None, hang])
async def test_turns_that_the_store_does_not_take_come_to_it_when_it_is_back(fault):
    parts = Parts()
    with parts.down(fault):
        for number, key in enumerate("bca"):
            assert await parts.log.record(turn(key, created=number)) is Recorded.SPOOLED
        with pytest.raises(StoreError):
            await parts.log.replay()
    assert [key for key, _, _ in parts.told] == ["b", "c", "a"]
    assert (parts.queued, len(parts.spool)) == ([], 3)
    await parts.log.replay()
    assert (parts.queued, len(parts.spool)) == (["b", "c", "a"], 0)
    assert await parts.store.pending(created_before=9, limit=9) == ["b", "c", "a"]


async def test_a_turn_that_nothing_takes_is_told_as_lost_and_raises_nothing(tmp_path):
    async with opened(tmp_path, most=10) as full:
        parts = Parts(full)
        with parts.down():
            assert await parts.log.record(turn("a")) is Recorded.LOST
    assert parts.told == [("a", Recorded.LOST, "StoreError, SpoolError")]


async def test_what_was_written_since_is_not_replaced_by_what_was_spooled():
    parts = Parts()
    with parts.down():
        await parts.log.record(turn("a", text="Before.", created=1))
    await parts.log.record(turn("a", text="Since.", created=2))
    await parts.store.mark("a", TurnState.LEARNED)
    await parts.log.replay()
    held = await parts.store.load("a")
    assert held is not None
    assert (held.messages[0].text, held.state) == ("Since.", TurnState.LEARNED)


async def test_a_turn_that_the_store_always_refuses_holds_up_no_other():
    parts = Parts()
    await parts.store.put_turn(bob := Scope("p", "bob"), replace(turn("taken"), scope=bob))
    with parts.down():
        for number, key in enumerate(["a", "taken", "b"]):
            await parts.log.record(turn(key, created=2000 + number))
    await parts.log.replay()
    assert parts.queued == ["a", "b"]
    assert len(parts.spool) == 1
    assert await parts.store.get_turns(bob, "c", 9) == [replace(turn("taken"), scope=bob)]


async def test_a_chat_whose_store_is_down_is_learned_once_it_is_back(tmp_path):
    parts = Parts()
    async with opened(tmp_path) as spool, scripted_upstream() as upstream:
        async with served(upstream.url, store=parts.store, spool=spool) as it:
            with parts.down():
                async with httpx.AsyncClient(base_url=it.url, trust_env=False) as client:
                    said = {"role": "user", "content": "I live in Lisbon."}
                    body = {"model": "m", "user": "ann", "messages": [said]}
                    answer = await client.post("/v1/chat/completions", json=body)
                    added = await client.post(
                        "/api/openmem/v1/add/message",
                        json={"user_id": "bob", "messages": [said], "async_mode": False},
                    )
                await it.gateway.background.join()
            assert (answer.status_code, added.json()["code"]) == (200, 0)
            assert added.json()["data"]["status"] == "running"
            assert len(spool) == 2
            await it.gateway.turn_log.replay()
            await it.learned()
            for user in ("ann", "bob"):
                facts = await parts.store.get_memories(
                    Scope("default", user), [e.memory.id for e in parts.store._memories.values()]
                )
                assert "I live in Lisbon." in {memory.text for memory in facts}
            value = it.gateway.metrics.registry.get_sample_value
            assert value("gateway_turns_spooled_total") == 2
            assert value("gateway_turns_unrecorded_total") == 0
