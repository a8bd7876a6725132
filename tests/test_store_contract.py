"""What every store promises, whichever engine is underneath: see `Store` and `Outbox`."""

import itertools
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qdrant_client import AsyncQdrantClient

from gateway.adapters.edge import EdgeStore
from gateway.adapters.fake_store import FakeStore
from gateway.adapters.qdrant import QdrantStore, server_client
from gateway.adapters.qdrant_collections import Layout, remove
from gateway.adapters.sealing import Seal
from gateway.errors import StoreError
from gateway.memory.filters import matches, parse
from gateway.memory.model import (
    Ending,
    Entry,
    Holder,
    Indexed,
    Kind,
    Labels,
    Memory,
    Message,
    Scope,
    Source,
    Speaker,
    Status,
    Turn,
    TurnState,
)
from gateway.memory.ports import Backlog, Parked, Search, Selection
from gateway.metrics import Metrics
from tests.filtering import contents, expressions
from tests.qdrant_process import qdrant

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning"),
]

# A real server to try as well, in collections of our own that are removed again.
SERVER = os.environ.get("GATEWAY_TEST_QDRANT_URL", "")
SERVER_KEY = os.environ.get("GATEWAY_TEST_QDRANT_API_KEY", "")

ALICE = Scope("acme", "alice")
OTHER_ALICES = [Scope("acme", "alice", holder) for holder in Holder if holder is not Holder.USER]
BOB = Scope("acme", "bob")
ELSEWHERE = Scope("globex", "alice")
NEIGHBOURS = [BOB, ELSEWHERE]

EVERYTHING = Selection(kinds=frozenset(Kind), statuses=frozenset(Status))
MANY = 1000

users = itertools.count()
shared = settings(
    max_examples=60,
    deadline=None,
    # The examples of a test share its store, each with a user of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    store = EdgeStore.open(tmp_path_factory.mktemp("edge"), model="test", dimension=3)
    yield store
    store.close()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """Edge again, with every record sealed."""
    folder = tmp_path_factory.mktemp("sealed")
    store = EdgeStore.open(folder, model="test", dimension=3, seal=Seal([b"k" * 32]))
    yield store
    store.close()


@pytest.fixture(scope="module")
def front():
    with qdrant() as process:
        yield process.url, "", "contract-"


@pytest.fixture(scope="module")
def server():
    prefix = f"contract-{uuid4().hex[:12]}-"
    yield SERVER, SERVER_KEY, prefix

    async def tidy_up():
        client = server_client(SERVER, SERVER_KEY)
        await remove(client, prefix)
        await client.close()

    anyio.run(tidy_up)


async def opened(client, prefix):
    """A store in a Qdrant server, or in what stands for one."""
    layout, metrics = Layout(prefix=prefix), Metrics()
    store = QdrantStore(client, layout, model="test", dimension=3, metrics=metrics)
    await store.start()
    assert store.down == ""
    return store


@asynccontextmanager
async def made(request, kind):
    if kind == "fake":
        yield FakeStore()
    elif kind in {"edge", "sealed"}:
        yield request.getfixturevalue(kind)
    elif kind == "memory":
        store = await opened(AsyncQdrantClient(":memory:"), "contract-")
        yield store
        await store.aclose()
    else:
        url, key, prefix = request.getfixturevalue(kind)
        store = await opened(server_client(url, key), prefix)
        try:
            yield store
        finally:
            await store.aclose()


KINDS = ["fake", "edge", "sealed", "memory", "front", *(["server"] if SERVER else [])]


@pytest.fixture(params=KINDS)
async def store(request):
    async with made(request, request.param) as store:
        yield store
        for scope in (ALICE, *NEIGHBOURS, *OTHER_ALICES):
            await store.erase(scope)


def memory(key="m", scope=ALICE, **changes):
    record = Memory(
        id=key,
        scope=scope,
        kind=Kind.FACT,
        text=f"text of {key}",
        speaker=Speaker.USER,
        conversation="c",
        time=1,
        created=1,
        updated=1,
        sources=(),
    )
    return replace(record, **changes)


def entry(key="m", scope=ALICE, *, words="", vector=None, **changes):
    return Indexed(memory=memory(key, scope, **changes), words=words, vector=vector)


def turn(key="t", scope=ALICE, **changes):
    said = Message(role="user", content="I moved to Lisbon", time=1)
    record = Turn(id=key, scope=scope, conversation="c", messages=(said,), created=1)
    return replace(record, **changes)


def search(words="", vector=None, *, selection=EVERYTHING, limit=10):
    return Search(selection=selection, words=words, vector=vector, limit=limit)


async def ids(store, selection=EVERYTHING, scope=ALICE):
    listed, _ = await store.list_memories(scope, selection, limit=MANY)
    return {each.id for each in listed}


# Turns


async def test_a_turn_is_read_as_it_was_written(store):
    written = turn(
        messages=(
            Message(
                role="assistant",
                content=None,
                time=5,
                name="n",
                extra={"tool_calls": [{"id": "1", "function": {"arguments": "{}"}}]},
            ),
            Message(role="tool", content=[{"type": "text", "text": "x"}, {"a": None}], time=6),
        ),
        created=7,
        preceding="before",
        refs=("r1", "r2"),
        labels=Labels(agent_id="a", app_id="p", tags=("x", "y"), info={"k": [1, {"b": None}]}),
        ending=Ending.CLIENT_GONE,
        state=TurnState.PARKED,
        attempts=3,
        error="why",
    )
    await store.put_turn(ALICE, written)
    assert await store.get_turns(ALICE, "c", 10) == [written]
    assert await store.load("t") == written


json_text = st.text(st.characters(), max_size=8)  # lone surrogates as well
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | json_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(json_text, inner, max_size=4),
    max_leaves=20,
)


