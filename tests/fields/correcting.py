"""/add/feedback, field by field."""

from tests.fields.adding import LONG
from tests.fields.changing import known, seen
from tests.fields.table import Bad, Endpoint

FEEDBACK = Endpoint(
    "add/feedback", {"user_id": "ann", "feedback_content": "Replace Lisbon by Porto."}
)


async def told(it, text="Replace Lisbon by Porto.", **more):
    given = await it.call("add/feedback", {"user_id": "ann", "feedback_content": text} | more)
    await it.it.learned()
    return given


@FEEDBACK.field("user_id", "bob", (None, 40002), ("", 40002), (LONG, 40010))
async def of_whom(it, good):
    """Whose memories are corrected."""
    for user in (good, "ann"):
        await it.add("I live in Lisbon.", user_id=user)
    await told(it, user_id=good)
    assert "I live in Porto." in await it.facts(user_id=good)
    assert await it.facts() == {"I live in Lisbon."}


@FEEDBACK.field(
    "feedback_content",
    "No, I live in Porto, not Lisbon.",
    (None, 40002),
    ("", 40002),
    ("x" * 8001, 40000),
)
async def feedback_content(it, good):
    """What is to be corrected, forgotten or learned."""
    memory = await known(it)
    await told(it, good)
    assert (await seen(it, memory))["content"] == "I live in Porto"


async def stated(it, **more):
    """A fact that a feedback states, as it is listed."""
    await told(it, "That's wrong, I live in Porto.", **more)
    [fact] = (await it.listed())["memory_detail_list"]
    return fact


@FEEDBACK.field("conversation_id", "c1", (LONG, 40011))
async def conversation_id(it, good):
    """The conversation in which it was said."""
    assert (await stated(it, conversation_id=good))["conversation_id"] == good


@FEEDBACK.field("agent_id", "helper", (LONG, 40000))
async def labelled_agent(it, good):
    """What it states is labelled with the agent."""
    fact = await stated(it, agent_id=good)
    assert (await seen(it, fact["id"]))["agent_id"] == good


@FEEDBACK.field("app_id", "shop", (LONG, 40000))
async def labelled_app(it, good):
    """What it states is labelled with the app."""
    await stated(it, app_id=good)
    assert await it.facts(filter={"and": [{"app_id": good}]}) == {"I live in Porto."}


@FEEDBACK.field("feedback_time", "2026-06-10 09:00", ("soon", 40000), (True, 40000))
async def feedback_time(it, good):
    """When it was said."""
    [source] = (await stated(it, feedback_time=good))["sources"]
    assert source["chat_time"].startswith("2026-06-10T09:00")


@FEEDBACK.field("allow_public", True, ("perhaps", 40000))
async def allow_public(it, good):
    """What it states is learned for everybody in the project."""
    await stated(it, allow_public=good)
    found = await it.search("Porto", user_id="bob")
    assert "I live in Porto." in str(found["memory_detail_list"])


@FEEDBACK.field(
    "allow_knowledgebase_ids",
    ["a base's id"],
    Bad(["none"], 50123, "there is no knowledge base 'none'"),
    ("x", 40000),
)
async def allow_knowledgebase_ids(it, good):
    """What it states is written to these knowledge bases."""
    assert good
    base = await it.base()
    await stated(it, allow_knowledgebase_ids=[base])
    found = await it.search("Porto", user_id="bob", knowledgebase_ids=[base])
    assert "I live in Porto." in str(found["memory_detail_list"])
