"""With a key no file and no payload holds what was said, and without that key nothing opens."""

import base64
from contextlib import suppress
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qdrant_client import AsyncQdrantClient
from qdrant_edge import UpdateOperation

from gateway.adapters.edge import EdgeStore
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.qdrant import QdrantStore
from gateway.adapters.qdrant_collections import Layout
from gateway.adapters.records import OWN_FIELDS, RECORD, memory_point, turn_point, whose
from gateway.adapters.sealing import PLAIN, Seal, is_sealed
from gateway.adapters.spool import FileSpool
from gateway.errors import StartupError, StoreError
from gateway.memory.model import Entry
from gateway.metrics import Metrics
from tests import spooling
from tests.served import served
from tests.test_store_contract import ALICE, BOB, entry, ids, search, turn

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning"),
]

KEY, OTHER = bytes(range(32)), bytes(range(32, 64))
SETTING = "GATEWAY_ENCRYPTION_KEY"
CANARY = "Quokkahaven"  # a place, so that rules learn it


@pytest.fixture(name="tmp_path")
def _in_memory(folder):
    """Where the engine's many syncs of a new store cost nothing."""
    folder.mkdir()
    return folder


def opened(folder, *keys):
    return EdgeStore.open(folder, model="test", dimension=3, seal=Seal(keys))


async def of_server(client, *keys):
    store = QdrantStore(
        client,
        Layout(prefix="sealed-"),
        model="test",
        dimension=3,
        metrics=Metrics(),
        seal=Seal(keys),
    )
    await store.start()
    return store


def written_in(folder, text):
    """The files below a folder that hold a text in one of its usual encodings."""
    forms = {text, text.lower(), text.upper()}
    encoded = {form.encode(name) for form in forms for name in ("utf-8", "utf-16-le", "utf-32-le")}
    encoded |= {form.encode().hex().encode() for form in forms}
    for form in forms:  # in base64, by where in three bytes it begins, without its ragged ends
        for before in range(3):
            encoded.add(base64.b64encode(b"?" * before + form.encode())[4:-4])
    return [path for path in folder.rglob("*") if path.is_file() and holds(path, encoded)]


def holds(path, forms):
    """Whether a file does; the megabytes of zeros that the engine makes room with are left out."""
    written = path.read_bytes().replace(bytes(4096), b"")
    return any(form in written for form in forms)


