"""/search/memory, field by field."""

from tests.fields.adding import ADD, LONG, TOOL_LOOP
from tests.fields.table import Bad, Endpoint
from tests.fields.world import texts

SEARCH = Endpoint("search/memory", {"user_id": "ann", "query": "Where do I live?"})


@SEARCH.field("user_id", "bob", ("", 40002), (LONG, 40010), (["x"], 40000))
async def user_id(it, good):
    """Whose memories are searched."""
    await it.add("I live in Lisbon.", user_id=good)
    await it.add("I live in Porto.", user_id="ann")
    assert texts(await it.search("Where do I live?", user_id=good)) == {"I live in Lisbon."}


@SEARCH.field(
    "agent_id",
    "helper",
    ("", 40002),
    (LONG, 40000),
    Bad("helper", 40000, beside={"user_id": "ann"}),
)
async def agent_id(it, good):
    """Or an agent's own memories."""
    await it.add("I live in Lisbon.", user_id=None, agent_id=good)
    found = await it.search("Where do I live?", user_id=None, agent_id=good)
    assert texts(found) == {"I live in Lisbon."}


@SEARCH.field("query", "Which city?", (None, 40002), ("", 40002), (7, 40000))
async def query(it, good):
    """What bears on it is found, the more so the more relevant it is."""
    await it.add("The cat sleeps on the roof.", "Lisbon is the city where I live.")
    found = (await it.search(good))["memory_detail_list"]
    assert found[0]["memory_value"].endswith("Lisbon is the city where I live.")
    assert [each["relativity"] for each in found] == sorted(
        (each["relativity"] for each in found), reverse=True
    )


@SEARCH.field("conversation_id", "c2", (LONG, 40011), ([], 40000))
async def conversation_id(it, good):
    """What was said in it comes sooner."""
    for conversation in ("c1", good, "c3"):
        await it.add("My cat is called Tom.", conversation_id=conversation)
    for conversation in ("c1", good, "c3"):
        found = await it.search("What is my cat called?", conversation_id=conversation)
        assert found["memory_detail_list"][0]["conversation_id"] == conversation


@SEARCH.field(
    "filter",
    {"and": [{"tags": {"contains": "home"}}]},
    Bad({}, 40000, "filter: must be an object with at least one field"),
    Bad(
        {"and": [{"tags": {"like": "x"}}]},
        40000,
        "filter.and[0].tags: must be an object of one of these operators: contains, in",
    ),
)
async def filter_(it, good):
    """Only what passes it is found."""
    await it.add("I live in Lisbon.", tags=["home"])
    await it.add("I have a cat.", tags=["pets"])
    assert texts(await it.search(filter=good)) == {"I live in Lisbon."}


@SEARCH.field(
    "knowledgebase_ids",
    "all",
    Bad(["none"], 50123, "there is no knowledge base 'none'"),
    ("none", 40000),
    ([7], 40000),
)
async def knowledgebase_ids(it, good):
    """These are searched too."""
    await it.document("Dinner is served at seven.")
    found = await it.search("When is dinner served?", knowledgebase_ids=good)
    assert any("at seven" in each["memory_value"] for each in found["memory_detail_list"])
    assert texts(await it.search("When is dinner served?")) == set()


@SEARCH.field("include_memory_view", ["preference"], (["dreams"], 40000), ("preference", 40000))
async def include_memory_view(it, good):
    """Which lists are filled, whatever the switches of the older contract say."""
    await it.add("I live in Lisbon. I love green tea.")
    found = await it.search("tea in Lisbon", include_memory_view=good, include_preference=False)
    assert found["memory_detail_list"] == []
    assert found["preference_detail_list"]


@SEARCH.field("include_tool_memory", False, ("some", 40000))
async def include_tool_memory(it, good):
    """Whether memories of tools are found."""
    await it.call("add/message", {**ADD.asks, "messages": TOOL_LOOP})
    assert (await it.search("weather in Lisbon"))["tool_memory_detail_list"]
    found = await it.search("weather in Lisbon", include_tool_memory=good)
    assert found["tool_memory_detail_list"] == []


@SEARCH.field("tool_memory_limit_number", 0, (26, 40000), (-1, 40000))
async def tool_memory_limit_number(it, good):
    """So many memories of tools are found at most."""
    await it.call("add/message", {**ADD.asks, "messages": TOOL_LOOP})
    found = await it.search("weather in Lisbon", tool_memory_limit_number=good)
    assert found["tool_memory_detail_list"] == []


@SEARCH.field("memory_limit_number", 1, (26, 40000), (-1, 40000), ("many", 40000))
async def memory_limit_number(it, good):
    """So many facts are found at most."""
    await it.add("I live in Lisbon.", "I work in Lisbon.", "I swim in Lisbon.")
    assert len((await it.search("Lisbon", memory_limit_number=good))["memory_detail_list"]) == good


@SEARCH.field("include_preference", False, ("maybe", 40000))
async def include_preference(it, good):
    """Whether preferences are found."""
    await it.add("I love green tea.")
    assert (await it.search("tea"))["preference_detail_list"]
    found = await it.search("tea", include_preference=good)
    assert (found["preference_detail_list"], found["preference_note"]) == ([], "")


@SEARCH.field("preference_limit_number", 1, (26, 40000), (-1, 40000))
async def preference_limit_number(it, good):
    """So many preferences are found at most."""
    await it.add("I love green tea.", "I love black coffee.")
    found = await it.search("tea coffee", preference_limit_number=good)
    assert len(found["preference_detail_list"]) == good


@SEARCH.field("relativity", 0.9, (1.5, 40012), (-0.1, 40012), ("high", 40000))
async def relativity(it, good):
    """What is less relevant is left out; 0 leaves out nothing."""
    await it.add("I live in Lisbon.")
    assert not texts(await it.search("Explain monads in Haskell", relativity=good))
    assert texts(await it.search("Explain monads in Haskell", relativity=0))
