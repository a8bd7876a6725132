"""/get/memory/{memory_id}, /update/memory and /delete/memory, field by field."""

from tests.fields.adding import LONG
from tests.fields.table import Bad, Endpoint

UNKNOWN = "0" * 32
TOO_LONG = "x" * 201
ONE = Endpoint("get/memory/{memory_id}", {"memory_id": UNKNOWN}, method="GET")
UPDATE = Endpoint("update/memory", {"memory_id": UNKNOWN, "content": "I live in Porto."})
DELETE = Endpoint("delete/memory", {})


async def known(it, text="I live in Lisbon.", **more):
    """A fact that was just learned, by its id."""
    await it.add(text, **more)
    listed = (await it.listed())["memory_detail_list"]
    return next(each["id"] for each in listed if each["memory_value"] == text)


async def seen(it, memory_id):
    return await it.call(f"get/memory/{memory_id}", method="GET")


@ONE.field(
    "memory_id", "a memory's id", Bad(UNKNOWN, 40001, "there is no such memory"), (TOO_LONG, 40000)
)
async def memory_id(it, good):
    """The memory of this id is answered."""
    assert good
    one = await known(it)
    assert (await seen(it, one))["content"] == "I live in Lisbon."


@UPDATE.field(
    "memory_id",
    "a memory's id",
    Bad(UNKNOWN, 40307, "There is no such memory."),
    (None, 40002),
    ("", 40002),
)
async def updated_id(it, good):
    """The memory of this id is changed."""
    assert good
    one = await known(it)
    assert await it.call("update/memory", {"memory_id": one, "content": "I live in Porto."}) == {
        "success": True
    }
    assert (await seen(it, one))["content"] == "I live in Porto."


@UPDATE.field("content", "I live in Faro.", ("", 40002), ("x" * 8001, 40000), ([], 40000))
async def content(it, good):
    """It says this from now on, wherever it is found."""
    one = await known(it)
    await it.call("update/memory", {"memory_id": one, "content": good})
    assert good in await it.facts()
    assert (await seen(it, one))["content"] == good


@UPDATE.field("title", "Home", (TOO_LONG, 40000), (7, 40000))
async def title(it, good):
    """It has this title."""
    one = await known(it)
    await it.call("update/memory", {"memory_id": one, "title": good})
    assert (await seen(it, one))["title"] == good


@UPDATE.field("status", "archived", ("forgotten", 40000))
async def status(it, good):
    """What is not activated is found no more, and can come back."""
    one = await known(it)
    await it.call("update/memory", {"memory_id": one, "status": good})
    assert (await seen(it, one))["status"] == good
    found = (await it.search("Where do I live?"))["memory_detail_list"]
    assert one not in {each["id"] for each in found}
    await it.call("update/memory", {"memory_id": one, "status": "activated"})
    assert (await seen(it, one))["status"] == "activated"


@DELETE.field(
    "memory_ids",
    ["a memory's id"],
    Bad([UNKNOWN], 40307, "There is no such memory."),
    ([], 40003),
    ("all", 40000),
    Bad(
        ["x"],
        40000,
        "exactly one of memory_ids, user_id, agent_id is needed",
        beside={"user_id": "ann"},
    ),
)
async def memory_ids(it, good):
    """These are found no more, neither here nor by a search or a chat."""
    assert good
    one = await known(it)
    await it.call("delete/memory", {"memory_ids": [one]})
    await it.call(f"get/memory/{one}", method="GET", status=404)
    listed = (await it.listed())["memory_detail_list"]
    assert one not in {each["id"] for each in listed}


@DELETE.field(
    "user_id",
    "bob",
    Bad("nobody", 40308, "there is no such user"),
    ("", 40002),
    (LONG, 40010),
    Bad(None, 40002, "exactly one of memory_ids, user_id, agent_id is needed"),
)
async def user_id(it, good):
    """Everything of this user goes."""
    await it.add("I live in Lisbon.", user_id=good)
    await it.add("I live in Porto.")
    await it.call("delete/memory", {"user_id": good})
    assert await it.facts(user_id=good) == set()
    assert await it.facts() == {"I live in Porto."}


@DELETE.field("agent_id", "helper", Bad("nobody", 40308, "there is no such agent"), ("", 40002))
async def agent_id(it, good):
    """Everything of this agent goes."""
    said = [{"role": "user", "content": "The door code is kept in the blue box."}]
    await it.call("add/message", {"agent_id": good, "messages": said, "async_mode": False})
    listed = await it.call("get/memory", {"agent_id": good})
    assert listed["total"] > 0
    await it.call("delete/memory", {"agent_id": good})
    assert (await it.call("get/memory", {"agent_id": good}))["total"] == 0


for narrower in ("conversation_id", "knowledgebase_id", "filter", "memory_type"):

    @DELETE.field(
        narrower,
        None,
        Bad("x", 40000, f"{narrower} is not supported here", beside={"user_id": "ann"}),
    )
    async def narrowed(it, good):
        """It is refused, since without it more would be deleted than was asked for."""
        assert good is None
        await it.add("I live in Lisbon.")
        asked = {"user_id": "ann", "conversation_id": "c1"}
        await it.call("delete/memory", asked, status=400)
        assert await it.facts() == {"I live in Lisbon."}