@shared
@given(content=json_values, extra=st.dictionaries(json_text, json_values, max_size=3))
async def test_any_json_of_a_message_survives(store, content, extra):
    said = Message(role="user", content=content, time=1, extra=extra)
    await store.put_turn(ALICE, turn(messages=(said,)))
    [read] = await store.get_turns(ALICE, "c", 1)
    assert repr(read.messages) == repr((said,))  # by repr, for 1 equals 1.0 and True


async def test_a_turn_of_the_same_id_is_replaced(store):
    await store.put_turn(ALICE, turn())
    changed = turn(conversation="d", created=2)
    await store.put_turn(ALICE, changed)
    assert await store.get_turns(ALICE, "c", 10) == []
    assert await store.get_turns(ALICE, "d", 10) == [changed]


async def test_a_turn_of_another_scope_is_refused(store):
    with pytest.raises(ValueError, match="scope"):
        await store.put_turn(ALICE, turn(scope=BOB))
    assert await store.load("t") is None


@pytest.mark.parametrize("other", NEIGHBOURS)
async def test_a_turn_cannot_take_the_place_of_anothers(store, other):
    await store.put_turn(ALICE, turn())
    with pytest.raises(StoreError):
        await store.put_turn(other, turn(scope=other))
    assert await store.load("t") == turn()


async def test_the_latest_turns_of_a_conversation_come_oldest_first(store):
    for key, created in {"a": 3, "b": 1, "c": 2, "d": 4}.items():
        await store.put_turn(ALICE, turn(key, created=created))
    await store.put_turn(ALICE, turn("other", created=9, conversation="d"))
    assert [each.id for each in await store.get_turns(ALICE, "c", 3)] == ["c", "a", "d"]
    assert await store.get_turns(ALICE, "c", 0) == []
    assert await store.get_turns(ALICE, "unknown", 3) == []


@pytest.mark.parametrize("other", [*NEIGHBOURS, *OTHER_ALICES])
async def test_turns_of_another_scope_are_not_read(store, other):
    await store.put_turn(ALICE, turn())
    assert await store.get_turns(other, "c", 10) == []


@pytest.mark.parametrize("other", [*NEIGHBOURS, *OTHER_ALICES])
async def test_the_turns_of_a_conversation_are_counted_by_their_states(store, other):
    for key, state in zip("abcd", ["pending", "learned", "learned", "parked"], strict=True):
        await store.put_turn(ALICE, turn(key, state=TurnState(state)))
    await store.put_turn(ALICE, turn("e", conversation="d"))
    await store.put_turn(other, turn("f", other))
    counted = await store.turn_states(ALICE, "c")
    assert counted == {TurnState.PENDING: 1, TurnState.LEARNED: 2, TurnState.PARKED: 1}
    assert await store.turn_states(ALICE, "d") == {TurnState.PENDING: 1}
    assert await store.turn_states(ALICE, "unknown") == {}


# The outbox


async def test_a_turn_is_found_by_any_of_its_names_and_the_latest_wins(store):
    await store.put_turn(ALICE, turn("a", refs=("x", "y"), created=1))
    await store.put_turn(ALICE, turn("b", refs=("y", "z"), created=2))
    assert (await store.find_turn(ALICE, ["x"])).id == "a"
    assert (await store.find_turn(ALICE, ["x", "y"])).id == "b"
    assert (await store.find_turn(ALICE, ["z\ud800", "z"])).id == "b"
    assert await store.find_turn(ALICE, ["other"]) is None
    assert await store.find_turn(ALICE, []) is None


@pytest.mark.parametrize("other", NEIGHBOURS)
async def test_a_turn_of_another_scope_is_not_found_by_its_name(store, other):
    await store.put_turn(other, turn(scope=other, refs=("x",)))
    assert await store.find_turn(ALICE, ["x"]) is None


async def test_a_turn_that_is_marked_has_its_new_state(store):
    await store.put_turn(ALICE, turn())
    await store.mark("t", TurnState.PARKED, attempts=2, error="no \ud800 model")
    marked = await store.load("t")
    assert (marked.state, marked.attempts) == (TurnState.PARKED, 2)
    assert marked.error.startswith("no ")
    assert marked.messages == turn().messages


async def test_a_turn_that_is_gone_stays_gone_when_it_is_marked(store):
    await store.put_turn(ALICE, turn())
    await store.erase(ALICE)
    await store.mark("t", TurnState.LEARNED)
    assert await store.load("t") is None
    assert await store.get_turns(ALICE, "c", 10) == []
    assert await store.pending(created_before=MANY, limit=10) == []


