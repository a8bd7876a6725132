"""What a filter lets through is the same in every engine, and what the language says it is."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient, models

from gateway.adapters.conditions import chosen
from gateway.adapters.edge import EdgeStore
from gateway.adapters.fake_store import FakeStore
from gateway.adapters.qdrant_filters import server_filter
from gateway.adapters.records import memory_payload, memory_point
from gateway.adapters.sealing import PLAIN
from gateway.memory.filters import from_origins, matches, parse
from gateway.memory.model import (
    Holder,
    Indexed,
    Kind,
    Labels,
    Memory,
    Origin,
    Scope,
    Source,
    Speaker,
)
from gateway.memory.ports import Selection
from tests.filtering import OWNER, contents, expressions

pytestmark = pytest.mark.anyio

HOLDERS = [holder for holder in Holder if holder is not Holder.PROJECT]

projects = itertools.count()


SOURCES = {
    turn: Source(role="user", content="", time=0, conversation="", turn=turn) for turn in ("", "t")
}
told = st.tuples(st.sampled_from(Speaker), st.lists(st.sampled_from(list(SOURCES)), max_size=2))


def memory(scope, key, labels, conversation, created, updated):
    return Memory(
        id=key,
        scope=scope,
        kind=Kind.FACT,
        text=key,
        speaker=Speaker.USER,
        conversation=conversation,
        time=created,
        created=created,
        updated=updated,
        sources=(),
        labels=labels,
    )


@pytest.fixture
def edge(tmp_path):
    store = EdgeStore.open(tmp_path, model="test", dimension=3)
    yield store
    store.close()


def in_the_servers_terms(memories, group):
    """The ids that the client's own engine finds, in a collection made for the question."""
    client = QdrantClient(":memory:")
    client.create_collection("memories", vectors_config={})
    points = [
        models.PointStruct(
            id=str(memory_point(m.scope, m.id)), vector={}, payload=memory_payload(m, PLAIN)
        )
        for m in memories
    ]
    client.upsert("memories", points)
    found, _ = client.scroll("memories", server_filter(group), limit=100, with_payload=["id"])
    client.close()
    return {point.payload["id"] for point in found if point.payload}


@settings(
    max_examples=1000,
    deadline=None,
    # The examples share a folder, each with a project of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(contents=contents, expression=expressions)
async def test_every_engine_lets_through_what_the_language_says(edge, contents, expression):
    number = next(projects)
    scope = Scope(f"project {number}", OWNER, HOLDERS[number % len(HOLDERS)])
    memories = [memory(scope, str(n), *content) for n, content in enumerate(contents)]
    entries = [Indexed(memory=each, words="") for each in memories]
    where = parse(expression)
    selection = Selection(kinds=frozenset(Kind), where=where)
    passing = {each.id for each in memories if matches(where, each)}
    assert in_the_servers_terms(memories, chosen(scope, selection)) == passing
    for store in (FakeStore(), edge):
        await store.put_memories(scope, entries)
        found, total = await store.list_memories(scope, selection, limit=100)
        assert ({each.id for each in found}, total) == (passing, len(passing))
    await edge.erase(scope)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    told=st.lists(told, min_size=1, max_size=5),
    origins=st.sets(st.sampled_from(Origin), min_size=1),
)
async def test_every_engine_tells_alike_where_a_memory_comes_from(edge, told, origins):
    scope = Scope(f"project {next(projects)}", OWNER)
    memories = [
        replace(
            memory(scope, str(number), Labels(), "c", number, number),
            speaker=speaker,
            sources=tuple(SOURCES[turn] for turn in turns),
        )
        for number, (speaker, turns) in enumerate(told)
    ]
    where = from_origins(origins, None)
    selection = Selection(kinds=frozenset(Kind), where=where)
    passing = {each.id for each in memories if origins & {*each.origins}}
    assert in_the_servers_terms(memories, chosen(scope, selection)) == passing
    for store in (FakeStore(), edge):
        await store.put_memories(scope, [Indexed(memory=each, words="") for each in memories])
        found, total = await store.list_memories(scope, selection, limit=100)
        assert ({each.id for each in found}, total) == (passing, len(passing))
    await edge.erase(scope)
