"""What was deleted of a conversation is not read out of its record again."""

from dataclasses import replace

import pytest

from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.memory.episodes import PIECE, episodes
from gateway.memory.learning import Learner
from gateway.memory.model import Ending, Indexed, Message, Scope, Status, Turn
from gateway.memory.taken_out import as_left

pytestmark = pytest.mark.anyio

ANN = Scope("p", "ann")


def turn(*texts: str, **more) -> Turn:
    roles = ("user", "assistant")
    messages = tuple(Message(role=roles[i % 2], content=t, time=1) for i, t in enumerate(texts))
    record = Turn(id="t", scope=ANN, conversation="c", messages=messages, created=1)
    return replace(record, **more)


async def recorded(said: Turn) -> FakeStore:
    store = FakeStore()
    await Learner(store=store, outbox=store, embedder=FakeEmbedder()).record(said)
    return store


async def texts(store: FakeStore, said: Turn) -> list[str]:
    [left] = await as_left(store, ANN, [said])
    return [message.text for message in left.messages]


async def test_what_nobody_touched_is_as_it_was_said():
    said = turn("I live in Lisbon.", "Nice.", "x" * 3 * PIECE, ending=Ending.COMPLETE)
    store = await recorded(said)
    assert await as_left(store, ANN, [said]) == [said]
    half = turn("I live in Lisbon.", "Ni", ending=Ending.CLIENT_GONE)
    assert await as_left(await recorded(half), ANN, [half]) == [half]


async def test_a_message_whose_memory_is_gone_or_put_away_is_left_out():
    said = turn("I live in Lisbon.", "Nice.")
    store = await recorded(said)
    mine, answer = (each.memory for each in episodes(said))
    await store.delete_memories(ANN, [mine.id])
    assert await texts(store, said) == ["Nice."]
    await store.put_memories(
        ANN, [Indexed(memory=replace(answer, status=Status.DELETED), words="")]
    )
    assert await texts(store, said) == []


async def test_of_a_message_in_pieces_what_is_left_is_read_and_what_was_reworded_so():
    first, second = "one. " * 160, "two. " * 150
    said = turn(first + second, "Nice.")
    store = await recorded(said)
    one, two, answer = (each.memory for each in episodes(said))
    await store.delete_memories(ANN, [one.id])
    [left, _] = await texts(store, said)
    assert "one" not in left
    assert left.count("two.") == second.count("two.")
    await store.put_memories(
        ANN, [Indexed(memory=replace(two, text="[2026-01-01] user: Three."), words="")]
    )
    await store.put_memories(ANN, [Indexed(memory=replace(answer, text="Fine: yes."), words="")])
    assert await texts(store, said) == ["Three.", "Fine: yes."]