async def test_with_a_merit_the_best_of_both_arms_are_returned(store):
    texts = ["heron", "heron heron lighthouse", "harbour", "lighthouse", "ferry"]
    vectors = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.9, 0.1, 0.0]]
    entries = [
        entry(text, words=text, vector=vector)
        for text, vector in zip(texts, [*vectors, None, None], strict=True)
    ]
    await store.put_memories(ALICE, entries)

    async def best(merit):
        wanted = Selection(kinds=frozenset(Kind))
        query = Search(
            selection=wanted, words="heron lighthouse", vector=vectors[0], limit=2, merit=merit
        )
        return {hit.memory.id for hit in await store.search(ALICE, query)}

    assert await best(lambda dense, _lexical: dense or 0.0) == {"heron", "harbour"}
    assert "heron heron lighthouse" in await best(lambda _dense, lexical: lexical or 0.0)
    assert len(await best(lambda _dense, lexical: lexical or 0.0)) == 2


async def test_a_turn_that_was_replaced_meanwhile_is_not_marked(store):
    await store.put_turn(ALICE, turn(created=1000))
    await store.put_turn(ALICE, turn(created=2000))
    await store.mark("t", TurnState.LEARNED, created=1000)
    assert (await store.load("t")).state is TurnState.PENDING
    await store.mark("t", TurnState.LEARNED, created=2000)
    assert (await store.load("t")).state is TurnState.LEARNED


async def test_marking_one_turn_leaves_the_others(store):
    for key in "ab":
        await store.put_turn(ALICE, turn(key))
    await store.mark("a", TurnState.LEARNED)
    assert await store.pending(created_before=MANY, limit=10) == ["b"]


async def test_pending_turns_of_all_scopes_come_oldest_first(store):
    for key, scope, created in [("a", BOB, 3), ("b", ALICE, 1), ("c", ELSEWHERE, 2)]:
        await store.put_turn(scope, turn(key, scope, created=created))
    for state in (TurnState.LEARNED, TurnState.PARKED):
        await store.put_turn(ALICE, turn(str(state), created=0, state=state))
    assert await store.pending(created_before=4, limit=10) == ["b", "c", "a"]
    assert await store.pending(created_before=3, limit=10) == ["b", "c"]
    assert await store.pending(created_before=4, limit=2) == ["b", "c"]


async def test_pending_turns_of_one_moment_come_by_id_and_none_is_left_out(store):
    for key in "hagbfced":
        await store.put_turn(ALICE, turn(key, created=5))
    assert await store.pending(created_before=6, limit=3) == ["a", "b", "c"]
    assert await store.pending(created_before=6, limit=MANY) == list("abcdefgh")
    assert await store.pending(created_before=5, limit=MANY) == []


async def test_parked_turns_of_all_scopes_come_oldest_first_with_their_reason(store):
    for key, scope, created in [("a", BOB, 3), ("b", ALICE, 1), ("c", ELSEWHERE, 2)]:
        await store.put_turn(scope, turn(key, scope, created=created))
        await store.mark(key, TurnState.PARKED, attempts=created, error=f"why {key}")
    await store.put_turn(ALICE, turn("pending", created=0))
    await store.put_turn(ALICE, turn("learned", created=0, state=TurnState.LEARNED))
    expected = [
        Parked(id=key, created=created, attempts=created, error=f"why {key}")
        for key, created in (("b", 1), ("c", 2), ("a", 3))
    ]
    assert await store.parked(limit=10) == expected
    assert await store.parked(limit=2) == expected[:2]


async def test_the_backlog_counts_what_is_not_learned_and_knows_the_oldest(store):
    assert await store.backlog() == Backlog(pending=0, parked=0, oldest=None)
    long_ago = 1_700_000_000_123
    for key, scope, created in [("a", BOB, long_ago + 1), ("b", ALICE, long_ago)]:
        await store.put_turn(scope, turn(key, scope, created=created))
    await store.put_turn(ALICE, turn("parked", created=1, state=TurnState.PARKED))
    await store.put_turn(ALICE, turn("learned", created=1, state=TurnState.LEARNED))
    assert await store.backlog() == Backlog(pending=2, parked=1, oldest=long_ago)


