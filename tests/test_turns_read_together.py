"""Turns of one user that wait for the model together are read in one request, each by itself."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from gateway.memory.model import Scope
from gateway.memory.proposals.batching import MOST_CHARACTERS, MOST_TURNS
from tests.extraction_model import (
    SAID,
    Act,
    proposal,
    proposes,
    reading,
    refuses,
    says,
    turn,
    written,
)
from tests.scripted_upstream import Exchange

pytestmark = pytest.mark.anyio

BOB = Scope("p", "bob")
LATER = 86_400_000
BREAD = "The sourdough starter in our kitchen is a decade old."
PIANO = "The piano in our hall came from a great-aunt."
FIRST = turn("Hello there, it rains again.", time=SAID - 1)
TOLD = [turn(BREAD), turn(PIANO, time=SAID + LATER)]


def of(number: int, text: str) -> dict:
    return proposal(text, kind="fact", turn=number)


@asynccontextmanager
async def busy(*acts: Act):
    """A model that is asked about one turn at a time, and is at the first until `go` is set."""
    go, asked = asyncio.Event(), asyncio.Event()

    async def first(exchange: Exchange) -> None:
        asked.set()
        await go.wait()
        await proposes()(exchange)

    async with reading(first, *acts, at_once=1) as it:
        learning = asyncio.create_task(it.learn(FIRST))
        await asked.wait()
        yield it, go
        await learning


async def learned(it, go, *turns) -> None:
    """Learn the turns, all of them waiting before the model is free."""
    learning = asyncio.create_task(it.learn(*turns))
    await waiting(it, len(turns))
    go.set()
    await learning


async def waiting(it, count: int) -> None:
    async with asyncio.timeout(5):
        while it.proposer.waiting < count:  # noqa: ASYNC110  that they wait is told by no event
            await asyncio.sleep(0)


def document(request: dict) -> dict:
    return json.loads(request["messages"][1]["content"])


async def test_turns_that_wait_are_read_in_one_request_and_each_keeps_its_own():
    async with busy(proposes(of(2, PIANO), of(1, BREAD))) as (it, go):
        await learned(it, go, *TOLD)
        assert [(m.text, m.time) for m in await it.statements()] == [
            (BREAD, SAID),
            (PIANO, SAID + LATER),
        ]
        first, both = it.asked
        assert "turns" not in document(first)
        assert [
            (each["turn"], each["messages"][0]["text"]) for each in document(both)["turns"]
        ] == [
            (1, BREAD),
            (2, PIANO),
        ]
        members = both["response_format"]["json_schema"]["schema"]["properties"]["memories"]
        assert "turn" in members["items"]["required"]
        assert it.outcomes() == {"ok": 3}


async def test_a_quote_of_another_turn_makes_no_memory():
    async with busy(proposes(of(1, PIANO), of(2, PIANO))) as (it, go):
        await learned(it, go, *TOLD)
        assert [(m.text, m.time) for m in await it.statements()] == [(PIANO, SAID + LATER)]


async def test_a_turn_that_waits_for_nobody_is_asked_about_as_ever():
    async with reading(proposes(proposal(BREAD))) as it:
        await it.learn(TOLD[0])
        [alone] = it.asked
        assert "turns" not in document(alone)
        assert "several turns" not in alone["messages"][0]["content"]


async def test_turns_of_two_users_are_never_in_one_request():
    others = turn(PIANO, scope=BOB, time=SAID + LATER)
    async with busy(proposes(proposal(BREAD)), proposes(proposal(PIANO))) as (it, go):
        await learned(it, go, TOLD[0], others)
        assert [m.text for m in await it.statements()] == [BREAD]
        assert [m.text for m in await it.statements(BOB)] == [PIANO]
        assert not any("turns" in document(request) for request in it.asked)


UNUSABLE = {
    "prose": says("I read all of it."),
    "broken off": says(written(of(1, BREAD), of(2, PIANO))[:-30]),
    "no number": proposes(proposal(BREAD), proposal(PIANO)),
    "a number of no turn": proposes(of(1, BREAD), of(3, PIANO)),
    "a number that is none": proposes(of(1, BREAD), proposal(PIANO, turn=True)),
    "refused": refuses(400),
    "a refusal": says(None, message={"refusal": "No."}),
}


@pytest.mark.parametrize("act", UNUSABLE.values(), ids=UNUSABLE)
async def test_of_an_answer_that_cannot_be_used_each_turn_is_read_alone(act):
    async def alone(exchange: Exchange) -> None:
        said = document(exchange.request.json)["messages"][0]["text"]
        await proposes(proposal(said))(exchange)

    acts = [act, act] if act is UNUSABLE["refused"] else [act]  # asked without a schema too
    async with busy(*acts, alone) as (it, go):
        await learned(it, go, *TOLD)
        assert [m.text for m in await it.statements()] == [BREAD, PIANO]
        assert it.outcomes() == {"ok": 3}


async def test_what_is_tried_again_is_read_alone():
    async def alone(exchange: Exchange) -> None:
        said = document(exchange.request.json)["messages"][0]["text"]
        await proposes(proposal(said))(exchange)

    async with busy(refuses(503), alone) as (it, go):
        await learned(it, go, *TOLD)
        assert [m.text for m in await it.statements()] == [BREAD, PIANO]
        assert it.outcomes() == {"ok": 3, "retried": 2}
        assert sum("turns" in document(request) for request in it.asked) == 1


async def test_a_request_holds_a_bounded_number_of_turns_and_of_characters():
    many = [turn(f"{BREAD} {n}", time=SAID + n) for n in range(MOST_TURNS + 1)]
    long = [turn("x " * (MOST_CHARACTERS // 3), time=SAID + LATER + n) for n in range(2)]
    async with busy(proposes()) as (it, go):
        await learned(it, go, *many, *long)
        held = [len(document(request).get("turns", [0])) for request in it.asked]
        assert held == [1, MOST_TURNS, 2, 1]


async def test_a_turn_that_is_given_up_takes_nobody_along():
    async with busy(proposes(proposal(PIANO))) as (it, go):
        given_up = asyncio.create_task(it.proposer.propose(TOLD[0]))
        await waiting(it, 1)
        given_up.cancel()
        await asyncio.wait([given_up])
        await learned(it, go, TOLD[1])
        assert [m.text for m in await it.statements()] == [PIANO]
        assert "turns" not in document(it.asked[-1])


async def test_what_others_say_in_between_stays_with_its_turn():
    """The message that a turn answers is shown beside that turn alone."""
    answering = turn("Yes, since May.", preceding="Do you play the piano?")
    async with busy(proposes(of(1, BREAD))) as (it, go):
        await learned(it, go, TOLD[0], answering)
        told, answered = document(it.asked[-1])["turns"]
        assert "before" not in told
        assert answered["before"] == "Do you play the piano?"
