"""/get/status: how far a task is, and which memories came of it."""

import pytest

from gateway.adapters.fake_store import FakeStore
from gateway.memory.model import TurnState
from tests.chatting import call
from tests.served import served

pytestmark = pytest.mark.anyio


class Waiting:
    """A queue whose turns nobody learns."""

    async def enqueue(self, turn_id):
        pass


@pytest.fixture(name="it")
async def _it():
    async with served() as it:
        yield it


async def add(it, *said: str, conversation: str = "c1", user: str = "ann") -> str:
    messages = [{"role": "user", "content": text} for text in said]
    body = {"user_id": user, "conversation_id": conversation, "messages": messages}
    return (await call(it, "add/message", body))["data"]["task_id"]


async def status(it, task: str) -> dict:
    data = (await call(it, "get/status", {"task_id": task}))["data"]
    assert data["task_id"] == task
    return data


async def test_a_task_runs_until_its_turn_is_learned():
    async with served(queue=Waiting()) as it:
        task = await add(it, "I live in Lisbon.")
        assert await status(it, task) == {"task_id": task, "status": "running"}
        await it.gateway.learner.learn(task)
        assert (await status(it, task))["status"] == "completed"


async def test_a_task_that_was_given_up_has_failed():
    store = FakeStore()
    async with served(queue=Waiting(), store=store) as it:
        task = await add(it, "I live in Lisbon.")
        await store.mark(task, TurnState.PARKED, attempts=5, error="x")
        assert await status(it, task) == {"task_id": task, "status": "failed"}


async def test_the_memories_that_came_of_a_task_are_named_by_their_view(it):
    task = await add(it, "I live in Lisbon.", "I love green tea.")
    other = await add(it, "I work at Siemens.", conversation="c2")
    await it.learned()
    views = (await status(it, task))["memory_views"]
    assert (views["added"], views["updated"], views["deleted"]) == (4, 0, 0)
    named = views["detail_factual"]["memory_ids"] + views["preference"]["memory_ids"]
    assert len(named) == len(set(named)) == 4
    found = await it.gateway.store.find_memories("default", named)
    assert {source.turn for memory in found for source in memory.sources} == {task}
    [preference] = views["preference"]["memory_ids"]
    assert "green tea" in next(m.text for m in found if m.id == preference)
    assert "tool_memory" not in views
    others = (await status(it, other))["memory_views"]
    assert set(others["detail_factual"]["memory_ids"]).isdisjoint(named)


async def test_what_is_said_again_is_updated_and_what_is_superseded_ended(it):
    first = await add(it, "I live in Lisbon.")
    await it.learned()
    again = await add(it, "I live in Lisbon.", conversation="c2")
    await it.learned()
    views = (await status(it, again))["memory_views"]
    assert (views["added"], views["updated"], views["deleted"]) == (1, 1, 0)
    known = set((await status(it, first))["memory_views"]["detail_factual"]["memory_ids"])
    assert known & set(views["detail_factual"]["memory_ids"])
    moved = await add(it, "I live in Porto now.", conversation="c3")
    await it.learned()
    assert (await status(it, moved))["memory_views"]["deleted"] == 1


async def test_a_chats_turn_is_a_task_too(it):
    asked = {"user_id": "ann", "conversation_id": "c1", "query": "I live in Lisbon."}
    task = (await call(it, "chat", asked))["data"]["task_id"]
    await it.learned()
    assert (await status(it, task))["memory_views"]["added"] == 2


async def test_a_group_chats_task_is_done_when_all_of_it_is():
    store = FakeStore()
    async with served(queue=Waiting(), store=store) as it:
        messages = [
            {"role": "user", "role_id": "ann", "content": "I live in Lisbon."},
            {"role": "user", "role_id": "bob", "content": "I live in Porto."},
        ]
        body = {"user_id": ["ann", "bob"], "conversation_id": "c1", "messages": messages}
        task = (await call(it, "add/message", body))["data"]["task_id"]
        first, second = await store.pending(created_before=2**53, limit=9)
        await it.gateway.learner.learn(first)
        assert (await status(it, task))["status"] == "running"
        await store.mark(second, TurnState.PARKED, attempts=5, error="x")
        assert (await status(it, task))["status"] == "failed"
        await store.mark(second, TurnState.PENDING)
        await it.gateway.learner.learn(second)
        done = await status(it, task)
    assert done["status"] == "completed"
    ids = done["memory_views"]["detail_factual"]["memory_ids"]
    assert done["memory_views"]["added"] == len(ids) == len(set(ids))
    users = {memory.scope.user for memory in await store.find_memories("default", ids)}
    assert users == {"ann", "bob"}


async def test_a_task_that_is_unknown_or_of_another_project_is_not_found():
    async with served(api_keys="p:mpg-made-up") as it:
        task = await add(it, "I live in Lisbon.")
        await it.learned()
        assert (await status(it, task))["status"] == "completed"
        for unknown in ("never-was", "00000000-0000-0000-0000-000000000000"):
            refused = await call(it, "get/status", {"task_id": unknown}, status=404)
            assert refused["code"] == 50131
        store = it.gateway.store
    async with served(store=store) as other:  # without keys it is the project `default`
        assert (await call(other, "get/status", {"task_id": task}, status=404))["code"] == 50131


@pytest.mark.parametrize(
    ("body", "code"), [({}, 40002), ({"task_id": ""}, 40002), ({"task_id": 7}, 40000)]
)
async def test_a_bad_id_is_refused_by_name(it, body, code):
    refused = await call(it, "get/status", body, status=400)
    assert refused["code"] == code
    assert "task_id" in refused["message"]