async def asked(url, path, body):
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        response = await client.post(url + path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def told(folder, *keys):
    """A gateway over `folder` is told of the canary in every way there is; what it recalls."""
    seal = Seal(keys)
    store = EdgeStore.open(
        folder / "data", model="fake", dimension=FakeEmbedder().dimension, seal=seal
    )
    spool = FileSpool.open(folder / "data" / "spool", most=2**20, seal=seal)
    async with served(store=store, spool=spool) as it:
        said = [{"role": "user", "content": f"I live in {CANARY}."}]
        await asked(it.url, "/v1/chat/completions", {"model": "m", "user": "ann", "messages": said})
        memos = "/api/openmem/v1/"
        message = {"user_id": "ann", "conversation_id": "c", "messages": said}
        await asked(it.url, memos + "add/message", message)
        base = await asked(
            it.url,
            memos + "create/knowledgebase",
            {"knowledgebase_name": CANARY, "knowledgebase_description": f"On {CANARY}."},
        )
        file = {"name": f"{CANARY}.txt", "content": f"{CANARY} is by the sea."}
        document = {"knowledgebase_id": base["data"]["id"], "file": [file]}
        await asked(it.url, memos + "add/knowledgebase-file", document)
        await it.learned()
        question = {"user_id": "ann", "query": "Where do I live?"}
        found = await asked(it.url, memos + "search/memory", question)
    await spool.append(spooling.turn("t", text=f"I live in {CANARY}."))
    await spool.aclose()
    store.close()
    return found


async def test_no_file_holds_what_was_said(tmp_path):
    found = await told(tmp_path, KEY)
    assert CANARY in str(found)
    assert written_in(tmp_path, CANARY) == []


async def test_without_a_key_the_same_is_found_in_the_store_and_in_the_spool(tmp_path):
    await told(tmp_path)
    places = {path.relative_to(tmp_path / "data").parts[0] for path in written_in(tmp_path, CANARY)}
    assert places == {"turns", "memories", "registry", "spool"}


async def test_a_server_is_given_no_words_and_gives_back_what_was_written():
    client = AsyncQdrantClient(":memory:")
    store = await of_server(client, KEY)
    one = entry(words="zebra", vector=[1, 0, 0], text=CANARY)
    thing = Entry(kind="thing", id="1", value={"name": CANARY}, created=1, updated=1)
    said = turn(preceding=CANARY)
    await store.put_memories(ALICE, [one])
    await store.put_turn(ALICE, said)
    await store.registry.put_entry(ALICE, thing)
    for name in ("registry", "turns", "memories"):
        points, _ = await client.scroll(f"sealed-{name}", with_payload=True, limit=10)
        assert len(points) == (2 if name == "registry" else 1)
        assert CANARY not in str(points)
    assert await store.get_memories(ALICE, ["m"]) == [one.memory]
    assert await store.find_memories("acme", ["m"]) == [one.memory]
    [hit] = await store.search(ALICE, search("zebra", [1, 0, 0]))
    assert hit.memory == one.memory
    assert await ids(store) == {"m"}
    assert await store.load("t") == said
    assert await store.get_turns(ALICE, "c", 9) == [said]
    assert await store.registry.get_entries(ALICE, "thing", ["1"]) == [thing]
    assert await store.registry.all_entries(ALICE, limit=9) == ([thing], 1)
    await store.aclose()


@pytest.mark.parametrize("keys", [(), (OTHER,)], ids=["no key", "another"])
async def test_a_server_s_records_need_the_key(keys):
    client = AsyncQdrantClient(":memory:")
    await of_server(client, KEY)
    with pytest.raises(StartupError, match=SETTING):
        await of_server(client, *keys)
    rotated = await of_server(client, OTHER, KEY)
    assert rotated.down == ""
    with pytest.raises(StartupError, match=SETTING):  # both keys are needed from then on
        await of_server(client, KEY)


@pytest.mark.parametrize("keys", [(), (OTHER,)], ids=["no key", "another"])
async def test_a_folder_refuses_to_start_without_its_key_and_stays_as_it_is(tmp_path, keys):
    store = opened(tmp_path, KEY)
    await store.put_memories(ALICE, [entry()])
    store.close()
    with pytest.raises(StartupError, match=SETTING) as caught:
        opened(tmp_path, *keys)
    assert str(caught.value).isprintable()
    store = opened(tmp_path, KEY)
    assert await ids(store) == {"m"}
    store.close()


async def test_a_new_key_seals_and_the_old_one_still_opens(tmp_path):
    store = opened(tmp_path, KEY)
    await store.put_memories(ALICE, [entry("old")])
    store.close()
    store = opened(tmp_path, OTHER, KEY)
    await store.put_memories(ALICE, [entry("new")])
    assert await ids(store) == {"old", "new"}
    store.close()
    for alone in (KEY, OTHER):
        with pytest.raises(StartupError, match=SETTING):
            opened(tmp_path, alone)


async def test_what_was_written_before_there_was_a_key_stays_readable(tmp_path):
    store = opened(tmp_path)
    await store.put_memories(ALICE, [entry("plain", words="zebra")])
    await store.put_turn(ALICE, turn())
    store.close()
    store = opened(tmp_path, KEY)
    await store.put_memories(ALICE, [entry("later", words="zebra")])
    assert await ids(store) == {"plain", "later"}
    assert await store.load("t") == turn()
    assert len(await store.search(ALICE, search("zebra"))) == 2
    points = {key: memory_point(ALICE, key) for key in ("plain", "later")}
    read = store._memories.retrieve(points.values(), OWN_FIELDS)
    assert not is_sealed(read[points["plain"]][RECORD])
    assert is_sealed(read[points["later"]][RECORD])
    store.close()


def spoilt(shard, point: UUID):
    """One character of a record is another."""
    sealed = shard.retrieve([point], [RECORD])[point][RECORD]
    middle = len(sealed) // 2
    changed = "A" if sealed[middle] != "A" else "B"
    record = {RECORD: sealed[:middle] + changed + sealed[middle + 1 :]}
    shard.write(UpdateOperation.set_payload([point], record))


async def test_a_record_that_was_tampered_with_is_an_error_and_costs_no_other(tmp_path):
    store = opened(tmp_path, KEY)
    await store.put_memories(ALICE, [entry("good"), entry("bad")])
    await store.put_turn(ALICE, turn())
    await store.put_turn(ALICE, turn("other"))
    spoilt(store._memories, memory_point(ALICE, "bad"))
    spoilt(store._turns, turn_point("t"))
    with pytest.raises(StoreError, match="damaged"):
        await store.get_memories(ALICE, ["bad"])
    with pytest.raises(StoreError, match="damaged"):
        await store.load("t")
    assert [each.id for each in await store.get_memories(ALICE, ["good"])] == ["good"]
    assert await store.load("other") == turn("other")
    store.close()


async def test_a_record_that_was_moved_to_another_user_does_not_open(tmp_path):
    store = opened(tmp_path, KEY)
    await store.put_memories(ALICE, [entry()])
    assert await store.get_memories(ALICE, ["m"]) == [entry().memory]  # held decoded from now on
    point = memory_point(ALICE, "m")
    [payload] = store._memories.retrieve([point], OWN_FIELDS).values()
    moved = {**payload, **whose(BOB), "id": "m"}
    store._memories.put([(memory_point(BOB, "m"), {}, moved)])
    with pytest.raises(StoreError, match="not in its place"):
        await store.get_memories(BOB, ["m"])
    store.close()


async def test_a_record_with_a_key_that_nobody_knows_is_an_error_that_names_the_setting(tmp_path):
    store = opened(tmp_path, KEY)
    await store.put_memories(ALICE, [entry()])
    point = memory_point(ALICE, "m")
    [payload] = store._memories.retrieve([point], OWN_FIELDS).values()
    foreign = Seal([OTHER]).sealed("{}", "")
    store._memories.put([(point, {}, {**payload, RECORD: foreign})])
    with pytest.raises(StoreError, match=SETTING):
        await store.get_memories(ALICE, ["m"])
    store.close()


# The spool


async def replayed(spool, *, taken=True):
    offered = []

    async def write(each):
        offered.append(each)
        return taken

    await spool.replay(write)
    return offered


@pytest.mark.parametrize("keys", [(), (OTHER,)], ids=["no key", "another"])
async def test_a_spool_refuses_to_start_without_its_key_and_loses_no_turn(tmp_path, keys):
    spool = FileSpool.open(tmp_path, most=2**20, seal=Seal([KEY]))
    await spool.append(spooling.turn("t"))
    await spool.aclose()
    with pytest.raises(StartupError, match=SETTING):
        FileSpool.open(tmp_path, most=2**20, seal=Seal(keys))
    spool = FileSpool.open(tmp_path, most=2**20, seal=Seal([OTHER, KEY]))
    assert await replayed(spool) == [spooling.turn("t")]
    await spool.aclose()


async def test_a_spool_replays_plain_lines_and_keeps_those_of_a_key_that_it_has_not(tmp_path):
    damaged: list[int] = []
    ours = FileSpool.open(tmp_path, most=2**20, damaged=damaged.append, seal=Seal([KEY]))
    for key, seal in (("plain", PLAIN), ("theirs", Seal([OTHER])), ("mine", Seal([KEY]))):
        other = FileSpool(tmp_path, most=2**20, damaged=damaged.append, seal=seal)
        await other.append(spooling.turn(key))
        await other.aclose()
    assert [each.id for each in await replayed(ours)] == ["plain", "mine"]
    assert (len(ours), damaged) == (1, [])
    await ours.aclose()
    theirs = FileSpool.open(tmp_path, most=2**20, seal=Seal([OTHER]))
    assert [each.id for each in await replayed(theirs)] == ["theirs"]
    await theirs.aclose()


async def test_a_line_that_was_torn_within_its_mark_is_dropped_and_counted(tmp_path):
    spool = FileSpool.open(tmp_path, most=2**20, seal=Seal([KEY]))
    await spool.append(spooling.turn("whole"))
    await spool.append(spooling.turn("torn"))
    await spool.aclose()
    [file] = tmp_path.glob("*.spool")
    written = file.read_bytes()
    file.write_bytes(written[: written.rindex(b"sealed:") + len("sealed:ab")])
    damaged: list[int] = []
    spool = FileSpool.open(tmp_path, most=2**20, damaged=damaged.append, seal=Seal([KEY]))
    assert [each.id for each in await replayed(spool)] == ["whole"]
    assert damaged == [1]
    await spool.aclose()


# A seal by itself


@given(text=st.text(st.characters(exclude_categories=["Cs"])), whose=st.text(max_size=9))
def test_any_text_opens_as_it_was_sealed_and_no_two_look_alike(text, whose):
    seal = Seal([KEY, OTHER])
    once, again = seal.sealed(text, whose), seal.sealed(text, whose)
    assert once != again
    assert seal.opened(once, whose) == text
    assert Seal([KEY]).opened(once, whose) == text  # the first seals


@given(text=st.text(st.characters(exclude_categories=["Cs"])), data=st.data())
def test_what_was_changed_opens_to_nothing_else(text, data):
    seal = Seal([KEY])
    sealed = seal.sealed(text, "ann")
    place = data.draw(st.integers(len("sealed:"), len(sealed) - 1))
    other = data.draw(st.characters().filter(lambda each: each != sealed[place]))
    with suppress(StoreError):  # the last character has bits that base64 makes nothing of
        assert seal.opened(sealed[:place] + other + sealed[place + 1 :], "ann") == text
    for shorter in (sealed[:place], sealed[: len("sealed:")]):
        with pytest.raises(StoreError):
            seal.opened(shorter, "ann")


def test_without_a_key_a_text_stays_as_it_is():
    text = '{"a": 1}'
    assert PLAIN.sealed(text, "ann") is text
    assert PLAIN.opened(text, "ann") is text