async def test_all_turns_of_a_scope_come_latest_first_page_by_page(store):
    await store.put_turn(BOB, turn("b", BOB))
    for number in range(5):
        await store.put_turn(ALICE, turn(f"t{number}", created=number, conversation=f"c{number}"))
    pages = [await store.list_turns(ALICE, limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [[t.id for t in page] for page, _ in pages] == [["t4", "t3"], ["t2", "t1"], ["t0"], []]
    assert [total for _, total in pages] == [5, 5, 5, 5]


async def test_a_turn_is_found_by_its_id_in_its_project_alone(store):
    await store.put_turn(BOB, turn("b", BOB, public=True, bases=("b1", "b2")))
    assert await store.get_turn("acme", "b") == turn("b", BOB, public=True, bases=("b1", "b2"))
    assert await store.get_turn("globex", "b") is None
    assert await store.get_turn("acme", "c") is None


async def test_an_unknown_turn_is_none(store):
    assert await store.load("unknown") is None


# Memories


def full_memory():
    return memory(
        kind=Kind.PREFERENCE,
        text="tea, not \ud800 coffee",
        speaker=Speaker.ASSISTANT,
        time=2,
        created=3,
        updated=4,
        sources=(
            Source(role="user", content="x", time=1, conversation="c", turn="t", name="n"),
            Source(role="assistant", content="y", time=2, conversation="d", turn="u"),
        ),
        position=-5,
        attribute="likes:tea",
        explicit=False,
        instruction=True,
        reasoning="because",
        confidence=0.1 + 0.2,
        event_time=-1,
        labels=Labels(
            agent_id="a", app_id="p", tags=("x",), info={"k": 2**70, "\ud800": [1.5, None]}
        ),
        status=Status.ARCHIVED,
        supersedes=("older", "oldest"),
        superseded_by="newer",
        valid_from=10,
        valid_to=20,
    )


async def test_a_memory_is_read_as_it_was_written_with_its_history(store):
    await store.put_memories(ALICE, [Indexed(memory=full_memory(), words="tea")])
    assert await store.get_memories(ALICE, ["m"]) == [full_memory()]
    assert await store.list_memories(ALICE, EVERYTHING, limit=9) == ([full_memory()], 1)
    [hit] = await store.search(ALICE, search("tea"))
    assert hit.memory == full_memory()


async def test_a_memory_is_revised_if_it_is_still_what_was_read(store):
    await store.put_memories(ALICE, [entry("a", words="old"), entry("b", words="old")])
    held = await store.get_memories(ALICE, ["a", "b"])
    await store.put_memories(ALICE, [entry("a", words="tiger", text="tiger", updated=2)])
    revised = [entry(key, words="new", text="new", updated=3) for key in "ab"]
    await store.revise_memories(ALICE, revised, held)
    found = await store.get_memories(ALICE, ["a", "b"])
    assert [(each.text, each.updated) for each in found] == [("tiger", 2), ("new", 3)]
    assert {hit.memory.id for hit in await store.search(ALICE, search("new"))} == {"b"}
    assert {hit.memory.id for hit in await store.search(ALICE, search("tiger"))} == {"a"}


async def test_a_memory_that_was_not_held_is_only_added(store):
    await store.put_memories(ALICE, [entry("a", vector=[1, 0, 0])])
    await store.revise_memories(ALICE, [entry("a", text="new"), entry("b", text="new")], held=())
    found = await store.get_memories(ALICE, ["a", "b"])
    assert [each.text for each in found] == ["text of a", "new"]
    assert [h.memory.id for h in await store.search(ALICE, search("", [1, 0, 0]))] == ["a"]


async def test_a_memory_that_is_gone_is_not_revised(store):
    await store.put_memories(ALICE, [entry("a")])
    held = await store.get_memories(ALICE, ["a"])
    await store.delete_memories(ALICE, ["a"])
    await store.revise_memories(ALICE, [entry("a", updated=2)], held)
    assert await store.get_memories(ALICE, ["a"]) == []


async def test_revising_many_at_once_is_revising_each(store):
    old = [entry(str(n)) for n in range(200)]
    await store.put_memories(ALICE, old)
    held = await store.get_memories(ALICE, [each.memory.id for each in old])
    await store.revise_memories(ALICE, [entry(str(n), updated=2) for n in range(250)], held)
    found, count = await store.list_memories(ALICE, EVERYTHING, limit=MANY)
    assert count == 250
    assert {each.updated for each in found} == {2}


@pytest.mark.parametrize("other", NEIGHBOURS)
async def test_a_memory_of_another_scope_is_not_revised(store, other):
    await store.put_memories(ALICE, [entry("a")])
    held = await store.get_memories(ALICE, ["a"])
    with pytest.raises(ValueError, match="scope"):
        await store.revise_memories(other, [entry("a", updated=2)], held)
    await store.revise_memories(other, [entry("a", other, updated=2)], ())
    assert await store.get_memories(ALICE, ["a"]) == [memory("a")]
    assert [each.updated for each in await store.get_memories(other, ["a"])] == [2]


async def test_memories_come_in_the_order_asked_and_unknown_ids_are_left_out(store):
    await store.put_memories(ALICE, [entry(key) for key in "abc"])
    found = await store.get_memories(ALICE, ["c", "unknown", "a", "c"])
    assert [each.id for each in found] == ["c", "a", "c"]
    assert await store.get_memories(ALICE, []) == []


async def test_a_memory_of_the_same_id_is_replaced_with_its_vector_and_words(store):
    await store.put_memories(ALICE, [entry(words="zebra", vector=[1, 0, 0], text="old")])
    await store.put_memories(ALICE, [entry(words="lion", text="new")])
    assert [each.text for each in await store.get_memories(ALICE, ["m"])] == ["new"]
    assert (await store.list_memories(ALICE, EVERYTHING, limit=9))[1] == 1
    assert await store.search(ALICE, search("zebra", [1, 0, 0])) == []
    assert len(await store.search(ALICE, search("lion"))) == 1


async def test_nothing_is_written_when_one_memory_is_of_another_scope(store):
    with pytest.raises(ValueError, match="scope"):
        await store.put_memories(ALICE, [entry("a"), entry("b", BOB)])
    assert await ids(store) == set()
    assert await ids(store, scope=BOB) == set()


async def test_many_memories_are_written_and_erased_at_once(store):
    await store.put_memories(ALICE, [entry(str(n)) for n in range(450)])
    assert await ids(store) == {str(n) for n in range(450)}
    await store.put_memories(ALICE, [])
    assert await store.erase(ALICE) == 450
    assert await ids(store) == set()


@pytest.mark.parametrize("other", [*NEIGHBOURS, *OTHER_ALICES])
async def test_the_same_id_in_two_scopes_is_two_memories(store, other):
    for scope in (ALICE, other):
        await store.put_memories(
            scope, [entry(scope=scope, words="zebra", vector=[1, 0, 0], text=f"{scope}")]
        )
    for scope in (ALICE, other):
        mine = memory(scope=scope, text=f"{scope}")
        assert await store.get_memories(scope, ["m"]) == [mine]
        assert await store.list_memories(scope, EVERYTHING, limit=9) == ([mine], 1)
        hits = await store.search(scope, search("zebra", [1, 0, 0]))
        assert [hit.memory for hit in hits] == [mine]
    assert await store.delete_memories(other, ["m"]) == 1
    assert await store.get_memories(ALICE, ["m"]) == [memory(text=f"{ALICE}")]


async def test_what_was_changed_since_is_not_removed(store):
    await store.put_memories(ALICE, [entry(key) for key in "abc"])
    held = await store.get_memories(ALICE, ["a", "b"])
    await store.revise_memories(ALICE, [entry("b", updated=2)], held)
    await store.remove_memories(ALICE, [*held, memory("unknown")])
    assert await ids(store) == {"b", "c"}
    await store.remove_memories(ALICE, [])
    assert await ids(store) == {"b", "c"}


async def test_deleting_says_how_many_there_were(store):
    await store.put_memories(ALICE, [entry(key) for key in "abc"])
    assert await store.delete_memories(ALICE, ["a", "b", "unknown", "a"]) == 2
    assert await store.delete_memories(ALICE, ["a"]) == 0
    assert await store.delete_memories(ALICE, []) == 0
    assert await ids(store) == {"c"}


@pytest.mark.parametrize("other", [*NEIGHBOURS, *OTHER_ALICES])
async def test_erasing_removes_all_of_the_scope_and_nothing_else(store, other):
    for scope in (ALICE, other):
        await store.put_memories(
            scope, [entry(key, scope, words="zebra", vector=[1, 0, 0]) for key in "ab"]
        )
        await store.put_turn(scope, turn("-".join(scope.parts), scope))
    assert await store.erase(ALICE) == 3
    assert await store.erase(ALICE) == 0
    assert await ids(store) == set()
    assert await store.search(ALICE, search("zebra", [1, 0, 0])) == []
    assert await store.get_turns(ALICE, "c", 10) == []
    assert await ids(store, scope=other) == {"a", "b"}
    assert len(await store.get_turns(other, "c", 10)) == 1


# Lists


async def test_the_latest_said_comes_first(store):
    times = {"a": (1, 0), "b": (2, 0), "c": (2, 5), "d": (2, 5), "e": (0, 9)}
    await store.put_memories(
        ALICE, [entry(key, time=time, position=place) for key, (time, place) in times.items()]
    )
    listed, total = await store.list_memories(ALICE, EVERYTHING, limit=MANY)
    assert ([each.id for each in listed], total) == (["c", "d", "b", "a", "e"], 5)


@shared
@given(
    times=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), max_size=25),
    size=st.integers(1, 9),
)
async def test_pages_join_to_the_whole_list_whatever_is_equal(store, times, size):
    scope = Scope("pages", f"user {next(users)}")
    entries = [
        entry(f"{n:02}", scope, time=time, position=place) for n, (time, place) in enumerate(times)
    ]
    await store.put_memories(scope, entries)
    paged = []
    for offset in range(0, len(times) + size, size):
        page, total = await store.list_memories(scope, EVERYTHING, limit=size, offset=offset)
        assert total == len(times)
        paged += page
    expected = [each.memory for each in entries]
    expected.sort(key=lambda each: (-each.time, -each.position, each.id))
    assert paged == expected


