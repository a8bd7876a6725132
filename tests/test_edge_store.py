"""What the embedded store promises beyond the contract: its folder, its process, its files."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import anyio
import psutil
import pytest
import structlog
from qdrant_edge import UpdateOperation

from gateway.adapters.edge import EdgeStore
from gateway.adapters.records import memory_point
from gateway.adapters.schema import METADATA
from gateway.errors import (
    DataFolderInUseError,
    ModelMismatchError,
    StartupError,
    StoreError,
)
from gateway.memory.model import Message, Scope, TurnState
from tests.test_store_contract import ALICE, BOB, EVERYTHING, MANY, entry, ids, memory, search, turn

pytestmark = pytest.mark.anyio


def opened(folder, **changes):
    return EdgeStore.open(folder, **{"model": "test", "dimension": 3, **changes})


async def test_everything_is_there_after_closing_and_opening(folder):
    store = opened(folder)
    written = entry(words="zebra", vector=[1, 0, 0])
    await store.put_memories(ALICE, [written])
    await store.put_turn(ALICE, turn())
    await store.put_turn(BOB, turn("b", BOB))
    await store.mark("b", TurnState.LEARNED)
    store.close()

    store = opened(folder)
    [hit] = await store.search(ALICE, search("zebra", [1, 0, 0]))
    assert hit.memory == written.memory
    assert hit.dense == pytest.approx(1)
    assert hit.lexical is not None
    assert await store.get_turns(ALICE, "c", 9) == [turn()]
    assert await store.pending(created_before=MANY, limit=9) == ["t"]
    store.close()


def write_for_ever(folder):
    """Run in a process of its own, until it is killed; says what the store has acknowledged."""

    async def main():
        store = opened(Path(folder))
        for n in range(10**9):
            await store.put_turn(ALICE, numbered_turn(n))
            await store.put_memories(ALICE, [numbered_entry(n), numbered_entry(-n - 1)])
            sys.stdout.write(f"{n}\n")
            sys.stdout.flush()

    anyio.run(main)


def numbered_turn(n):
    return turn(f"t{n}", created=n, messages=(Message(role="user", content=f"said {n}", time=n),))


def numbered_entry(n):
    return entry(f"m{n}", words=f"word{n}", vector=[1, n, 0], time=n, text=f"text {n}")


def killed_after(folder, enough):
    """The last number that was acknowledged."""
    command = f"from {__name__} import write_for_ever; write_for_ever({str(folder)!r})"
    with subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) == enough:
                child.send_signal(signal.SIGKILL)
        return int(line)


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_kill_amid_writes_loses_nothing_that_was_acknowledged(folder, seed):
    enough = random.Random(seed).randrange(50, 400)
    acknowledged = killed_after(folder, enough)
    store = opened(folder)
    keys = [key for n in range(acknowledged + 1) for key in (n, -n - 1)]
    found = await store.get_memories(ALICE, [f"m{n}" for n in keys])
    assert found == [numbered_entry(n).memory for n in keys]
    hits = await store.search(ALICE, search(f"word{enough}", [1, enough, 0], limit=1))
    assert numbered_entry(enough).memory in [hit.memory for hit in hits]
    turns = await store.get_turns(ALICE, "c", MANY)
    assert turns[: acknowledged + 1] == [numbered_turn(n) for n in range(acknowledged + 1)]
    assert len(turns) <= acknowledged + 2  # one may have been written and not yet acknowledged
    store.close()


async def test_a_folder_in_use_is_refused_in_one_line_that_names_it(folder):
    store = opened(folder)
    with pytest.raises(DataFolderInUseError) as refusal:
        opened(folder)
    assert str(folder) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    await store.put_memories(ALICE, [entry()])  # and whoever has it is not disturbed
    store.close()
    opened(folder).close()


@pytest.mark.parametrize("other", [{"model": "other"}, {"dimension": 4}])
async def test_another_model_or_dimension_is_refused_naming_both(folder, other):
    opened(folder).close()
    with pytest.raises(ModelMismatchError) as refusal:
        opened(folder, **other)
    for name in ("test", "3", *map(str, other.values())):
        assert name in str(refusal.value)
    opened(folder).close()  # nothing is left open or changed


SHARDS = ["registry", "turns", "memories"]  # in the order of their making


@pytest.mark.parametrize("made", [0, 2, 3])
async def test_a_first_open_that_was_interrupted_is_taken_up_again(folder, made):
    store = opened(folder)
    store._folder.registry.write(UpdateOperation.delete_points([METADATA]))
    store.close()
    for name in SHARDS[made:]:  # what a kill leaves of one, and of the next nothing
        for part in ("wal", "edge_config.json"):
            remove(folder / name / part)
    for name in SHARDS[made + 1 :]:
        remove(folder / name)

    store = opened(folder)
    await store.put_memories(ALICE, [entry()])
    assert await ids(store) == {"m"}
    store.close()
    with pytest.raises(ModelMismatchError):
        opened(folder, model="other")


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


@pytest.mark.parametrize(
    "state", ["registry", "registry/segments/*", "turns/wal", "memories/segments/*"]
)
def test_a_kill_amid_the_first_open_leaves_a_folder_that_opens(folder, state):
    command = f"from {__name__} import opened, Path; opened(Path({str(folder)!r}))"
    with subprocess.Popen([sys.executable, "-c", command]) as child:
        while not any(folder.glob(state)):
            time.sleep(0.0005)  # the state shows on the disk alone
        child.send_signal(signal.SIGKILL)
    opened(folder).close()


async def test_memories_without_the_record_of_their_model_are_not_opened(folder):
    store = opened(folder)
    await store.put_memories(ALICE, [entry()])
    store.close()
    shutil.rmtree(folder / "registry")
    with pytest.raises(StartupError, match="lost"):
        opened(folder)


def test_a_damaged_folder_is_named(folder):
    opened(folder).close()
    (folder / "turns" / "edge_config.json").write_text("{")
    with pytest.raises(StartupError, match=str(folder / "turns")):
        opened(folder)


def test_a_folder_that_cannot_be_made_is_named(folder):
    folder.write_text("a file")
    with pytest.raises(StartupError, match=str(folder)):
        opened(folder)


def holding(folder, text):
    """The files, but for the write-ahead logs, in which the text can be read."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "wal" and text.encode() in path.read_bytes()
    ]


