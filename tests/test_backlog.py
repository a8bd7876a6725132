"""How much waits to be learned, and for how long, is told on every page of metrics."""

import httpx
import pytest

from gateway.adapters.fake_store import FakeStore
from gateway.errors import StoreError
from gateway.memory.model import Message, Scope, Turn, TurnState, now
from tests.served import served

pytestmark = pytest.mark.anyio

ANN = Scope("p", "ann")


class Idle:
    """A queue that nobody works on."""

    async def enqueue(self, turn_id: str) -> None:
        pass


def turn(key: str, state: TurnState, seconds_ago: int) -> Turn:
    return Turn(
        id=key,
        scope=ANN,
        conversation="c",
        messages=(Message(role="user", content="I live in Lisbon.", time=1),),
        created=now() - seconds_ago * 1000,
        state=state,
    )


async def told(it) -> dict[str, float]:
    async with httpx.AsyncClient(trust_env=False) as client:
        page = (await client.get(f"{it.url}/metrics")).text
    lines = [line.split() for line in page.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line[:2] for line in lines)}


async def test_what_is_pending_and_parked_is_counted_and_the_oldest_has_an_age():
    store = FakeStore()
    for key, state, age in [
        ("a", TurnState.PENDING, 300),
        ("b", TurnState.PENDING, 10),
        ("c", TurnState.PARKED, 900),
        ("d", TurnState.LEARNED, 9000),
    ]:
        await store.put_turn(ANN, turn(key, state, age))
    async with served(store=store, queue=Idle()) as it:
        page = await told(it)
    assert (page["gateway_turns_pending"], page["gateway_turns_parked"]) == (2, 1)
    assert 300 <= page["gateway_oldest_pending_seconds"] < 310


async def test_where_nothing_waits_the_age_is_nought():
    async with served() as it:
        page = await told(it)
    assert (page["gateway_turns_pending"], page["gateway_oldest_pending_seconds"]) == (0, 0)


async def test_a_store_that_cannot_count_leaves_the_page_to_the_rest():
    store = FakeStore()

    async def refuse():
        raise StoreError

    setattr(store, "backlog", refuse)  # noqa: B010  a fault from inside
    async with served(store=store) as it:
        page = await told(it)
    assert page["gateway_turns_pending"] != page["gateway_turns_pending"]  # not a number
    assert "gateway_turns_spooled_total" in page