async def test_a_page_of_nothing_still_has_the_total(store):
    await store.put_memories(ALICE, [entry("a")])
    assert await store.list_memories(ALICE, EVERYTHING, limit=0) == ([], 1)
    assert await store.list_memories(ALICE, EVERYTHING, limit=5, offset=7) == ([], 1)


# Selections and filters


@pytest.mark.parametrize(
    "selection",
    [Selection(kinds=frozenset()), Selection(kinds=frozenset(Kind), statuses=frozenset())],
)
async def test_an_empty_choice_is_never_everything(store, selection):
    with pytest.raises(ValueError, match="at least one"):
        await store.list_memories(ALICE, selection, limit=1)
    with pytest.raises(ValueError, match="at least one"):
        await store.search(ALICE, search("x", selection=selection))


async def test_a_selection_chooses_by_kind_status_slot_and_instruction(store):
    await store.put_memories(
        ALICE,
        [
            entry("fact"),
            entry("episode", kind=Kind.EPISODE),
            entry("archived", status=Status.ARCHIVED),
            entry("city", attribute="home.city"),
            entry("standing", kind=Kind.PREFERENCE, instruction=True),
        ],
    )
    every = frozenset(Kind)
    assert await ids(store, Selection(kinds=every)) == {"fact", "episode", "city", "standing"}
    assert await ids(store, Selection(kinds=frozenset({Kind.EPISODE}))) == {"episode"}
    archived = Selection(kinds=every, statuses=frozenset({Status.ARCHIVED}))
    assert await ids(store, archived) == {"archived"}
    assert await ids(store, Selection(kinds=every, attribute="home.city")) == {"city"}
    assert await ids(store, Selection(kinds=every, attribute="")) == {"fact", "episode", "standing"}
    assert await ids(store, Selection(kinds=every, instruction=True)) == {"standing"}
    assert await ids(store, Selection(kinds=every, instruction=False)) == {
        "fact",
        "episode",
        "city",
    }


