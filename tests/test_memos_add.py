"""/add/message: whose memory what is added becomes, what of it is kept, and what is refused."""

import pytest

from gateway.http.memos.adding import MOST_TOKENS
from gateway.memory import knowledge
from gateway.memory.model import (
    Holder,
    Kind,
    Scope,
    Status,
    TurnState,
    knowledge_base,
    project_wide,
    public,
)
from gateway.memory.ports import Selection
from gateway.memory.tasks import TASK
from tests.served import served
from tests.test_memos_api import call

pytestmark = pytest.mark.anyio

ANN, BOB = Scope("default", "ann"), Scope("default", "bob")
EVERYTHING = Selection(kinds=frozenset(Kind), statuses=frozenset(Status))
WHEN = "2025-09-12 08:00:00"


@pytest.fixture(name="it")
async def _it():
    async with served() as it:
        yield it


def said(*texts, **more):
    return [{"role": "user", "content": text, "chat_time": WHEN} | more for text in texts]


async def add(it, *texts, status=200, **body):
    asked = {
        "user_id": "ann",
        "conversation_id": "c",
        "async_mode": False,
        "messages": said(*texts),
    } | body
    return await call(it, "add/message", asked, status=status)


async def held(it, scope=ANN, *, kinds=None):
    chosen = EVERYTHING if kinds is None else Selection(kinds=frozenset(kinds))
    return (await it.gateway.store.list_memories(scope, chosen, limit=100))[0]


async def turns(it, scope=ANN):
    return (await it.gateway.store.list_turns(scope, limit=100))[0]


def facts(memories):
    return sorted(memory.text for memory in memories if memory.kind is Kind.FACT)


# The same again


async def test_the_same_messages_again_change_nothing_at_all(it):
    await add(it, "I lived in Porto.")
    first = await add(it, "I live in Lisbon.", "I love green tea.")
    before = await held(it), await turns(it)
    again = await add(it, "I live in Lisbon.", "I love green tea.")
    assert again == first
    assert (await held(it), await turns(it)) == before
    later = await add(it, "I live in Lisbon.", "I love green tea.", async_mode=True)
    assert later["data"] == first["data"]
    await it.learned()
    assert (await held(it), await turns(it)) == before


async def test_with_other_labels_they_are_learned_again(it):
    await add(it, "I live in Lisbon.")
    await add(it, "I live in Lisbon.", tags=["home"])
    assert len(await turns(it)) == 1
    assert {m.labels.tags for m in await held(it, kinds=[Kind.EPISODE])} == {("home",)}


async def test_what_was_given_up_is_tried_again(it):
    task = (await add(it, "I live in Lisbon."))["data"]["task_id"]
    await it.gateway.store.mark(task, TurnState.PARKED, error="gone")
    assert (await add(it, "I live in Lisbon."))["data"]["status"] == "completed"
    assert (await turns(it))[0].state is TurnState.LEARNED


# Whose memory it becomes


async def test_without_a_user_it_is_the_agents_own_memory(it):
    await add(it, "I live in Lisbon.", user_id=None, agent_id="guide")
    guide = Scope("default", "guide", Holder.AGENT)
    assert facts(await held(it, guide)) == ["I live in Lisbon."]
    assert await held(it, Scope("default", "guide")) == []
    query = {"agent_id": "guide", "query": "Where?", "relativity": 0}
    assert (await call(it, "search/memory", query))["data"]["memory_detail_list"]


async def test_beside_a_user_an_agent_is_a_label(it):
    await add(it, "I live in Lisbon.", agent_id=["guide", "cook"], app_id="app")
    [labels] = {(m.labels.agent_id, m.labels.app_id, m.labels.related) for m in await held(it)}
    assert labels == ("guide", "app", ("ann", "guide", "cook"))
    assert await held(it, Scope("default", "guide", Holder.AGENT)) == []


