"""/get/message: the latest of what was said in a conversation, oldest first."""

import pytest

from tests.chatting import call
from tests.served import served

pytestmark = pytest.mark.anyio

WHICH = {"user_id": "ann", "conversation_id": "c1"}


@pytest.fixture(name="it")
async def _it():
    async with served() as it:
        yield it


async def add(it, *messages: dict, **more: object) -> None:
    await call(it, "add/message", WHICH | {"messages": list(messages)} | more)


async def listed(it, **more: object) -> list[dict]:
    answer = await call(it, "get/message", WHICH | more)
    return answer["data"]["message_detail_list"]


async def test_messages_come_oldest_first_in_the_words_and_with_the_times_of_their_saying(it):
    await add(
        it,
        {"role": "user", "content": "Hi.", "chat_time": "2025-06-10 08:00:00"},
        {"role": "assistant", "content": "Hello.", "chat_time": "2025-06-10 08:00:05"},
    )
    await add(it, {"role": "user", "content": "How are you?"})
    first, second, third = await listed(it)
    assert set(first) == {"role", "content", "create_time", "update_time"}
    assert (first["role"], first["content"]) == ("user", "Hi.")
    assert (second["role"], second["content"]) == ("assistant", "Hello.")
    assert third["content"] == "How are you?"
    assert (first["create_time"], second["create_time"]) == (1_749_542_400_000, 1_749_542_405_000)
    assert first["update_time"] == second["update_time"] <= third["update_time"]


async def test_six_are_shown_unless_another_number_is_asked_for(it):
    for number in range(60):
        await add(it, {"role": "user", "content": f"Note {number}."})
    shown = [message["content"] for message in await listed(it)]
    assert shown == [f"Note {number}." for number in range(54, 60)]
    assert len(await listed(it, message_limit_number=None)) == 6
    assert len(await listed(it, message_limit_number=50, conversation_limit_number=3)) == 50
    [last] = await listed(it, message_limit_number=1)
    assert last["content"] == "Note 59."


async def test_a_long_turn_is_cut_to_its_latest_messages(it):
    roles = ("user", "assistant")
    await add(it, *({"role": roles[n % 2], "content": f"{n}"} for n in range(40)))
    assert [m["content"] for m in await listed(it, message_limit_number=3)] == ["37", "38", "39"]


async def test_only_the_user_and_the_assistant_are_shown_and_only_in_words(it):
    call_ = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    await add(it, {"role": "user", "content": "Weather?"}, conversation_id="c1")
    for number in range(9):  # turns in which neither of them speaks
        await add(
            it,
            {"role": "system", "content": f"Be {number}."},
            {"role": "assistant", "tool_calls": [call_]},
            {"role": "tool", "tool_call_id": "1", "content": f"{number} degrees"},
        )
    parts = [{"type": "text", "text": "And now?"}, {"type": "image_url", "image_url": {"url": "x"}}]
    await add(it, {"role": "user", "content": parts})
    shown = [message["content"] for message in await listed(it, message_limit_number=2)]
    assert shown == ["Weather?", "And now?"]


async def test_a_chat_is_among_them(it):
    await call(it, "chat", WHICH | {"query": "Where do I live?"})
    assert [m["content"] for m in await listed(it)] == ["Where do I live?"]


async def test_another_conversation_user_or_project_has_its_own():
    async with served(api_keys="p:mpg-made-up,q:other") as it:
        await add(it, {"role": "user", "content": "Hi."})
        assert await listed(it)
        assert await listed(it, conversation_id="c9") == []
        assert await listed(it, user_id="bob") == []


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        ({"user_id": ""}, 40002, "user_id"),
        ({"conversation_id": None}, 40002, "conversation_id"),
        ({"conversation_id": "c" * 101}, 40011, "conversation_id"),
        ({"message_limit_number": 51}, 40000, "message_limit_number"),
        ({"message_limit_number": 0}, 40000, "message_limit_number"),
    ],
)
async def test_a_bad_value_is_refused_by_name(it, change, code, named):
    refused = await call(it, "get/message", WHICH | change, status=400)
    assert refused["code"] == code
    assert named in refused["message"]