async def test_a_selection_chooses_what_a_turn_is_among_the_sources_of(store):
    def said(*turns: str) -> tuple[Source, ...]:
        return tuple(
            Source(role="user", content="x", time=1, conversation="c", turn=each) for each in turns
        )

    await store.put_memories(
        ALICE,
        [entry("a", sources=said("t1")), entry("b", sources=said("t1", "t2")), entry("c")],
    )
    await store.put_memories(BOB, [entry("d", BOB, sources=said("t1"))])
    every = frozenset(Kind)
    assert await ids(store, Selection(kinds=every, turn="t1")) == {"a", "b"}
    assert await ids(store, Selection(kinds=every, turn="t2")) == {"b"}
    assert await ids(store, Selection(kinds=every, turn="t3")) == set()


async def test_a_search_finds_only_what_is_selected(store):
    here = {"words": "zebra", "vector": [1, 0, 0]}
    await store.put_memories(
        ALICE,
        [
            entry("a", **here),
            entry("b", **here, kind=Kind.EPISODE),
            entry("c", **here, labels=Labels(tags=("x",))),
        ],
    )
    chosen = Selection(kinds=frozenset({Kind.FACT}), where=parse({"tags": "x"}))
    hits = await store.search(ALICE, search("zebra", [1, 0, 0], selection=chosen))
    assert [hit.memory.id for hit in hits] == ["c"]


async def test_info_is_found_by_type_and_value(store):
    values = [1, 0, True, False, "1", "true", "True", "", 1.5, 2**53, 2**53 + 1, None, [1]]
    await store.put_memories(
        ALICE, [entry(str(n), labels=Labels(info={"k": value})) for n, value in enumerate(values)]
    )
    for n, value in enumerate(values[:11]):
        assert await ids(store, Selection(kinds=frozenset(Kind), where=parse({"k": value}))) == {
            str(n)
        }
    assert await ids(store, Selection(kinds=frozenset(Kind), where=parse({"k": 1.0}))) == {"0"}
    assert await ids(store, Selection(kinds=frozenset(Kind), where=parse({"other": 1}))) == set()


@pytest.mark.parametrize(
    ("op", "passing"), [("gt", "cd"), ("gte", "bcd"), ("lt", "a"), ("lte", "ab")]
)
async def test_a_range_ends_where_it_says(store, op, passing):
    await store.put_memories(
        ALICE,
        [
            entry(key, created=n, updated=n, labels=Labels(info={"k": n, "other": 2}))
            for n, key in enumerate("abcd", 1)
        ],
    )
    for field in ("create_time", "update_time", "k"):
        where = Selection(kinds=frozenset(Kind), where=parse({field: {op: 2}}))
        assert await ids(store, where) == set(passing)


@shared
@given(contents=contents, expression=expressions)
async def test_a_filter_lets_through_what_it_matches(store, contents, expression):
    scope = Scope("filters", f"user {next(users)}", Holder.PUBLIC)
    entries = [
        entry(str(n), scope, labels=labels, conversation=where, created=created, updated=updated)
        for n, (labels, where, created, updated) in enumerate(contents)
    ]
    await store.put_memories(scope, entries)
    tree = parse(expression)
    found = await ids(store, Selection(kinds=frozenset(Kind), where=tree), scope)
    assert found == {each.memory.id for each in entries if matches(tree, each.memory)}


# Searches


ANIMALS = [
    ("zebra", "a zebra grazes", [1, 0, 0]),
    ("lion", "a lion sleeps", [0, 1, 0]),
    ("both", "zebra lion", [0.6, 0.8, 0]),
    ("wordless", "", [0, 0, 1]),
    ("vectorless", "lion lion", None),
]


@pytest.fixture
async def animals(store):
    await store.put_memories(
        ALICE, [entry(key, words=words, vector=vector) for key, words, vector in ANIMALS]
    )
    return store


async def test_each_arm_scores_what_it_knows(animals):
    hits = await animals.search(ALICE, search("zebra", [1, 0, 0]))
    found = {hit.memory.id: hit for hit in hits}
    assert found.keys() == {"zebra", "lion", "both", "wordless"}
    assert found["zebra"].dense == pytest.approx(1, abs=1e-6)
    assert found["both"].dense == pytest.approx(0.6, abs=1e-6)
    assert found["lion"].dense == pytest.approx(0, abs=1e-6)
    assert found["lion"].lexical is found["wordless"].lexical is None
    assert found["zebra"].lexical > 0
    assert found["both"].lexical > 0


async def test_without_a_vector_only_the_words_are_searched(animals):
    hits = await animals.search(ALICE, search("lion"))
    assert {hit.memory.id for hit in hits} == {"lion", "both", "vectorless"}
    assert {hit.dense for hit in hits} == {None}