async def test_in_a_group_each_users_own_words_alone_say_something_about_them(it):
    messages = [
        *said("I live in Lisbon.", role_id="ann", role_name="Ann"),
        *said("I live in Porto.", role_id="bob"),
        *said("I live in Faro.", role_id="eve", role_name="Eve"),
        *said("I live in Rome."),
    ]
    await add(it, user_id=["ann", "bob", "ann"], messages=messages)
    assert facts(await held(it, ANN)) == ["I live in Lisbon."]
    assert facts(await held(it, BOB)) == ["I live in Porto."]
    for scope in (ANN, BOB):
        episodes = [m.text for m in await held(it, scope) if m.kind is Kind.EPISODE]
        assert sorted(episodes) == [
            "[2025-09-12] Ann: I live in Lisbon.",
            "[2025-09-12] Eve: I live in Faro.",
            "[2025-09-12] bob: I live in Porto.",
            "[2025-09-12] somebody: I live in Rome.",
        ]
        assert {m.labels.related for m in await held(it, scope)} == {("ann", "bob")}
    assert await held(it, Scope("default", "eve")) == []


async def test_somebody_else_who_speaks_to_one_user_is_not_that_user(it):
    await add(it, messages=[*said("I live in Porto.", role_id="bob"), *said("I live in Lisbon.")])
    assert facts(await held(it)) == ["I live in Lisbon."]


async def test_one_task_covers_the_turns_of_all(it):
    added = await add(it, "I live in Lisbon.", user_id=["ann", "bob"])
    ids = [turn.id for scope in (ANN, BOB) for turn in await turns(it, scope)]
    assert added["data"] == {"success": True, "task_id": ids[0], "status": "completed"}
    [task] = await it.gateway.registry.get_entries(project_wide("default"), TASK, [ids[0]])
    assert task.value == {"turns": ids}
    asked = {"task_id": ids[0]}
    told = (await call(it, "get/status", asked))["data"]
    assert told["status"] == "completed"
    assert told["memory_views"]["added"] == 2  # nobody said that they do, so of each an episode
    assert len(told["memory_views"]["detail_factual"]["memory_ids"]) == 2
    for state, status in ((TurnState.PENDING, "running"), (TurnState.PARKED, "failed")):
        await it.gateway.store.mark(ids[1], state)
        assert (await call(it, "get/status", asked))["data"]["status"] == status


async def test_one_turn_needs_no_note_of_its_task(it):
    task = (await add(it, "I live in Lisbon."))["data"]["task_id"]
    assert not await it.gateway.registry.get_entries(project_wide("default"), TASK, [task])


# What is kept


async def test_of_parts_the_words_are_kept_and_the_data_is_not(it):
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 9000}}
    parts = [{"type": "text", "text": "This is my cat Tom."}, image]
    added = await add(it, messages=[{"role": "user", "content": parts}])
    assert added["data"]["status"] == "running"  # with data it always is
    await it.learned()
    [turn] = await turns(it)
    assert turn.messages[0].text == "This is my cat Tom."
    assert "AAAA" * 100 not in str(turn.messages)
    assert any("my cat Tom" in memory.text for memory in await held(it))


async def test_words_in_parts_are_learned_at_once(it):
    parts = [{"type": "text", "text": "I live in Lisbon."}]
    added = await add(it, messages=[{"role": "user", "content": parts}])
    assert added["data"]["status"] == "completed"


async def test_calls_of_tools_are_kept_as_they_came(it):
    call_ = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    await add(
        it,
        messages=[
            *said("How is it in Lisbon?"),
            {"role": "assistant", "tool_calls": [call_]},
            {"role": "tool", "content": "Sunny", "tool_call_id": "1", "name": "weather"},
        ],
    )
    [turn] = await turns(it)
    assert turn.messages[1].extra == {"tool_calls": [call_]}
    assert turn.messages[2].extra == {"tool_call_id": "1", "name": "weather"}
    assert [m.role for m in turn.messages] == ["user", "assistant", "tool"]


async def test_labels_are_those_of_every_memory_and_filter_it(it):
    info = {"scene": "work", "teams": ["red", "blue"], "rank": 2, "open": True, "none": None}
    await add(it, "I live in Lisbon.", tags=["home"], info=info, app_id="app")
    for where in (
        {"tags": "home"},
        {"app_id": "app"},
        {"scene": "work"},
        {"teams": {"contains": "red"}},
        {"rank": {"gt": 1}},
        {"open": True},
    ):
        found = await call(it, "get/memory", {"user_id": "ann", "filter": {"and": [where]}})
        assert found["data"]["total"] == 2, where
    assert "none" not in (await held(it))[0].labels.info


