"""/search/memory and /get/memory: what is found where, which lists are filled, what is refused."""

import pytest

from gateway.memory import knowledge
from tests.served import served
from tests.test_memos_add import add, said
from tests.test_memos_api import call

pytestmark = pytest.mark.anyio

LISTS = {
    "detail_factual": "memory_detail_list",
    "preference": "preference_detail_list",
    "tool_memory": "tool_memory_detail_list",
    "event": "event_detail_list",
    "skill": "skill_detail_list",
    "profile": "profile_detail_list",
}
WEATHER = {
    "id": "1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Lisbon"}'},
}


@pytest.fixture(name="it")
async def _it():
    async with served() as it:
        yield it


async def search(it, query="Lisbon", *, status=200, **body):
    asked = {"user_id": "ann", "query": query, "relativity": 0} | body
    return await call(it, "search/memory", asked, status=status)


async def found(it, query="Lisbon", **body):
    return (await search(it, query, **body))["data"]


async def listed(it, *, status=200, **body):
    return await call(it, "get/memory", {"user_id": "ann"} | body, status=status)


def facts(data):
    return [item["memory_value"] for item in data["memory_detail_list"]]


async def filled(it):
    """Something of every kind that is learned."""
    await add(
        it,
        messages=[
            *said("I live in Lisbon. I love green tea. I moved to Lisbon on 3 May 2024."),
            {"role": "assistant", "tool_calls": [WEATHER]},
            {"role": "tool", "content": "Sunny in Lisbon", "tool_call_id": "1"},
            {"role": "assistant", "content": "It is sunny in Lisbon."},
        ],
    )


def which(data):
    return {view for view, name in LISTS.items() if data[name]}


async def test_without_a_choice_every_list_is_filled_that_has_something(it):
    await filled(it)
    for data in (await found(it, "weather tea Lisbon"), (await listed(it))["data"]):
        assert data.keys() >= {*LISTS.values()}
        assert which(data) == {"detail_factual", "preference", "tool_memory", "event"}


@pytest.mark.parametrize("view", [*LISTS])
async def test_views_choose_the_lists_whatever_the_switches_say(it, view):
    await filled(it)
    body = {"include_memory_view": [view], "include_tool_memory": False}
    for data in (await found(it, "weather tea Lisbon", **body), (await listed(it, **body))["data"]):
        assert which(data) == {view} - {"skill", "profile"}


async def test_the_switches_of_the_older_contract_leave_lists_out(it):
    await filled(it)
    for body, left_out in (
        ({"include_preference": False}, "preference"),
        ({"include_tool_memory": False}, "tool_memory"),
    ):
        for data in (
            await found(it, "weather tea Lisbon", **body),
            (await listed(it, **body))["data"],
        ):
            assert left_out not in which(data)
            assert "detail_factual" in which(data)


async def test_a_profiles_fields_are_told_as_they_are_set(it):
    tree = {"Basic Info": {"Occupation": {"value": "nurse"}, "Age": {"value": None}}}
    made = await call(it, "add/profile_template", {"name": "person", "metadata": tree})
    who = {"user_id": "ann", "profile_template_id": made["data"]["profile_template_id"]}
    await call(it, "bind/profile_template", {"bind_list": [who]})
    [field] = (await found(it))["profile_detail_list"]
    assert field["memory"] == "Occupation: nurse"
    assert field["profile_path"] == "Basic Info.Occupation"
    assert (await found(it, user_id="bob"))["profile_detail_list"] == []
    assert (await found(it, include_memory_view=["event"]))["profile_detail_list"] == []


async def test_limits_hold_for_each_list(it):
    await add(it, *(f"I like game number {n} a lot." for n in range(12)))
    assert len((await found(it, "game"))["memory_detail_list"]) == 9
    data = await found(it, "game", memory_limit_number=3, preference_limit_number=2)
    assert (len(data["memory_detail_list"]), len(data["preference_detail_list"])) == (3, 2)
    data = await found(it, "game", memory_limit_number=0, preference_limit_number=0)
    assert (data["memory_detail_list"], data["preference_detail_list"]) == ([], [])


async def test_the_note_on_preferences_is_a_string_and_there_when_they_are(it):
    await add(it, "I love green tea.")
    assert (await found(it, "tea"))["preference_note"]
    assert (await found(it, "tea", include_preference=False))["preference_note"] == ""


