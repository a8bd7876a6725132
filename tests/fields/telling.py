"""/get/message and /get/status, field by field."""

from tests.fields.adding import LONG
from tests.fields.table import Bad, Endpoint

MESSAGES = Endpoint("get/message", {"user_id": "ann", "conversation_id": "c1"})
STATUS = Endpoint("get/status", {"task_id": "none"})


async def contents(it, **more):
    asked = {"user_id": "ann", "conversation_id": "c1"} | more
    told = await it.call("get/message", asked)
    return [each["content"] for each in told["message_detail_list"]]


@MESSAGES.field("user_id", "bob", (None, 40002), ("", 40002), (LONG, 40010))
async def user_id(it, good):
    """Whose messages are shown."""
    await it.add("I live in Lisbon.", user_id=good, conversation_id="c1")
    assert await contents(it, user_id=good) == ["I live in Lisbon."]
    assert await contents(it) == []


@MESSAGES.field("conversation_id", "c2", (None, 40002), ("", 40002), (LONG, 40011))
async def conversation_id(it, good):
    """Of which conversation."""
    await it.add("I live in Lisbon.", conversation_id=good)
    await it.add("I live in Porto.", conversation_id="c1")
    assert await contents(it, conversation_id=good) == ["I live in Lisbon."]


@MESSAGES.field("message_limit_number", 2, (51, 40000), (0, 40000))
async def message_limit_number(it, good):
    """So many of the latest, oldest first."""
    await it.add("One.", "Two.", "Three.", conversation_id="c1")
    assert await contents(it, message_limit_number=good) == ["Two.", "Three."]


@STATUS.field(
    "task_id",
    "a task's id",
    Bad("none", 50131, "There is no such task."),
    (None, 40002),
    ("", 40002),
    (LONG, 40000),
)
async def task_id(it, good):
    """How far the learning of this task is, and which memories came of it."""
    assert good
    task = (await it.add("I live in Lisbon."))["task_id"]
    told = await it.call("get/status", {"task_id": task})
    assert (told["task_id"], told["status"]) == (task, "completed")
    assert told["memory_views"]["detail_factual"]["memory_ids"]