async def test_a_conversation_that_is_not_named_is_these_messages_own(it):
    for text in ("I live in Lisbon.", "I love green tea.", "I live in Lisbon."):
        await add(it, text, conversation_id=None)
    assert len({turn.conversation for turn in await turns(it)}) == 2


# Whom it is shared with


async def test_what_is_public_is_found_by_everybody(it):
    await add(it, "I live in Lisbon.", allow_public=True)
    assert await held(it, public("default"))
    query = {"user_id": "bob", "query": "Lisbon", "relativity": 0}
    [found] = (await call(it, "search/memory", query))["data"]["memory_detail_list"]
    assert "Lisbon" in found["memory_value"]


async def test_a_knowledge_base_is_written_to_if_it_is_the_projects(it):
    made = await knowledge.create(it.gateway.registry, "default", name="b", description="", now=1)
    await add(it, "I live in Lisbon.", allow_knowledgebase_ids=[made.id])
    assert await held(it, knowledge_base("default", made.id))
    assert not await held(it, public("default"))
    foreign = await knowledge.create(it.gateway.registry, "other", name="b", description="", now=1)
    for ids in ([made.id, "nothing"], [foreign.id], ["all"]):
        refused = await add(it, "I live in Porto.", allow_knowledgebase_ids=ids, status=404)
        assert refused["code"] == 50123
    assert len(await turns(it)) == 1


# What is refused


@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        ({"user_id": None}, 40002, "user_id or agent_id"),
        ({"user_id": ""}, 40002, "user_id"),
        ({"user_id": []}, 40003, "user_id"),
        ({"user_id": ["ann", ""]}, 40002, "user_id.1"),
        ({"user_id": ["ann", 7]}, 40000, "user_id.1"),
        ({"user_id": [f"u{n}" for n in range(21)]}, 40000, "user_id"),
        ({"user_id": "u" * 101}, 40010, "user_id"),
        ({"agent_id": {}}, 40000, "agent_id"),
        ({"conversation_id": "c" * 101}, 40011, "conversation_id"),
        ({"messages": []}, 40003, "messages"),
        ({"messages": [{"role": "user"}]}, 40002, "content"),
        ({"messages": [{"role": "tool", "content": None}]}, 40002, "content"),
        ({"messages": [{"role": "user", "content": 7}]}, 40000, "messages.0.content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, 40000, "messages.0.content"),
        ({"messages": [{"role": "boss", "content": "x"}]}, 40000, "messages.0.role"),
        ({"messages": said("x", chat_time="soon")}, 40000, "messages.0.chat_time"),
        ({"messages": said("x", tool_calls="f")}, 40000, "messages.0.tool_calls"),
        ({"messages": said("x", role_id="r" * 101)}, 40000, "messages.0.role_id"),
        ({"tags": "home"}, 40000, "tags"),
        ({"tags": [""]}, 40002, "tags.0"),
        ({"info": {"k": {"nested": 1}}}, 40000, "info.k"),
        ({"info": {"k": [1]}}, 40000, "info.k"),
        ({"allow_public": "perhaps"}, 40000, "allow_public"),
        ({"allow_knowledgebase_ids": "all"}, 40000, "allow_knowledgebase_ids"),
    ],
)
async def test_what_is_not_right_is_refused_with_its_code_and_its_name(it, body, code, named):
    refused = await add(it, "x", **body, status=400)
    assert (refused["code"], refused["data"]) == (code, None)
    assert named in refused["message"]
    assert not await turns(it)


async def test_messages_of_too_many_tokens_are_refused(it):
    text = "word " * (MOST_TOKENS - 1)
    refused = await add(it, text, status=413)
    assert refused["code"] == 40305
    halves = {"role": "assistant", "tool_calls": [{"arguments": text}]}
    assert (await add(it, messages=[halves], status=413))["code"] == 40305


@pytest.mark.parametrize("text", ["a" * 150_000, "好" * 39_000])
async def test_messages_within_the_limit_are_taken(it, text):
    assert (await add(it, text, async_mode=True))["code"] == 0
