"""/add/message, field by field."""

from typing import Any

from tests.fields.table import Bad, Endpoint
from tests.fields.world import texts

LONG = "x" * 101
ADD = Endpoint(
    "add/message",
    {
        "user_id": "ann",
        "conversation_id": "c1",
        "messages": [{"role": "user", "content": "I live in Lisbon."}],
        "async_mode": False,
    },
)


@ADD.field("user_id", "bob", ("", 40002), (LONG, 40010), (7, 40000))
async def user_id(it, good):
    """What is learned is this user's."""
    await it.add("I live in Lisbon.", user_id=good)
    assert await it.facts(user_id=good)
    assert not await it.facts(user_id="ann")


@ADD.field("user_id", ["ann", "bob"], ([], 40003), (["x"] * 21, 40000))
async def user_ids(it, good):
    """In a group chat, each of these has it in their own memory."""
    said = [{"role": "user", "content": "I live in Lisbon.", "role_id": "bob"}]
    await it.call("add/message", {**ADD.asks, "user_id": good, "messages": said})
    for user in good:
        listed = await it.listed(user_id=user)
        kinds = {each["memory_type"] for each in listed["memory_detail_list"]}
        assert ("LongTermMemory" in kinds) == (user == "bob")


@ADD.field("conversation_id", "c7", (LONG, 40011), ({}, 40000))
async def conversation_id(it, good):
    """What is learned names this conversation."""
    await it.add("I live in Lisbon.", conversation_id=good)
    listed = (await it.listed())["memory_detail_list"]
    assert {each["conversation_id"] for each in listed} == {good}


@ADD.field(
    "messages",
    [{"role": "user", "content": "I have a cat."}],
    (None, 40002),
    ([], 40003),
    ("text", 40000),
)
async def messages(it, good):
    """What they say is found."""
    await it.call("add/message", {**ADD.asks, "messages": good})
    assert "I have a cat." in await it.facts()


@ADD.field("messages[].role", "assistant", (None, 40002), ("root", 40000))
async def role(it, good):
    """Who says it: what the assistant says is no fact about the user."""
    said = [{"role": good, "content": "I live in Lisbon."}]
    await it.call("add/message", {**ADD.asks, "messages": said})
    listed = (await it.listed())["memory_detail_list"]
    assert {each["memory_type"] for each in listed} == {"WorkingMemory"}
    assert {source["role"] for each in listed for source in each["sources"]} == {good}


@ADD.field(
    "messages[].content",
    [{"type": "text", "text": "I have a dog."}],
    (7, 40000),
    Bad("word " * 45_000, 40305, "messages: more than 40000 tokens altogether"),
)
async def content(it, good):
    """What is said: a text, or parts."""
    await it.call("add/message", {**ADD.asks, "messages": [{"role": "user", "content": good}]})
    assert "I have a dog." in await it.facts()


@ADD.field("messages[].chat_time", "2025-09-12 08:00:00", ("soon", 40000), (-(2**60), 40000))
async def chat_time(it, good):
    """When it was said."""
    said = [{"role": "user", "content": "I live in Lisbon.", "chat_time": good}]
    await it.call("add/message", {**ADD.asks, "messages": said})
    listed = (await it.listed())["memory_detail_list"]
    times = {source["chat_time"] for each in listed for source in each["sources"]}
    assert times == {"2025-09-12T08:00:00+00:00"}


@ADD.field("messages[].role_name", "Anna", (LONG, 40000))
async def role_name(it, good):
    """By what name the speaker goes."""
    said = [{"role": "user", "content": "I live in Lisbon.", "role_name": good}]
    await it.call("add/message", {**ADD.asks, "messages": said})
    listed = (await it.listed())["memory_detail_list"]
    assert {source["role_name"] for each in listed for source in each["sources"]} == {good}


@ADD.field("messages[].role_id", "bob", (LONG, 40000))
async def role_id(it, good):
    """Whose words they are: those of somebody else say nothing about the user."""
    said = [{"role": "user", "content": "I live in Lisbon.", "role_id": good}]
    await it.call("add/message", {**ADD.asks, "messages": said})
    listed = (await it.listed())["memory_detail_list"]
    assert {each["memory_type"] for each in listed} == {"WorkingMemory"}


CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
TOOL_LOOP: list[dict[str, Any]] = [
    {"role": "user", "content": "What is the weather in Lisbon?"},
    {"role": "assistant", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "Error: the city is missing"},
    {"role": "assistant", "content": "I cannot say."},
]


