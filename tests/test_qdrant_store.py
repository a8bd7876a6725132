"""What a store in a Qdrant server promises beyond the contract: its making, model and calls."""

import asyncio

import pytest
import structlog

from gateway.adapters.qdrant import QdrantStore, server_client
from gateway.adapters.qdrant_calls import CallTimeouts
from gateway.adapters.qdrant_collections import OLDEST, Layout, remove
from gateway.adapters.schema import MEMORY_INDEXES, METADATA, TURN_INDEXES
from gateway.errors import ModelMismatchError, StartupError, StoreError
from gateway.memory.model import TurnState
from gateway.metrics import Metrics
from tests.qdrant_process import Qdrant, qdrant
from tests.test_store_contract import ALICE, BOB, EVERYTHING, entry, ids, search, turn

pytestmark = [pytest.mark.anyio, pytest.mark.process]


@pytest.fixture(scope="module")
def front():
    with qdrant() as process:
        yield process


@pytest.fixture
async def opened(front):
    """Opens stores in collections of this test's own, which are closed and removed after it."""
    stores, prefix = [], "own-"

    async def opened(url=front.url, api_key="", layout=None, **changes):
        parts = {"model": "test", "dimension": 3, "metrics": Metrics(), **changes}
        layout = layout or Layout(prefix=prefix)
        store = QdrantStore(server_client(url, api_key), layout, **parts)
        stores.append(store)
        await store.start()
        return store

    front.fault()
    yield opened
    front.fault()
    for store in stores:
        await store.aclose()
    client = server_client(front.url)
    await remove(client, prefix)
    await client.close()


# Its collections


async def test_the_collections_have_every_index_and_strict_mode_before_the_first_write(opened):
    store = await opened(layout=Layout(prefix="own-", shards=3, replicas=2, write_consistency=2))
    for name, indexes in (("turns", TURN_INDEXES), ("memories", MEMORY_INDEXES)):
        info = await store._client.get_collection(f"own-{name}")
        assert info.payload_schema.keys() == indexes.keys()
        assert info.payload_schema["owner"].params.is_tenant
        strict = info.config.strict_mode_config
        assert strict.enabled
        assert strict.unindexed_filtering_retrieve is False
        assert strict.unindexed_filtering_update is False
        params = info.config.params
        assert (params.shard_number, params.replication_factor) == (3, 2)
        assert params.write_consistency_factor == 2


@pytest.mark.parametrize("left", range(0, 18, 3))
async def test_a_making_that_was_interrupted_is_taken_up_again(front, opened, left):
    front.fault({"times": 4 + left}, {"status": 500})  # so many requests are answered rightly
    store = await opened(timeouts=CallTimeouts(read=1))
    assert store.down == "failing"
    front.fault()
    again = await opened()
    await again.put_memories(ALICE, [entry(words="zebra", vector=[1, 0, 0])])
    assert await ids(again) == {"m"}
    schema = (await again._client.get_collection("own-memories")).payload_schema
    assert schema.keys() == MEMORY_INDEXES.keys()


async def test_several_that_come_first_at_once_make_one_store(opened):
    stores = await asyncio.gather(*(opened() for _ in range(8)))
    assert [store.down for store in stores] == [""] * 8
    await stores[0].put_memories(ALICE, [entry()])
    assert await ids(stores[7]) == {"m"}


async def test_of_two_models_that_come_first_at_once_one_is_refused(opened):
    models = ["one", "other"] * 3
    made = await asyncio.gather(*(opened(model=model) for model in models), return_exceptions=True)
    refused = {model for model, each in zip(models, made, strict=True) if _mismatch(each)}
    assert len(refused) == 1


def _mismatch(outcome):
    return isinstance(outcome, ModelMismatchError)


@pytest.mark.parametrize("other", [{"model": "other"}, {"dimension": 4}])
async def test_another_model_or_dimension_is_refused_naming_both(opened, other):
    await opened()
    with pytest.raises(ModelMismatchError) as refusal:
        await opened(**other)
    for name in ("test", "3", *map(str, other.values())):
        assert name in str(refusal.value)


async def test_memories_without_the_record_of_their_model_are_not_used(opened):
    store = await opened()
    await store.put_memories(ALICE, [entry()])
    await store._client.delete("own-registry", [str(METADATA)])
    with pytest.raises(StartupError, match="lost"):
        await opened()


@pytest.mark.parametrize(("version", "fits"), [("1.18.3", False), ("1.19.0", True), ("dev", None)])
async def test_a_server_that_is_too_old_is_refused(version, fits):
    with qdrant("--version", version) as old:
        store = QdrantStore(
            server_client(old.url),
            Layout(prefix="own-"),
            model="test",
            dimension=3,
            metrics=Metrics(),
        )
        try:
            if fits:
                await store.start()
                assert store.down == ""
            else:
                with pytest.raises(StartupError, match=r"version|" + ".".join(map(str, OLDEST))):
                    await store.start()
        finally:
            await store.aclose()