async def test_without_words_only_the_vector_is_searched(animals):
    for nothing in ("", "?!", "unheard"):
        hits = await animals.search(ALICE, search(nothing, [0, 0, 1]))
        assert {hit.memory.id for hit in hits} == {"zebra", "lion", "both", "wordless"}
        assert {hit.lexical for hit in hits} == {None}
    assert await animals.search(ALICE, search("")) == []


async def test_the_limit_is_that_of_each_arm_and_a_hit_has_the_scores_of_both(animals):
    hits = await animals.search(ALICE, search("lion", [1, 0, 0], limit=1))
    found = {hit.memory.id: hit for hit in hits}
    assert found.keys() == {"zebra", "vectorless"}
    assert found["zebra"].lexical is None
    assert found["vectorless"].dense is None
    hits = await animals.search(ALICE, search("zebra lion", [1, 0, 0], limit=1))
    found = {hit.memory.id: hit for hit in hits}
    assert found.keys() == {"zebra", "both"}
    assert found["zebra"].lexical > 0
    assert found["both"].dense == pytest.approx(0.6, abs=1e-6)
    assert await animals.search(ALICE, search("lion", [1, 0, 0], limit=0)) == []


async def test_a_score_does_not_depend_on_which_arm_found_it(animals):
    wide = {h.memory.id: h for h in await animals.search(ALICE, search("zebra lion", [1, 0, 0]))}
    for hit in await animals.search(ALICE, search("zebra lion", [1, 0, 0], limit=1)):
        assert hit.lexical == pytest.approx(wide[hit.memory.id].lexical)
        assert hit.dense == pytest.approx(wide[hit.memory.id].dense)


async def test_a_rare_word_counts_more_than_a_common_one(store):
    common = [entry(f"c{n}", words="zebra") for n in range(9)]
    await store.put_memories(ALICE, [*common, entry("rare", words="lion")])
    scores = {hit.memory.id: hit.lexical for hit in await store.search(ALICE, search("zebra lion"))}
    assert scores["rare"] > scores["c0"] * 2


async def test_memories_are_found_by_id_whose_ever_they_are_in_the_project(store):
    base = OTHER_ALICES[2]
    everywhere = [entry("a"), entry("b", BOB), entry("b", ELSEWHERE), entry("b", base)]
    for each in everywhere:
        await store.put_memories(each.memory.scope, [each])
    found = await store.find_memories("acme", ["b", "a", "z", "a"])
    assert [memory.id for memory in found] == ["b", "b", "a"]
    assert {memory.scope for memory in found} == {BOB, base, ALICE}
    assert await store.find_memories("globex", ["a"]) == []
    assert await store.find_memories("acme", []) == []


async def test_a_conversation_is_deleted_with_its_turns_and_memories_and_no_other(store):
    for scope in (ALICE, BOB):
        for conversation in ("c", "d"):
            key = f"{scope.user}-{conversation}"
            await store.put_turn(scope, turn(key, scope, conversation=conversation))
            await store.put_memories(scope, [entry(key, scope, conversation=conversation)])
    assert await store.delete_conversation(ALICE, "c") == 2
    assert await store.delete_conversation(ALICE, "c") == 0
    left = [(await store.list_memories(s, EVERYTHING, limit=9))[0] for s in (ALICE, BOB)]
    assert [[m.id for m in memories] for memories in left] == [["alice-d"], ["bob-c", "bob-d"]]
    turns = [(await store.list_turns(s, limit=9))[0] for s in (ALICE, BOB)]
    assert [[t.id for t in each] for each in turns] == [["alice-d"], ["bob-c", "bob-d"]]


async def test_a_selection_chooses_by_who_contributed(store):
    shared = OTHER_ALICES[1]
    await store.put_memories(
        shared,
        [
            entry(who or "none", shared, words="zebra", contributor=who)
            for who in ("alice", "bob", "")
        ],
    )
    for by, not_by, found in (
        (None, None, {"alice", "bob", "none"}),
        ("alice", None, {"alice"}),
        (None, "alice", {"bob", "none"}),
        ("alice", "alice", set()),
    ):
        selection = replace(EVERYTHING, by=by, not_by=not_by)
        assert await ids(store, selection, shared) == found
        hits = await store.search(shared, search("zebra", selection=selection))
        assert {hit.memory.id for hit in hits} == found


async def test_what_an_agent_contributed_to_others_is_erased_with_the_agent(store):
    agent = Scope("acme", "alice", Holder.AGENT)
    base = OTHER_ALICES[2]
    theirs = [
        entry("a", base, contributor=agent.contributor),
        entry("b", base, contributor="alice"),
    ]
    await store.put_memories(base, theirs)
    assert await store.erase(agent) == 1
    assert [m.id for m in (await store.list_memories(base, EVERYTHING, limit=9))[0]] == ["b"]


async def test_what_a_user_contributed_to_others_is_erased_with_the_user(store):
    base = OTHER_ALICES[2]
    theirs = [entry("a", base, contributor="alice"), entry("b", base, contributor="bob")]
    await store.put_memories(base, theirs)
    foreign = Scope("globex", "alice", Holder.BASE)
    await store.put_memories(foreign, [entry("f", foreign, contributor="alice")])
    assert await store.erase(Scope("acme", "alice", Holder.AGENT)) == 0
    assert await store.erase(ALICE) == 1
    assert [m.id for m in (await store.list_memories(base, EVERYTHING, limit=9))[0]] == ["b"]
    assert await store.erase(foreign) == 1