async def used_tools(it, messages):
    """The tools that something was learned of, and how their use went."""
    await it.call("add/message", {**ADD.asks, "messages": messages})
    listed = (await it.listed())["tool_memory_detail_list"]
    used = [status for each in listed for status in each["tool_used_status"]]
    return {status["used_tool"]: status["success_rate"] for status in used}


@ADD.field("messages[].tool_calls", [CALL], ("weather", 40000), ([CALL] * 129, 40000))
async def tool_calls(it, good):
    """What tools an assistant called; of them tool memories are learned."""
    loop = [dict(message) for message in TOOL_LOOP]
    loop[1]["tool_calls"] = good
    assert set(await used_tools(it, loop)) == {"weather"}


@ADD.field("messages[].tool_call_id", "c1", ("x" * 201, 40000), ([], 40000))
async def tool_call_id(it, good):
    """Of which call a tool's result is."""
    assert TOOL_LOOP[2]["tool_call_id"] == good
    assert set(await used_tools(it, TOOL_LOOP)) == {"weather"}


@ADD.field("async_mode", True, ("perhaps", 40000))
async def async_mode(it, good):
    """Whether learning goes on after the answer."""
    assert (await it.add("I live in Lisbon.", async_mode=good))["status"] == "running"
    assert (await it.add("I live in Porto.", async_mode=False))["status"] == "completed"


@ADD.field("agent_id", "helper", (LONG, 40000))
async def agent_id(it, good):
    """What is learned is found by a filter on it."""
    await it.add("I live in Lisbon.", agent_id=good)
    await it.add("I have a cat.")
    assert await it.facts(filter={"and": [{"agent_id": good}]}) == {"I live in Lisbon."}


@ADD.field("agent_id", ["helper"], Bad(None, 40002, beside={"user_id": None}), ([], 40003))
async def agent_ids(it, good):
    """Without a user it is these agents' own memory."""
    asked = {**ADD.asks, "user_id": None, "agent_id": good}
    await it.call("add/message", asked)
    assert "I live in Lisbon." in texts(await it.call("get/memory", {"agent_id": good[0]}))
    assert await it.facts() == set()


@ADD.field("app_id", "shop", (LONG, 40000))
async def app_id(it, good):
    """What is learned is found by a filter on it."""
    await it.add("I live in Lisbon.", app_id=good)
    await it.add("I have a cat.")
    assert await it.facts(filter={"and": [{"app_id": good}]}) == {"I live in Lisbon."}


@ADD.field("tags", ["home"], ("home", 40000), ([1], 40000), (["x"] * 65, 40000), ([""], 40002))
async def tags(it, good):
    """What is learned has these tags."""
    await it.add("I live in Lisbon.", tags=good)
    listed = (await it.listed())["memory_detail_list"]
    assert {tuple(each["tags"]) for each in listed} == {tuple(good)}


@ADD.field("info", {"scene": "kitchen", "floor": 2}, ([], 40000), ({"scene": {}}, 40000))
async def info(it, good):
    """What is learned has these, and every key of them can be filtered by."""
    await it.add("I live in Lisbon.", info=good)
    await it.add("I have a cat.", info={"scene": "garden"})
    [found, *_] = (await it.listed(filter={"and": [{"scene": "kitchen"}]}))["memory_detail_list"]
    assert found["info"] == good
    assert await it.facts(filter={"and": [{"floor": 2}]}) == {"I live in Lisbon."}


@ADD.field("allow_public", True, ("all", 40000))
async def allow_public(it, good):
    """Everybody in the project may find what is learned."""
    await it.add("I live in Lisbon.", allow_public=good)
    found = (await it.search("Who lives in Lisbon?", user_id="bob"))["memory_detail_list"]
    assert any("Lisbon" in each["memory_value"] for each in found)


@ADD.field(
    "allow_knowledgebase_ids",
    ["a knowledge base's id"],
    Bad(["none"], 50123, "there is no knowledge base 'none'"),
    ("all", 40000),
)
async def allow_knowledgebase_ids(it, good):
    """What is learned is found in these too."""
    assert good
    base = await it.base()
    await it.add("I live in Lisbon.", allow_knowledgebase_ids=[base])
    asked = {"user_id": "bob", "knowledgebase_ids": [base]}
    found = (await it.search("Who lives in Lisbon?", **asked))["memory_detail_list"]
    assert any("Lisbon" in each["memory_value"] for each in found)