async def test_compacting_keeps_everything_and_leaves_nothing_of_what_was_deleted(folder):
    store = opened(folder)
    secret = "correct horse battery"
    await store.put_memories(ALICE, [entry("kept", words="zebra", vector=[1, 0, 0])])
    await store.put_memories(
        BOB, [entry("gone", BOB, text=secret, words="zebra", vector=[1, 0, 0])]
    )
    await store.put_turn(ALICE, turn())
    await store.put_turn(BOB, turn("b", BOB, preceding=secret))
    await store.erase(BOB)
    assert {path.relative_to(folder).parts[0] for path in holding(folder, secret)} == {
        "turns",
        "memories",
    }
    store.compact()
    assert holding(folder, secret) == []
    [hit] = await store.search(ALICE, search("zebra", [1, 0, 0]))
    assert hit.memory == memory("kept")
    assert hit.dense == pytest.approx(1)
    assert hit.lexical is not None
    assert await store.get_turns(ALICE, "c", 9) == [turn()]
    await store.put_memories(ALICE, [entry("new")])
    store.close()
    store = opened(folder)
    assert await ids(store) == {"kept", "new"}
    store.close()


async def test_opening_compacts_once_the_greater_part_is_deleted_and_says_so(folder):
    store = opened(folder)
    keys = [str(n) for n in range(1300)]
    await store.put_memories(ALICE, [entry(key, words="zebra") for key in keys])
    await store.delete_memories(ALICE, keys[:600])
    store.close()
    said: list[str] = []
    store = opened(folder, progress=said.append)
    assert said == []
    await store.delete_memories(ALICE, keys[600:1200])
    store.close()
    opened(folder, progress=said.append).close()
    assert len(said) == 1
    store = opened(folder, progress=said.append)
    assert len(said) == 1
    assert await ids(store) == set(keys[1200:])
    store.close()


async def test_the_write_ahead_log_does_not_grow_for_ever(folder):
    store = opened(folder)
    said = Message(role="user", content="x" * 2**20, time=1)
    for n in range(140):
        await store.put_turn(ALICE, turn(str(n), messages=(said,)))
    assert len(list((folder / "turns" / "wal").glob("closed-*"))) <= 2
    store.close()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = opened(tmp_path_factory.mktemp("edge"))
    yield store
    store.close()


async def test_a_point_of_another_scope_is_dropped_and_reported(store):
    await store.put_memories(ALICE, [entry(key, text="private", words="zebra") for key in "ab"])
    point = memory_point(ALICE, "a")
    store._memories.write(UpdateOperation.set_payload([point], {"user": "mallory"}))
    with structlog.testing.capture_logs() as logs:
        assert [each.id for each in await store.get_memories(ALICE, ["a", "b"])] == ["b"]
    assert [(line["log_level"], line["point"]) for line in logs] == [("error", str(point))]
    assert "private" not in str(logs)


async def test_a_vector_of_another_dimension_is_refused_and_nothing_written(store):
    with pytest.raises(StoreError):
        await store.put_memories(
            BOB, [entry("a", BOB, vector=[1, 0, 0]), entry("b", BOB, vector=[1, 0])]
        )
    assert await ids(store, scope=BOB) == set()
    with pytest.raises(StoreError):
        await store.search(BOB, search("x", [1, 0]))


@pytest.mark.parametrize(
    ("words", "question"),
    [
        ("my dogs were running", "does a dog run"),
        ("Das Café in München", "café münchen"),
        ("我住在柏林", "柏林"),
        ("私はベルリンに住んでいます", "ベルリン"),
    ],
)
async def test_words_are_found_in_another_form_and_in_any_script(store, words, question):
    scope = Scope("scripts", words)
    await store.put_memories(
        scope, [entry("a", scope, words=words), entry("b", scope, words="unlike it")]
    )
    hits = await store.search(scope, search(question))
    assert [hit.memory.id for hit in hits] == ["a"]


async def test_a_very_long_question_is_searched_by_its_beginning(store):
    scope = Scope("questions", "long")
    await store.put_memories(scope, [entry(scope=scope, words="zebra")])
    assert len(await store.search(scope, search("zebra " + "word " * 100_000))) == 1


async def test_a_store_that_fails_says_so_in_the_words_of_the_domain(folder):
    store = opened(folder)
    store.close()
    for attempt in (
        store.put_turn(ALICE, turn()),
        store.put_memories(ALICE, [entry()]),
        store.get_memories(ALICE, ["m"]),
        store.list_memories(ALICE, EVERYTHING, limit=1),
        store.search(ALICE, search("x", [1, 0, 0])),
        store.delete_memories(ALICE, ["m"]),
        store.erase(ALICE),
        store.load("t"),
        store.mark("t", TurnState.LEARNED),
        store.pending(created_before=1, limit=1),
    ):
        with pytest.raises(StoreError):
            await attempt


def test_opening_and_closing_leaves_no_descriptor_open(folder):
    process = psutil.Process()
    opened(folder).close()
    before = process.num_fds()
    for _ in range(5):
        opened(folder).close()
    assert process.num_fds() <= before