def registered(key="e", kind="file", group="", created=1, **value):
    return Entry(kind=kind, id=key, value=value, created=created, updated=created, group=group)


async def test_an_entry_is_read_as_it_was_written_and_replaced_by_its_next(store):
    whole = registered(group="g", name="é 😀", parts=[1.5, None, {"a": True}])
    await store.registry.put_entry(ALICE, whole)
    assert await store.registry.get_entries(ALICE, "file", ["e"]) == [whole]
    later = registered(group="h", created=2)
    await store.registry.put_entry(ALICE, later)
    assert await store.registry.get_entries(ALICE, "file", ["x", "e"]) == [later]
    assert await store.registry.list_entries(ALICE, "file", group="g", limit=9) == ([], 0)
    assert await store.registry.delete_entries(ALICE, "file", ["e", "x"]) == 1


async def test_everything_registered_in_a_scope_is_listed_and_erased_and_nothing_else(store):
    made = [registered(f"e{n}", kind=f"kind{n}", group=f"g{n}", created=n) for n in range(5)]
    for each in made:
        await store.registry.put_entry(ALICE, each)
    others = [registered("e1", kind="kind1")]
    for other in OTHER_ALICES[1:]:
        await store.registry.put_entry(other, others[0])
    pages = [await store.registry.all_entries(ALICE, limit=2, offset=n) for n in (0, 2, 4)]
    assert [e.id for page, _ in pages for e in page] == ["e4", "e3", "e2", "e1", "e0"]
    assert {total for _, total in pages} == {5}
    assert await store.registry.erase(ALICE) == 5
    assert await store.registry.erase(ALICE) == 0
    assert await store.registry.all_entries(ALICE, limit=9) == ([], 0)
    for other in OTHER_ALICES[1:]:
        assert await store.registry.all_entries(other, limit=9) == (others, 1)


async def test_entries_are_listed_by_group_and_kind_latest_made_first(store):
    made = [registered(f"e{n}", group="g", created=n // 2) for n in range(5)]
    for each in [*made, registered("f", group="h"), registered("g", kind="base", group="g")]:
        await store.registry.put_entry(ALICE, each)
    pages = [
        await store.registry.list_entries(ALICE, "file", group="g", limit=2, offset=offset)
        for offset in (0, 2, 4)
    ]
    assert [[e.id for e in page] for page, _ in pages] == [["e4", "e2"], ["e3", "e0"], ["e1"]]
    assert {total for _, total in pages} == {5}
    assert await store.registry.list_entries(ALICE, "file", limit=9) == ([], 0)
    keys = [f"e{n}" for n in range(5)]
    assert await store.registry.delete_entries(ALICE, "file", [*keys, "f"]) == 6
    assert await store.registry.delete_entries(ALICE, "base", ["g"]) == 1


@pytest.mark.parametrize("other", [*NEIGHBOURS, *OTHER_ALICES])
async def test_an_entry_of_another_scope_is_never_seen(store, other):
    await store.registry.put_entry(other, registered(group="g"))
    assert await store.registry.get_entries(ALICE, "file", ["e"]) == []
    assert await store.registry.list_entries(ALICE, "file", group="g", limit=9) == ([], 0)
    assert await store.registry.delete_entries(ALICE, "file", ["e"]) == 0
    await store.registry.put_entry(ALICE, registered(mine=True))
    assert await store.registry.get_entries(other, "file", ["e"]) == [registered(group="g")]
    for scope in (ALICE, other):
        assert await store.registry.delete_entries(scope, "file", ["e"]) == 1


@pytest.mark.parametrize("other", NEIGHBOURS)
async def test_how_rare_a_word_is_does_not_depend_on_other_scopes(store, other):
    await store.put_memories(ALICE, [entry("a", words="zebra"), entry("b", words="lion")])
    [before] = await store.search(ALICE, search("zebra"))
    await store.put_memories(other, [entry(str(n), other, words="zebra") for n in range(20)])
    [after] = await store.search(ALICE, search("zebra"))
    assert after.lexical == pytest.approx(before.lexical)


async def test_how_rare_a_word_is_does_not_depend_on_the_selection(store):
    labels = Labels(tags=("x",))
    await store.put_memories(
        ALICE,
        [
            entry("a", words="zebra", labels=labels),
            entry("b", words="lion"),
            entry("c", words="zebra"),
        ],
    )
    whole = {h.memory.id: h.lexical for h in await store.search(ALICE, search("zebra"))}
    tagged = Selection(kinds=frozenset(Kind), where=parse({"tags": "x"}))
    [hit] = await store.search(ALICE, search("zebra", selection=tagged))
    assert hit.lexical == pytest.approx(whole["a"])


async def test_words_that_are_not_valid_unicode_are_searched_all_the_same(store):
    await store.put_memories(ALICE, [entry(words="zebra \ud800", conversation="\ud800")])
    assert len(await store.search(ALICE, search("\udfff zebra"))) == 1
