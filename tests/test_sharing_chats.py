"""In a chat what others shared is told as theirs, and what the user allows is shared."""

import httpx
import pytest

from gateway.memory import knowledge
from gateway.memory.model import Kind, Scope, Status, knowledge_base, public
from gateway.memory.ports import Selection
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

EVERYTHING = Selection(kinds=frozenset(Kind), statuses=frozenset(Status))
QUESTION = "Who lives in Lisbon?"
KEYS = "acme:key-a,globex:key-b"


@pytest.fixture(name="it")
async def _it():
    async with scripted_upstream() as upstream, served(upstream.url, api_keys=KEYS) as it:
        yield it, upstream


async def chat(it, text, user, *, key="key-a", status=200, **memory):
    body = {"model": "m", "user": user, "messages": [{"role": "user", "content": text}]}
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(
            f"{it.url}/v1/chat/completions",
            json=body | ({"memory": memory} if memory else {}),
            headers={"authorization": f"Bearer {key}"},
        )
    assert response.status_code == status, response.text
    await it.learned()
    return response


async def base(it, project="acme"):
    made = await knowledge.create(it.gateway.registry, project, name="b", description="", now=1)
    return made.id


async def held(it, scope):
    return (await it.gateway.store.list_memories(scope, EVERYTHING, limit=100))[0]


async def test_what_is_made_public_is_told_to_others_of_the_project_as_anothers(it):
    gateway, upstream = it
    await chat(gateway, "I live in Lisbon.", "ann", allow_public=True)
    await chat(gateway, QUESTION, "bob")
    asked = upstream.last.json["messages"][-1]["content"]
    [line] = [line for line in asked.split("\n") if "I live in Lisbon" in line]
    assert line.startswith("- [shared by another user] ")
    assert "ann" not in asked
    await chat(gateway, QUESTION, "ann")
    asked = upstream.last.json["messages"][-1]["content"]
    assert "I live in Lisbon" in asked
    assert "shared by another" not in asked
    await chat(gateway, QUESTION, "bob", key="key-b")
    assert upstream.last.json["messages"][-1]["content"] == QUESTION


async def test_what_is_not_allowed_stays_the_users_own(it):
    gateway, upstream = it
    await chat(gateway, "I live in Lisbon.", "ann")
    await chat(gateway, QUESTION, "bob")
    assert upstream.last.json["messages"][-1]["content"] == QUESTION
    assert not await held(gateway, public("acme"))


async def test_a_knowledge_base_is_written_to_and_told_only_to_who_asks_it(it):
    gateway, upstream = it
    base_id = await base(gateway)
    await chat(gateway, "I live in Lisbon.", "ann", allow_knowledgebase_ids=[base_id])
    assert await held(gateway, knowledge_base("acme", base_id))
    await chat(gateway, QUESTION, "bob")
    assert upstream.last.json["messages"][-1]["content"] == QUESTION
    for asked in ([base_id], "all"):
        await chat(gateway, QUESTION, "bob", knowledgebase_ids=asked)
        assert "- [from a knowledge base] " in upstream.last.json["messages"][-1]["content"]


@pytest.mark.parametrize("field", ["knowledgebase_ids", "allow_knowledgebase_ids"])
async def test_a_base_that_is_not_the_projects_is_refused_before_anything_is_sent(it, field):
    gateway, upstream = it
    for unknown in ("nothing", await base(gateway, "globex")):
        refused = await chat(gateway, "I live in Lisbon.", "ann", status=404, **{field: [unknown]})
        assert refused.json()["error"]["code"] == "knowledge_base_not_found"
    assert not upstream.received
    assert not await held(gateway, Scope("acme", "ann"))


async def test_a_filter_holds_each_source_to_its_own_group(it):
    gateway, upstream = it
    await chat(gateway, "I live in Lisbon.", "ann", allow_public=True, tags=["home"])
    where = {"public": {"and": [{"tags": {"contains": "work"}}]}}
    await chat(gateway, QUESTION, "bob", filter=where)
    assert upstream.last.json["messages"][-1]["content"] == QUESTION
    refused = await chat(gateway, QUESTION, "bob", status=400, filter={"public": {}})
    assert refused.json()["error"]["message"].startswith("filter.public: ")