async def test_an_event_says_when_it_was(it):
    await filled(it)
    [event] = (await found(it))["event_detail_list"]
    assert event["event_time"] == ["2024-05-03T00:00:00+00:00"]
    assert event["event_type"] == "EventMemory"
    assert "moved to Lisbon" in event["event_value"]
    assert 0 <= event["relativity"] <= 1
    [event] = (await listed(it))["data"]["event_detail_list"]
    assert "relativity" not in event


async def test_a_memory_of_a_tool_says_how_it_went(it):
    await filled(it)
    tools = (await found(it, "weather"))["tool_memory_detail_list"]
    assert {tool["tool_type"] for tool in tools} == {"ToolSchemaMemory", "ToolTrajectoryMemory"}
    assert len(tools) == 2
    [status] = [status for tool in tools for status in tool["tool_used_status"]]
    assert status["used_tool"] == "weather"


async def test_the_threshold_is_kept_and_zero_is_none(it):
    await add(it, "I live in Lisbon.")
    assert facts(await found(it, "Explain monads", relativity=0.9)) == []
    assert facts(await found(it, "Explain monads", relativity=0))


async def test_a_conversation_comes_sooner_and_hides_no_other(it):
    await add(it, "The boat is red.", conversation_id="one")
    await add(it, "The boat is blue.", conversation_id="two")
    for first in ("one", "two"):
        data = await found(it, "What colour is the boat?", conversation_id=first)
        assert data["memory_detail_list"][0]["conversation_id"] == first
        assert {m["conversation_id"] for m in data["memory_detail_list"]} == {"one", "two"}


async def test_every_memory_says_where_it_comes_from_and_not_from_whom(it):
    base = await knowledge.create(it.gateway.registry, "default", name="b", description="", now=1)
    other = await knowledge.create(it.gateway.registry, "default", name="o", description="", now=1)
    await add(it, "I live in Lisbon.")
    await add(it, "Lisbon is hilly.", user_id="bob-7", allow_public=True)
    await add(it, "Lisbon has trams.", user_id="bob-7", allow_knowledgebase_ids=[base.id])
    data = await found(it, knowledgebase_ids=[base.id])
    told = {m["memory_value"]: m for m in data["memory_detail_list"]}
    where = {text[-17:]: m["provenance"] for text, m in told.items()}
    assert where == {
        "I live in Lisbon.": "personal",
        " Lisbon is hilly.": "public",
        "Lisbon has trams.": "knowledgebase",
    }
    for item in told.values():
        assert item.get("knowledgebase_id", base.id) == base.id
        if item["provenance"] != "personal":
            assert item["conversation_id"] == ""
            assert "bob-7" not in str(item)
    assert not [t for t in facts(await found(it)) if "trams" in t]
    assert not [t for t in facts(await found(it, knowledgebase_ids=[other.id])) if "trams" in t]
    for every in ("all", ["all"]):
        assert [t for t in facts(await found(it, knowledgebase_ids=every)) if "trams" in t]


async def test_what_others_prefer_is_no_preference_of_the_users(it):
    await add(it, "I love green tea.", user_id="bob", allow_public=True)
    data = await found(it, "tea")
    assert data["preference_detail_list"] == []
    assert data["preference_note"] == ""
    assert any("green tea" in text for text in facts(data))


async def test_a_list_of_ones_memory_has_nothing_of_others(it):
    await add(it, "Lisbon is hilly.", user_id="bob", allow_public=True)
    assert (await listed(it))["data"]["total"] == 0


async def test_a_group_for_a_base_only_narrows_the_bases_that_are_asked(it):
    base = await knowledge.create(it.gateway.registry, "default", name="b", description="", now=1)
    for tag in ("tram", "hill"):
        await add(
            it,
            f"Lisbon has a {tag}.",
            user_id="bob",
            tags=[tag],
            allow_knowledgebase_ids=[base.id],
        )
    where = {"knowledgebase": {"and": [{"tags": {"contains": "tram"}}]}}
    data = await found(it, filter=where, knowledgebase_ids=[base.id])
    assert {tuple(m["tags"]) for m in data["memory_detail_list"]} == {("tram",)}
    assert facts(await found(it, filter=where)) == []


