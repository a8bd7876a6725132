"""The published client of the MemOS Cloud API, unmodified, and plain `requests`, both move here."""

import orjson
import pytest

from gateway.parts import open_embedder
from gateway.settings import Settings
from tests.clients.running import MEMOS, running
from tests.openai_model import TEXT, OpenAIModel
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.process]

KEY = "mpg-made-up"


@pytest.fixture(scope="module", name="client")
def _client():
    with running(MEMOS) as client:
        yield client


@pytest.fixture(name="upstream")
async def _upstream():
    async with scripted_upstream(OpenAIModel()) as upstream:
        yield upstream


@pytest.fixture(name="embedder", scope="module")
def _embedder():
    return open_embedder(Settings(), print)


@pytest.fixture(name="it")
async def _it(upstream, embedder):
    patient = {"recall_timeout_ms": 10_000, "record_timeout_ms": 10_000}
    async with served(
        upstream.url,
        embedder=embedder,
        api_keys=f"theirs:{KEY}",
        chat_models="talks",
        **patient,
    ) as it:
        yield it


def succeeded(answer):
    assert (answer["code"], answer["message"]) == (0, "ok")
    return answer["data"]


async def test_it_adds_searches_lists_shows_and_changes(client, it):
    saw = await client.follow("remembers", it.url)
    added = succeeded(saw["added"])
    assert (added["success"], added["status"]) == (True, "completed")
    status = succeeded(saw["status"])
    assert (status["task_id"], status["status"]) == (added["task_id"], "completed")
    found = succeeded(saw["found"])["memory_detail_list"]
    assert any("7 Days Inn" in memory["memory_value"] for memory in found)
    listed = succeeded(saw["listed"])
    assert listed["total"] == len(listed["memory_detail_list"]) > 0
    messages = succeeded(saw["messages"])["message_detail_list"]
    assert [message["role"] for message in messages] == ["user", "assistant"] * 2
    assert succeeded(saw["one"])["id"] == listed["memory_detail_list"][0]["id"]
    assert succeeded(saw["updated"]) == {"success": True}
    assert succeeded(saw["after"])["content"] == "I chose 7 Days Inn in Guangzhou."


async def test_it_deletes_one_and_then_all(client, it):
    saw = await client.follow("forgets", it.url)
    assert succeeded(saw["deleted"]) == succeeded(saw["all"]) == {"success": True}
    assert saw["gone"]
    left = succeeded(saw["left"])
    assert (left["total"], left["memory_detail_list"]) == (0, [])


async def test_it_corrects_what_is_remembered(client, it):
    saw = await client.follow("corrects", it.url)
    told, status = succeeded(saw["told"]), succeeded(saw["status"])
    assert told["success"]
    assert told["task_id"] == status["task_id"]
    assert status["status"] == "completed"
    listed = succeeded(saw["listed"])["memory_detail_list"]
    stated = [m["memory_value"] for m in listed if m["memory_type"] == "LongTermMemory"]
    assert any("Lisbon" in text for text in stated)
    assert "I live in Porto." not in stated


async def test_it_chats_whole_and_streamed(client, it, upstream):
    saw = await client.follow("chats", it.url)
    assert succeeded(saw["whole"])["response"] == TEXT
    events = [orjson.loads(event) for event in saw["streamed"]]
    assert "".join(event["data"] for event in events if event["type"] == "text") == TEXT
    assert [event["type"] for event in events if event["type"] == "end"] == ["end"]
    assert events[-1]["type"] == "end"
    for asked in upstream.received:
        assert "Guangzhou" in asked.body.decode()


async def test_it_keeps_a_knowledge_base(client, it):
    saw = await client.follow("keeps documents", it.url)
    base = succeeded(saw["made"])["id"]
    assert base
    [by_json], [by_form] = succeeded(saw["json"]), succeeded(saw["form"])
    assert (by_json["name"], by_form["name"]) == ("breakfast.txt", "dinner.md")
    for page in ("files", "base"):
        shown = succeeded(saw[page])
        assert shown["total"] == 2
        assert {file["id"] for file in shown["file_detail_list"]} == {by_json["id"], by_form["id"]}
    assert succeeded(saw["deleted"]) == succeeded(saw["unlinked"]) == {"success": True}


async def test_it_extracts_reranks_and_keeps_profiles(client, it):
    saw = await client.follow("uses the rest", it.url)
    extracted = succeeded(saw["extracted"])
    assert [fact["memory_value"] for fact in extracted["memory_detail_list"]] == [
        "I live in Lisbon."
    ]
    assert [each["index"] for each in saw["reranked"]["results"]] == [1, 0]
    assert succeeded(saw["bound"]) == succeeded(saw["edited"]) == {"success": True}
    assert succeeded(saw["unbound"]) == {"success": True}


async def test_the_two_samples_of_the_documentation_run_with_the_address_and_the_key_changed(
    client, it, upstream
):
    added = await client.follow("adds history with requests", it.url)
    assert succeeded(added)["success"]
    await it.learned()
    answered = await client.follow("chats with requests", it.url)
    assert succeeded(answered)["response"] == TEXT
    [asked] = upstream.received
    prompt = "\n".join(message["content"] for message in asked.json["messages"])
    assert "Guangzhou" in prompt
    assert "7 Days Inn" in prompt
    assert prompt.endswith("and a hotel brand I haven't stayed at.")
