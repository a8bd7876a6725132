"""The MemOS endpoints: what they take, what they tell, and how they refuse."""

import httpx
import pytest

from tests.served import served

pytestmark = pytest.mark.anyio


@pytest.fixture(name="it")
async def _it():
    async with served() as it:
        yield it


async def call(it, path: str, body: object, *, status: int = 200):
    async with httpx.AsyncClient(trust_env=False) as client:
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        response = await client.post(f"{it.url}/api/openmem/v1/{path}", **content)
    assert response.status_code == status, response.text
    document = response.json()
    assert set(document) == {"code", "data", "message"}
    return document


def told(*texts: str, **more: object) -> dict:
    messages = [
        {"role": "user", "content": text, "chat_time": "2025-09-12 08:00:00"} for text in texts
    ]
    return {
        "user_id": "ann",
        "conversation_id": "c1",
        "messages": messages,
        "async_mode": False,
    } | more


async def test_what_is_added_in_sync_is_complete_and_found_with_its_sources(it):
    added = await call(it, "add/message", told("I live in Lisbon.", "I love green tea."))
    assert added["code"] == 0
    assert added["message"] == "ok"
    assert added["data"]["success"] is True
    assert added["data"]["status"] == "completed"
    assert added["data"]["task_id"]
    query = {"user_id": "ann", "query": "Lisbon tea", "relativity": 0}
    found = (await call(it, "search/memory", query))["data"]
    facts = found["memory_detail_list"]
    assert {m["memory_type"] for m in facts} == {"WorkingMemory"}  # the fact says no more
    sources = [source for m in facts for source in m["sources"]]
    assert {s["content"] for s in sources} >= {"I live in Lisbon."}
    assert {(s["role"], s["conversation_id"], s["chat_time"]) for s in sources} == {
        ("user", "c1", "2025-09-12T08:00:00+00:00")
    }
    for memory in facts:
        assert 0 <= memory["relativity"] <= 1
        assert isinstance(memory["create_time"], int)
        assert memory["status"] == "activated"
    listed = (await call(it, "get/memory", {"user_id": "ann"}))["data"]["memory_detail_list"]
    assert {m["memory_type"] for m in listed} == {"WorkingMemory", "LongTermMemory"}
    [preference] = found["preference_detail_list"]
    assert preference["preference_type"] == "explicit_preference"
    assert "green tea" in preference["preference"]
    assert found["preference_note"]


async def test_what_is_added_in_async_is_running_and_learned_soon(it):
    added = await call(it, "add/message", told("I live in Lisbon.", async_mode=None))
    assert added["data"]["status"] == "running"
    await it.learned()
    page = (await call(it, "get/memory", {"user_id": "ann"}))["data"]
    assert "I live in Lisbon." in [m["memory_value"] for m in page["memory_detail_list"]]


async def test_adding_the_same_again_changes_nothing(it):
    for _ in range(3):
        await call(it, "add/message", told("I live in Lisbon.", "I love green tea."))
    page = (await call(it, "get/memory", {"user_id": "ann", "size": 50}))["data"]
    ids = [m["id"] for m in page["memory_detail_list"]]
    texts = [m["memory_value"] for m in page["memory_detail_list"]]
    assert len(ids) == len(set(ids)) == len(set(texts)) == 3  # two episodes, one fact
    assert len(page["preference_detail_list"]) == 1


async def test_pages_cover_everything_once(it):
    await call(it, "add/message", told(*(f"Note number {n} of many." for n in range(25))))
    seen = []
    for page in (1, 2, 3, 4):
        data = (await call(it, "get/memory", {"user_id": "ann", "page": page, "size": 10}))["data"]
        assert (data["total"], data["pages"], data["size"], data["current"]) == (25, 3, 10, page)
        seen += [m["id"] for m in data["memory_detail_list"]]
    assert len(seen) == len(set(seen)) == 25


async def test_a_filter_narrows_and_an_empty_one_is_refused(it):
    await call(it, "add/message", told("I live in Lisbon.", tags=["home"]))
    await call(it, "add/message", told("The bridge is closed.", tags=["town"]))
    where = {"and": [{"tags": {"contains": "home"}}]}
    query = {"user_id": "ann", "query": "what", "relativity": 0, "filter": where}
    found = (await call(it, "search/memory", query))["data"]["memory_detail_list"]
    assert {tuple(m["tags"]) for m in found} == {("home",)}
    empties: list[object] = [{}, {"and": []}, [], "all"]
    for empty in empties:
        refused = await call(it, "search/memory", query | {"filter": empty}, status=400)
        assert refused["code"] == 40000


async def test_what_does_not_bear_on_the_question_stays_under_the_threshold(it):
    await call(it, "add/message", told("I live in Lisbon."))
    query = {"user_id": "ann", "query": "Explain monads in Haskell", "relativity": 0.9}
    assert (await call(it, "search/memory", query))["data"]["memory_detail_list"] == []


@pytest.mark.parametrize(
    ("path", "body", "code", "named"),
    [
        ("add/message", b"{", 40000, "JSON"),
        ("add/message", {}, 40002, "messages"),
        ("add/message", {"messages": told("x")["messages"]}, 40002, "user_id"),
        ("add/message", told() | {"messages": []}, 40003, "messages"),
        ("add/message", told("x") | {"user_id": 7}, 40000, "user_id"),
        ("add/message", told("x") | {"user_id": "u" * 101}, 40010, "user_id"),
        ("add/message", told("x") | {"conversation_id": "c" * 101}, 40011, "conversation_id"),
        ("add/message", told("x", async_mode="maybe"), 40000, "async_mode"),
        ("search/memory", {"user_id": "ann"}, 40002, "query"),
        ("search/memory", {"user_id": "ann", "query": ""}, 40002, "query"),
        ("search/memory", {"user_id": "ann", "query": "q", "relativity": 2}, 40012, "relativity"),
        ("get/memory", {"user_id": "ann", "size": 51}, 40000, "size"),
        ("get/memory", {"user_id": ""}, 40002, "user_id"),
    ],
)
async def test_bad_input_names_the_field_in_memos_own_shape(it, path, body, code, named):
    refused = await call(it, path, body, status=400)
    assert refused["code"] == code
    assert refused["data"] is None
    assert named in refused["message"]


async def test_what_the_published_client_sends_is_taken(it):
    """It serialises every optional as null, and sends fields that no document names."""
    nulls = dict.fromkeys(["agent_id", "app_id", "tags", "info", "allow_public", "source"])
    await call(it, "add/message", told("I live in Lisbon.", **nulls))
    query = {"user_id": "ann", "query": "Lisbon", "relativity": None, "filter": None}
    extra = {"include_tool_memory": False, "tool_memory_limit_number": 6, "source": None}
    found = (await call(it, "search/memory", query | extra))["data"]
    assert found["memory_detail_list"]
    assert found["tool_memory_detail_list"] == []