async def test_a_filter_narrows_by_each_source(it):
    await add(it, "I live in Lisbon.", tags=["home"])
    await add(it, "Lisbon is hilly.", user_id="bob", tags=["town"], allow_public=True)
    for where, passing in (
        ({"and": [{"tags": "home"}]}, {"home"}),
        ({"user": {"and": [{"tags": "none"}]}}, {"town"}),
        ({"public": {"not": {"tags": "town"}}}, {"home"}),
        ({"user": {"tags": "home"}, "public": {"tags": "town"}}, {"home", "town"}),
    ):
        data = await found(it, filter=where)
        assert {tag for m in data["memory_detail_list"] for tag in m["tags"]} == passing, where


async def test_what_concerns_somebody_is_found_by_who_took_part(it):
    await add(it, "The boat is red.", user_id=["ann", "bob"])
    await add(it, "The boat is blue.", agent_id="guide")
    for wanted, passing in (
        ("bob", {"red"}),
        ("guide", {"blue"}),
        (["bob", "guide"], {"red", "blue"}),
        ({"in": ["nobody"]}, set()),
        ("ann", {"red", "blue"}),
    ):
        data = await found(it, "boat", filter={"and": [{"related_id": wanted}]})
        assert {text.split()[-1].strip(".") for text in facts(data)} == passing, wanted


async def test_of_pages_each_list_has_its_own(it):
    await add(it, *(f"I love drink number {n}." for n in range(7)))
    seen: dict[str, list[str]] = {"memory_detail_list": [], "preference_detail_list": []}
    for page in (1, 2, 3):
        data = (await listed(it, page=page, size=3))["data"]
        assert (data["size"], data["current"]) == (3, page)
        assert data["total"] >= 7
        assert data["pages"] == -(-data["total"] // 3)
        for name, items in seen.items():
            items += [item["id"] for item in data[name]]
    assert len(seen["memory_detail_list"]) == len(set(seen["memory_detail_list"])) == 7
    every = (await listed(it, size=50))["data"]
    for name, ids in seen.items():
        assert ids == [item["id"] for item in every[name]]
    assert {source["content"] for m in every["memory_detail_list"] for source in m["sources"]}
    assert all(m["info"] == {} for m in every["memory_detail_list"])


@pytest.mark.parametrize("path", ["search/memory", "get/memory"])
@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        ({"user_id": None}, 40002, "user_id or agent_id"),
        ({"agent_id": "guide"}, 40000, "exclude"),
        ({"user_id": "u" * 101}, 40010, "user_id"),
        ({"include_memory_view": ["dreams"]}, 40000, "include_memory_view"),
        ({"include_memory_view": "event"}, 40000, "include_memory_view"),
        ({"include_preference": "perhaps"}, 40000, "include_preference"),
        ({"filter": "all"}, 40000, "filter"),
        ({"filter": {}}, 40000, "filter"),
        ({"filter": {"and": []}}, 40000, "filter.and"),
        ({"filter": {"public": {}}}, 40000, "filter.public"),
        ({"filter": {"and": [{"tags": "a"}, {"tags": 3}]}}, 40000, "filter.and[1].tags"),
    ],
)
async def test_what_is_not_right_is_refused(it, path, body, code, named):
    refused = await call(it, path, {"user_id": "ann", "query": "q"} | body, status=400)
    assert refused["code"] == code
    assert named in refused["message"]


@pytest.mark.parametrize(
    ("body", "status", "code", "named"),
    [
        ({"query": None}, 400, 40002, "query"),
        ({"query": "word " * 40_000}, 413, 40305, "query"),
        ({"conversation_id": "c" * 101}, 400, 40011, "conversation_id"),
        ({"memory_limit_number": 26}, 400, 40000, "memory_limit_number"),
        ({"tool_memory_limit_number": -1}, 400, 40000, "tool_memory_limit_number"),
        ({"relativity": 1.1}, 400, 40012, "relativity"),
        ({"knowledgebase_ids": ["nothing"]}, 404, 50123, "nothing"),
        ({"knowledgebase_ids": "some"}, 400, 40000, "knowledgebase_ids"),
    ],
)
async def test_a_search_that_is_not_right_is_refused(it, body, status, code, named):
    refused = await search(it, status=status, **body)
    assert refused["code"] == code
    assert named in refused["message"]