async def test_collections_that_are_lost_are_made_anew(opened):
    store = await opened()
    await store.put_memories(ALICE, [entry()])
    await remove(store._client, "own-")
    with pytest.raises(StoreError) as lost:
        await ids(store)
    assert lost.value.reason == "missing"
    async with asyncio.timeout(10):
        while store.down:  # noqa: ASYNC110  the server's own time
            await asyncio.sleep(0.01)
    assert await ids(store) == set()
    await store.put_memories(ALICE, [entry()])
    assert await ids(store) == {"m"}


async def test_what_was_written_is_there_after_the_server_s_restart(tmp_path):
    with qdrant("--path", str(tmp_path)) as server:
        store = QdrantStore(
            server_client(server.url),
            Layout(prefix="own-"),
            model="test",
            dimension=3,
            metrics=Metrics(),
        )
        await store.start()
        await store.put_memories(ALICE, [entry(words="zebra", vector=[1, 0, 0])])
        await store.put_turn(ALICE, turn())
        server.kill()
        for _ in range(3):
            with pytest.raises(StoreError):
                await store.load("t")
        server.start()
        async with asyncio.timeout(20):
            while store.down:  # noqa: ASYNC110  another process's return
                await asyncio.sleep(0.01)
        assert await store.load("t") == turn()
        [hit] = await store.search(ALICE, search("zebra", [1, 0, 0]))
        assert hit.dense == pytest.approx(1)
        await store.aclose()


# Its calls


async def test_the_key_goes_with_every_call_and_a_wrong_one_is_told():
    with qdrant("--api-key", "s3cret") as locked:
        for key, down in (("s3cret", ""), ("wrong", "unauthorised"), ("", "unauthorised")):
            store = QdrantStore(
                server_client(locked.url, key),
                Layout(prefix="own-"),
                model="test",
                dimension=3,
                metrics=Metrics(),
            )
            with structlog.testing.capture_logs() as logs:
                await store.start()
            assert store.down == down
            assert "s3cret" not in str(logs)
            await store.aclose()


async def test_a_vector_of_another_dimension_is_refused_and_nothing_written(opened):
    store = await opened()
    with pytest.raises(StoreError):
        await store.put_memories(
            BOB, [entry("a", BOB, vector=[1, 0, 0]), entry("b", BOB, vector=[1, 0])]
        )
    assert await ids(store, scope=BOB) == set()
    with pytest.raises(StoreError) as refusal:
        await store.search(BOB, search("x", [1, 0]))
    assert refusal.value.reason == "refused"
    assert store.down == ""  # nothing is wrong with the server


async def test_a_failure_says_nothing_of_what_was_stored(front, opened):
    store = await opened()
    secret = "correct horse battery"
    front.fault({"status": 500, "body": f'{{"status": {{"error": "cannot store {secret}"}}}}'})
    with structlog.testing.capture_logs() as logs:
        for attempt in (
            store.put_turn(ALICE, turn(preceding=secret)),
            store.put_memories(ALICE, [entry(text=secret)]),
            store.search(ALICE, search(secret, [1, 0, 0])),
        ):
            with pytest.raises(StoreError) as failure:
                await attempt
            assert failure.value.reason == "failing"
            assert "horse" not in str(failure.value)
            assert failure.value.__cause__ is None
    assert "horse" not in str(logs)


async def test_every_call_to_a_server_that_is_absent_fails_at_once_with_the_reason(opened):
    store = await opened(url=Qdrant().url)
    for attempt in (
        store.put_turn(ALICE, turn()),
        store.put_memories(ALICE, [entry()]),
        store.revise_memories(ALICE, [entry()], ()),
        store.get_memories(ALICE, ["m"]),
        store.list_memories(ALICE, EVERYTHING, limit=1),
        store.search(ALICE, search("x", [1, 0, 0])),
        store.delete_memories(ALICE, ["m"]),
        store.erase(ALICE),
        store.load("t"),
        store.mark("t", TurnState.LEARNED),
        store.pending(created_before=1, limit=1),
        store.parked(limit=1),
        store.backlog(),
    ):
        async with asyncio.timeout(0.1):
            with pytest.raises(StoreError) as failure:
                await attempt
        assert failure.value.reason == "unreachable"


async def test_a_search_is_one_question_whatever_it_finds(front, opened):
    store = await opened()
    await store.put_memories(
        ALICE, [entry(str(n), words=f"zebra {n}", vector=[1, n, 0]) for n in range(100)]
    )
    before = sum(front.asked().values())
    hits = await store.search(ALICE, search("zebra", [1, 0, 0], limit=20))
    assert len(hits) >= 20
    assert all(hit.dense is not None and hit.lexical is not None for hit in hits)
    assert sum(front.asked().values()) - before == 1


async def test_connections_are_kept_open_between_calls(opened):
    store = await opened()
    pool = store._client.http.client._async_client._transport._pool
    [connection] = pool.connections
    for _ in range(5):
        await store.load("t")
    assert pool.connections == [connection]
