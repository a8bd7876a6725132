"""MemOS's calls for one memory: seen, changed, deleted, and everything of a user deleted."""

import httpx
import pytest

from tests.served import served

pytestmark = pytest.mark.anyio


@pytest.fixture(name="it")
async def _it():
    async with served() as it:
        yield it


async def call(it, path: str, body=None, *, status: int = 200, code: int = 0):
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{it.url}/api/openmem/v1/{path}"
        response = await (client.get(url) if body is None else client.post(url, json=body))
    assert response.status_code == status, response.text
    document = response.json()
    assert set(document) == {"code", "data", "message"}
    assert document["code"] == code, document
    return document["data"]


async def add(it, *texts: str, user: str = "ann", **more: object) -> None:
    said = {"role": "user", "chat_time": "2025-09-12 08:00"}
    messages = [said | {"content": text} for text in texts]
    body = {"user_id": user, "conversation_id": "c1", "messages": messages, "async_mode": False}
    await call(it, "add/message", body | more)


async def listed(it, user: str = "ann") -> dict[str, str]:
    """Ids by what the memories say."""
    page = await call(it, "get/memory", {"user_id": user, "size": 50})
    facts = {m["memory_value"]: m["id"] for m in page["memory_detail_list"]}
    return facts | {m["preference"]: m["id"] for m in page["preference_detail_list"]}


async def found(it, query: str, user: str = "ann") -> list[str]:
    body = {"user_id": user, "query": query, "relativity": 0}
    data = await call(it, "search/memory", body)
    facts = [m["memory_value"] for m in data["memory_detail_list"]]
    return facts + [m["preference"] for m in data["preference_detail_list"]]


async def test_one_memory_is_told_with_all_its_members(it):
    await add(it, "I live in Lisbon.", tags=["home"], info={"scene": "x"}, agent_id="bot")
    fact = await call(it, f"get/memory/{(await listed(it))['I live in Lisbon.']}")
    assert set(fact) == {
        *("id", "memory_view", "title", "content", "conversation_id", "message_ids", "status"),
        *("algorithm_updatable", "created_at", "updated_at", "user_id", "agent_id", "tags", "info"),
    }
    assert (fact["memory_view"], fact["content"]) == ("detail_factual", "I live in Lisbon.")
    assert (fact["conversation_id"], fact["status"], fact["user_id"]) == ("c1", "activated", "ann")
    assert (fact["agent_id"], fact["tags"], fact["info"]) == ("bot", ["home"], {"scene": "x"})
    assert isinstance(fact["created_at"], int)
    assert fact["algorithm_updatable"] is True
    assert len(fact["message_ids"]) == 1
    await add(it, "I love green tea.")
    tea = await call(it, f"get/memory/{(await listed(it))['I love green tea.']}")
    assert tea["memory_view"] == "preference"


async def test_other_words_and_a_title_are_found_at_once_and_marked_as_made_by_hand(it):
    await add(it, "I live in Lisbon.")
    lisbon = (await listed(it))["I live in Lisbon."]
    change = {"memory_id": lisbon, "content": "I live in Porto.", "title": "Home"}
    assert await call(it, "update/memory", change) == {"success": True}
    changed = await call(it, f"get/memory/{lisbon}")
    assert (changed["content"], changed["title"]) == ("I live in Porto.", "Home")
    assert changed["algorithm_updatable"] is False
    told = await found(it, "Where do I live: Lisbon or Porto?")
    assert any("Porto" in text for text in told)
    assert not any("Lisbon" in text for text in told)
    await add(it, "I live in Lisbon.")  # the same call again: nothing new was said
    assert "I live in Porto." in await listed(it)


