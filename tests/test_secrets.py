"""A secret that is said is kept nowhere: no fact, no episode, no turn, no log; the rest is."""

import asyncio
import logging
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_spool import FakeSpool
from gateway.adapters.fake_store import FakeStore
from gateway.adapters.local_queue import LocalQueue
from gateway.errors import StoreError
from gateway.memory.learning import Learner
from gateway.memory.model import Kind, Message, Scope, Turn
from gateway.memory.ports import Selection
from gateway.memory.redaction import REDACTED, redact, redacted, without_secrets
from gateway.memory.turn_log import TurnLog
from gateway.metrics import Metrics

pytestmark = [pytest.mark.anyio, pytest.mark.security("B16"), pytest.mark.security("S6")]

SUITE = tomllib.loads((Path(__file__).parent / "suites" / "secrets.toml").read_text())
SECRETS = [(each["text"], each["secret"]) for each in SUITE["secret"]]
INNOCENT = SUITE["innocent"]["texts"]
ANN = Scope("p", "ann")


def turn(*messages: Message, preceding: str = "") -> Turn:
    return Turn(
        id="t", scope=ANN, conversation="c", messages=messages, created=1, preceding=preceding
    )


def test_the_suite_is_large_enough_to_mean_something():
    assert len(SECRETS) >= 30
    assert len(INNOCENT) >= 40


@pytest.mark.parametrize(("text", "secret"), SECRETS)
async def test_a_secret_is_kept_nowhere_whoever_says_it(text, secret, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    store = FakeStore()
    learner = Learner(store=store, outbox=store, embedder=FakeEmbedder())
    said = turn(
        Message(role="user", content=text, time=1),
        Message(role="assistant", content=[{"type": "text", "text": f"You said: {text}"}], time=1),
        Message(role="tool", content=text, time=1, extra={"note": {"deep": [text]}}),
        preceding=text,
    )
    with structlog.testing.capture_logs() as logged:
        await learner.record(said)
        await learner.learn("t")
    kept = str(vars(store))
    assert REDACTED in kept
    for sink in (kept, caplog.text, str(logged), "".join(capfd.readouterr())):
        assert secret not in sink
    memories, _ = await store.list_memories(ANN, Selection(kinds=frozenset(Kind)), limit=100)
    stated = [m.text for m in memories if m.attribute]
    assert not any(REDACTED in words for words in stated)


def test_of_innocent_sentences_at_most_one_loses_a_word():
    hit = [text for text in INNOCENT if redact(text) != text]
    assert len(hit) <= 1, hit


def test_the_rest_of_the_sentence_stays_as_it_was():
    assert redact("My password is hunter2.") == f"My password is {REDACTED}."
    assert redact('{"api_key": "abc123def"}') == f'{{"api_key": "{REDACTED}"}}'
    assert redact("Pay 4111 1111 1111 1111 now") == f"Pay {REDACTED} now"
    assert redact("db://ann:pw123@host/x") == f"db://{REDACTED}@host/x"


@pytest.mark.parametrize(("text", "_secret"), SECRETS)
def test_what_is_redacted_stays_the_same(text, _secret):
    once = redacted(turn(Message(role="user", content=text, time=1)))
    assert redacted(once) == once


def test_a_turn_without_secrets_is_left_as_it_is():
    plain = turn(
        Message(role="user", content=[{"type": "text", "text": "I live in Oslo."}, 3], time=1),
        Message(role="assistant", content=None, time=2, extra={"tool_calls": [{"id": "c1"}]}),
    )
    assert redacted(plain) == replace(plain)


async def test_a_turn_that_waits_for_the_store_waits_without_its_secrets():
    class Refusing(FakeStore):
        async def put_turn(self, scope: Scope, turn: Turn) -> None:
            raise StoreError(f"not {turn.id} of {scope.user}")

    class Spool(FakeSpool):
        async def append(self, turn: Turn) -> None:
            spooled.append(str(turn))

    spooled: list[str] = []
    store = Refusing()
    learner = Learner(store=store, outbox=store, embedder=FakeEmbedder())
    log = TurnLog(
        learner=learner,
        outbox=store,
        queue=LocalQueue(learner.learn, store, Metrics()),
        spool=Spool(),
        told=lambda *_what: None,
    )
    await log.record(turn(Message(role="user", content="My password is hunter2.", time=1)))
    assert "hunter2" not in "".join(spooled)
    assert REDACTED in "".join(spooled)


async def test_a_long_paste_is_searched_in_pieces_and_holds_up_nobody():
    lines = "MIIEvQIBADANBgkqhkiG9w0BAQE\n" * 60
    key = f"-----BEGIN PRIVATE KEY-----\n{lines}-----END PRIVATE KEY-----"
    paste = "\n".join(["The quick brown fox jumps over the lazy dog."] * 20_000)
    middle = len(paste) // 2
    text = f"{paste[:middle]}\n{key}\n{paste[middle:]}\nmy password is hunter2hunter2"
    long = turn(Message(role="user", content=text, time=1))
    turns = 0
    keeping = asyncio.create_task(without_secrets(long))
    while not keeping.done():
        await asyncio.sleep(0)
        turns += 1
    kept = (await keeping).messages[0].text
    assert "MIIEvQ" not in kept
    assert "hunter2" not in kept
    assert kept.replace(REDACTED, "").count("lazy dog") == 20_000
    assert turns > 10
