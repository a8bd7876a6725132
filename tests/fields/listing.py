"""/get/memory, field by field."""

from tests.fields.adding import ADD, LONG, TOOL_LOOP
from tests.fields.table import Bad, Endpoint

LIST = Endpoint("get/memory", {"user_id": "ann"})


@LIST.field("user_id", "bob", ("", 40002), (LONG, 40010), ({}, 40000))
async def user_id(it, good):
    """Whose memories are listed."""
    await it.add("I live in Lisbon.", user_id=good)
    assert await it.facts(user_id=good) == {"I live in Lisbon."}
    assert await it.facts(user_id="ann") == set()


@LIST.field(
    "agent_id",
    "helper",
    ("", 40002),
    (LONG, 40000),
    Bad("helper", 40000, beside={"user_id": "ann"}),
)
async def agent_id(it, good):
    """Or an agent's own memories."""
    await it.add("I live in Lisbon.", user_id=None, agent_id=good)
    assert await it.facts(user_id=None, agent_id=good) == {"I live in Lisbon."}


@LIST.field("include_memory_view", ["preference"], (["dreams"], 40000), ("preference", 40000))
async def include_memory_view(it, good):
    """Which lists are filled, whatever the switches of the older contract say."""
    await it.add("I live in Lisbon. I love green tea.")
    listed = await it.listed(include_memory_view=good, include_preference=False)
    assert listed["memory_detail_list"] == []
    assert listed["preference_detail_list"]


@LIST.field("include_tool_memory", False, ("some", 40000))
async def include_tool_memory(it, good):
    """Whether memories of tools are listed."""
    await it.call("add/message", {**ADD.asks, "messages": TOOL_LOOP})
    assert (await it.listed())["tool_memory_detail_list"]
    assert (await it.listed(include_tool_memory=good))["tool_memory_detail_list"] == []


@LIST.field("page", 2, (0, 40000), (1_000_001, 40000), ("next", 40000))
async def page(it, good):
    """Which page, from 1."""
    await it.add("Note one of three.", "Note two of three.", "Note three of three.")
    first, second = [await it.listed(page=n, size=2) for n in (1, good)]
    assert second["current"] == good
    assert len(second["memory_detail_list"]) == 1
    ids = [each["id"] for page in (first, second) for each in page["memory_detail_list"]]
    assert len(set(ids)) == 3


@LIST.field("size", 2, (51, 40000), (0, 40000))
async def size(it, good):
    """So many of each list on a page at most."""
    await it.add("Note one of three.", "Note two of three.", "Note three of three.")
    listed = await it.listed(size=good)
    assert (listed["size"], listed["pages"], listed["total"]) == (good, 2, 3)
    assert len(listed["memory_detail_list"]) == good


@LIST.field(
    "filter",
    {"or": [{"tags": {"contains": "home"}}]},
    Bad({"or": []}, 40000, "filter.or: must be a list of at least one condition"),
)
async def filter_(it, good):
    """Only what passes it is listed."""
    await it.add("I live in Lisbon.", tags=["home"])
    await it.add("I have a cat.", tags=["pets"])
    assert await it.facts(filter=good) == {"I live in Lisbon."}


@LIST.field("include_preference", False, ([], 40000))
async def include_preference(it, good):
    """Whether preferences are listed."""
    await it.add("I love green tea.")
    assert (await it.listed())["preference_detail_list"]
    assert (await it.listed(include_preference=good))["preference_detail_list"] == []
