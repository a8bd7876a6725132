"""/extract/memory tells what a conversation states, and nothing of it is kept."""

import json

import httpx
import pytest

from gateway.adapters.fake_store import FakeStore
from gateway.http.memos.extracting import MOST_TOKENS
from tests.memos_calls import call, refused
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

PATH = "extract/memory"
SAID = "I live in Lisbon. I love green tea."


def user(text: str) -> dict:
    return {"role": "user", "content": text}


async def test_facts_and_preferences_come_in_lists_of_their_own():
    async with served() as it:
        found = await call(it.url, PATH, {"messages": [user(SAID)]})
    assert found["success"] is True
    [fact] = found["memory_detail_list"]
    assert fact == {
        "memory_key": "I live in Lisbon.",
        "memory_value": "I live in Lisbon.",
        "memory_type": "LongTermMemory",
        "tags": [],
    }
    [preference] = found["preference_detail_list"]
    assert set(preference) == {"preference", "reasoning", "preference_type"}
    assert "green tea" in preference["preference"]
    assert preference["preference_type"] == "explicit_preference"


async def test_nothing_is_kept():
    store = FakeStore()
    async with served(store=store) as it:
        await call(it.url, PATH, {"messages": [user(SAID)]})
    assert store._memories == {}
    assert store._turns == {}


@pytest.mark.parametrize(
    ("types", "facts", "preferences"),
    [(["memory"], 1, 0), (["preference"], 0, 1), (["memory", "preference"], 1, 1), (None, 1, 1)],
)
async def test_only_what_is_asked_for_is_told(types, facts, preferences):
    async with served() as it:
        body = {"messages": [user(SAID)], "extraction_types": types}
        found = await call(it.url, PATH, body)
    assert len(found["memory_detail_list"]) == facts
    assert len(found["preference_detail_list"]) == preferences


async def test_what_a_later_message_supersedes_and_what_others_say_is_left_out():
    messages = [
        {"role": "system", "content": "I live in the prompt."},
        user("I live in Oslo."),
        {"role": "assistant", "content": "I live in the cloud."},
        user("I live in Lisbon. My password is hunter2hunter2."),
    ]
    async with served() as it:
        found = await call(it.url, PATH, {"messages": messages, "model": "any"})
    assert [m["memory_value"] for m in found["memory_detail_list"]] == ["I live in Lisbon."]
    assert "hunter2" not in json.dumps(found)


async def proposes(exchange):
    found = {
        "kind": "preference",
        "text": "I can never sleep after coffee",
        "quote": "I can never sleep after coffee",
        "said_by": "user",
        "explicit": False,
    }
    message = {"role": "assistant", "content": json.dumps({"memories": [found]})}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    await exchange.json({"choices": [choice]})


async def is_overloaded(exchange):
    await exchange.json({"error": {"message": "later"}}, 429)


@pytest.mark.parametrize(("upstream", "more"), [(proposes, 1), (is_overloaded, 0)])
async def test_a_model_adds_what_it_finds_and_is_done_without_when_it_cannot_answer(upstream, more):
    messages = [user(f"{SAID} I can never sleep after coffee, you know.")]
    async with (
        scripted_upstream(upstream) as model,
        served(model.url, extraction_model="m") as it,
    ):
        found = await call(it.url, PATH, {"messages": messages})
    implicit = [
        each
        for each in found["preference_detail_list"]
        if each["preference_type"] == "implicit_preference"
    ]
    assert len(implicit) == more
    assert len(found["memory_detail_list"]) >= 1


@pytest.mark.parametrize(
    ("body", "status", "code", "named"),
    [
        ({}, 400, 40002, "messages"),
        ({"messages": []}, 400, 40003, "messages"),
        ({"messages": [{"role": "user"}]}, 400, 40002, "content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400, 40000, "role"),
        ({"messages": [user("x")], "extraction_types": ["skill"]}, 400, 40000, "extraction_types"),
        ({"messages": [user("x")], "extraction_types": []}, 400, 40003, "extraction_types"),
        ({"messages": [user("x" * 4 * MOST_TOKENS), user("y")]}, 413, 40305, "messages"),
        ({"messages": [user("喜" * MOST_TOKENS), user("喜")]}, 413, 40305, "messages"),
    ],
)
async def test_what_is_wrong_is_told(body, status, code, named):
    async with served() as it:
        found, message = await refused(it.url, PATH, body, status)
    assert found == code
    assert named in message


async def test_a_conversation_of_just_so_many_tokens_is_read():
    async with served() as it:
        for text in (f"{SAID} {'word ' * 10_000}"[: 4 * MOST_TOKENS], "喜" * MOST_TOKENS):
            assert (await call(it.url, PATH, {"messages": [user(text)]}))["success"] is True


async def test_a_key_is_needed():
    async with served(api_keys="p:key") as it, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{it.url}/api/openmem/v1/{PATH}", json={"messages": []})
    assert answer.status_code == 401