@pytest.mark.parametrize("status", ["resolving", "archived", "deleted"])
async def test_a_status_takes_a_memory_out_and_activated_brings_it_back(it, status):
    await add(it, "I live in Lisbon.")
    lisbon = (await listed(it))["I live in Lisbon."]
    await call(it, "update/memory", {"memory_id": lisbon, "status": status})
    assert (await call(it, f"get/memory/{lisbon}"))["status"] == status
    assert "I live in Lisbon." not in await listed(it)
    await call(it, "update/memory", {"memory_id": lisbon, "status": "activated", "title": None})
    assert "I live in Lisbon." in await listed(it)


async def test_deleted_memories_are_gone_everywhere(it):
    await add(it, "I love coffee.", "I live in Lisbon.")
    before = await listed(it)
    gone = [id_ for text, id_ in before.items() if "coffee" in text]
    assert len(gone) == 2
    assert await call(it, "delete/memory", {"memory_ids": gone}) == {"success": True}
    assert not any("coffee" in text for text in await listed(it))
    assert not any("coffee" in text for text in await found(it, "coffee"))
    for each in gone:
        await call(it, f"get/memory/{each}", status=404, code=40001)
    await add(it, "I love coffee.", "I live in Lisbon.")
    assert not any("coffee" in text for text in await listed(it))
    chat = {"model": "m", "user": "ann", "messages": [{"role": "user", "content": "coffee?"}]}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{it.url}/v1/chat/completions", json=chat)
    assert "I love coffee" not in answer.text


async def test_of_unknown_ids_nothing_is_deleted(it):
    await add(it, "I live in Lisbon.")
    lisbon = (await listed(it))["I live in Lisbon."]
    body = {"memory_ids": [lisbon, "no-such"]}
    await call(it, "delete/memory", body, status=404, code=40307)
    assert "I live in Lisbon." in await listed(it)
    update = {"memory_id": "no-such", "content": "x"}
    await call(it, "update/memory", update, status=404, code=40307)
    await call(it, "get/memory/no-such", status=404, code=40001)


async def test_everything_of_a_user_is_deleted_and_of_nobody_else(it):
    await add(it, "I live in Lisbon.")
    await add(it, "I live in Rome.", user="ben")
    assert await call(it, "delete/memory", {"user_id": "ann"}) == {"success": True}
    assert await listed(it) == {}
    assert "I live in Rome." in await listed(it, "ben")
    await call(it, "delete/memory", {"user_id": "ann"}, status=404, code=40308)
    await call(it, "delete/memory", {"agent_id": "no-such"}, status=404, code=40308)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("delete/memory", {}, 40002),
        ("delete/memory", {"memory_ids": None}, 40002),
        ("delete/memory", {"memory_ids": []}, 40003),
        ("delete/memory", {"memory_ids": "x"}, 40000),
        ("delete/memory", {"memory_ids": ["x"], "user_id": "ann"}, 40000),
        ("delete/memory", {"user_id": "ann", "agent_id": "bot"}, 40000),
        ("delete/memory", {"user_id": ""}, 40002),
        ("delete/memory", {"user_id": "u" * 101}, 40010),
        ("delete/memory", {"user_id": "ann", "conversation_id": "c1"}, 40000),
        ("delete/memory", {"user_id": "ann", "filter": {"and": []}}, 40000),
        ("delete/memory", {"user_id": "ann", "memory_type": "x"}, 40000),
        ("delete/memory", {"user_id": "ann", "knowledgebase_id": "b"}, 40000),
        ("update/memory", {}, 40002),
        ("update/memory", {"memory_id": "x"}, 40002),
        ("update/memory", {"memory_id": "x", "content": ""}, 40002),
        ("update/memory", {"memory_id": "x", "content": 5}, 40000),
        ("update/memory", {"memory_id": "x", "status": "gone"}, 40000),
        ("update/memory", {"content": "x"}, 40002),
    ],
)
async def test_each_problem_has_its_code_and_nothing_is_deleted(it, path, body, code):
    await add(it, "I live in Lisbon.")
    await call(it, path, body, status=400, code=code)
    assert "I live in Lisbon." in await listed(it)
