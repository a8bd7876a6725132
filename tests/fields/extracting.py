"""/extract/memory and /rerank, field by field."""

from tests.fields.table import Bad, Endpoint

SAID = [{"role": "user", "content": "I live in Lisbon. I love green tea."}]
EXTRACT = Endpoint("extract/memory", {"messages": SAID})
RERANK = Endpoint("rerank", {"query": "Where is it?", "documents": ["In Lisbon."]})


async def extracted(it, **more):
    told = await it.call("extract/memory", {"messages": SAID} | more)
    facts = {each["memory_value"] for each in told["memory_detail_list"]}
    return facts, {each["preference"] for each in told["preference_detail_list"]}


@EXTRACT.field("messages", SAID, (None, 40002), ([], 40003), ("text", 40000))
async def messages(it, good):
    """What they state is answered, and nothing is kept."""
    assert await extracted(it, messages=good) == ({"I live in Lisbon."}, {"I love green tea."})
    assert await it.facts() == set()


@EXTRACT.field("messages[].role", "assistant", (None, 40002), ("tool", 40000))
async def role(it, good):
    """Who says it: what the assistant says is no fact about the user."""
    assert await extracted(it, messages=[{**SAID[0], "role": good}]) == (set(), set())


@EXTRACT.field(
    "messages[].content",
    "I live in Porto.",
    (None, 40002),
    ([], 40000),
    Bad("word " * 9000, 40305, "messages: more than 8000 tokens"),
)
async def content(it, good):
    """What is said."""
    facts, _ = await extracted(it, messages=[{"role": "user", "content": good}])
    assert facts == {good}


@EXTRACT.field("extraction_types", ["preference"], ([], 40003), (["event"], 40000))
async def extraction_types(it, good):
    """What is answered: facts, preferences or both."""
    assert await extracted(it, extraction_types=good) == (set(), {"I love green tea."})


async def reranked(it, **more):
    documents = ["Bread is baked at night.", "Lisbon is a city.", "Lisbon is where I live."]
    asked = {"query": "Where do I live?", "documents": documents} | more
    return await it.call("rerank", asked)


@RERANK.field("query", "Which bread?", (None, 40002), ("", 40002))
async def query(it, good):
    """By what the documents are ordered."""
    assert (await reranked(it, query=good))["results"][0]["index"] == 0
    assert (await reranked(it, query="Where do I live?"))["results"][0]["index"] != 0


@RERANK.field(
    "documents",
    ["A cat.", "A dog."],
    (None, 40002),
    ([], 40003),
    Bad(["word " * 45000], 40305, "documents: more than 40000 tokens with the query"),
)
async def documents(it, good):
    """What is ordered; each is answered with its place among them and its score."""
    results = (await reranked(it, query="A dog", documents=good))["results"]
    assert [(each["index"], each["document"]["text"]) for each in results] == [
        (1, "A dog."),
        (0, "A cat."),
    ]
    assert 1 >= results[0]["relevance_score"] > results[1]["relevance_score"] >= 0


@RERANK.field("top_n", 1, (0, 40000), ("all", 40000))
async def top_n(it, good):
    """So many are answered."""
    assert len((await reranked(it, top_n=good))["results"]) == good


@RERANK.field("model", "memos-reranker-0.6b", (["x"], 40000), ("x" * 101, 40000))
async def model(it, good):
    """Any name is taken; the answer says which model it was."""
    assert (await reranked(it, model=good))["model"]
