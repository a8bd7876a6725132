"""What chat applications send is understood: who speaks, in which conversation, and in what words.

tests/suites/applications.json has their requests as they were seen on the wire, with long prompts
shortened and ids made up: of Open WebUI and of Continue's command line as they are installed, and
of the part of LibreChat that talks to models. `words` are the user's, null where none spoke.
"""

from pathlib import Path

import httpx
import orjson
import pytest

from gateway.memory.housekeeping import is_housekeeping
from gateway.memory.model import Kind, Scope
from gateway.memory.ports import Selection
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

SEEN = (Path(__file__).parent / "suites" / "applications.json").read_bytes()
OWN = [each for each in orjson.loads(SEEN) if each["words"] is None]
SAID = [each for each in orjson.loads(SEEN) if each["words"] is not None]
TOLD = "I live in Lisbon, and my dog is called Bruno."


def named(seen):
    return f"{seen['application']}, {seen['what']}"


def seen(application, what):
    name = (application, what)
    [one] = [s for s in orjson.loads(SEEN) if (s["application"], s["what"]) == name]
    return one


def who(request):
    """The user and the conversation that a request names, in the words of its application."""
    headers = request["headers"]
    user = headers.get("x-openwebui-user-id") or headers["x-user-id"]
    return user, headers.get("x-openwebui-chat-id") or headers.get("x-conversation-id")


@pytest.fixture(name="upstream")
async def _upstream():
    async with scripted_upstream() as upstream:
        yield upstream


@pytest.fixture(name="it")
async def _it(upstream):
    async with served(upstream.url) as it:
        yield it


async def send(it, request, **headers):
    body = orjson.dumps(request["body"])
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(
            f"{it.url}/v1/chat/completions", content=body, headers=request["headers"] | headers
        )
    assert response.status_code == 200
    await it.learned()
    return response, body


async def tell(it, user):
    message = {"model": "m", "messages": [{"role": "user", "content": TOLD}]}
    await send(it, {"headers": {"x-user-id": user}, "body": message})


async def turns(it, user):
    listed, _ = await it.gateway.store.list_turns(Scope("default", user), limit=50)
    return listed


async def stated(it, user):
    """What is remembered of a user beyond what was said."""
    chosen = Selection(kinds=frozenset({Kind.FACT, Kind.PREFERENCE}))
    listed, _ = await it.gateway.store.list_memories(Scope("default", user), chosen, limit=50)
    return {memory.text for memory in listed}


def words(turn):
    return " ".join(message.text for message in turn.messages if message.role == "user")


async def test_what_an_application_asks_for_itself_is_neither_recalled_for_nor_learned(
    it, upstream
):
    for request in OWN:
        user, _ = who(request)
        await tell(it, user)
        before = await turns(it, user)
        response, body = await send(it, request)
        assert response.headers["x-memory-status"] == "off", named(request)
        assert upstream.last.body == body
        assert await turns(it, user) == before


@pytest.mark.parametrize("message", SAID, ids=named)
async def test_a_message_is_of_the_user_and_the_conversation_that_the_application_names(
    it, message
):
    user, conversation = who(message)
    response, _ = await send(it, message)
    [turn] = await turns(it, user)
    assert turn.conversation == response.headers["x-conversation-id"]
    assert conversation in {None, turn.conversation}
    assert words(turn) == message["words"]


async def test_a_question_about_a_file_is_recalled_for_by_its_own_words(it, upstream):
    request = seen("Open WebUI", "message with a file")
    user, _ = who(request)
    await tell(it, user)
    asked = request["body"]["messages"][-1]
    asked["content"] = asked["content"].replace(request["words"], "What is my dog called?")
    response, _ = await send(it, request)
    assert response.headers["x-memory-status"] == "hit"
    sent = upstream.last.json["messages"][-1]["content"]
    assert sent.startswith("<memories>")
    assert sent.endswith(asked["content"])  # the file and the question as they came


@pytest.mark.parametrize(
    ("application", "what"),
    [
        ("Open WebUI", "message with a file"),
        ("Open WebUI", "message after a file"),
        ("Open WebUI", "the same after the tool"),
        ("Continue", "message with what was piped in"),
        ("Continue", "message with a file"),
        ("Continue", "message after a tool"),
    ],
)
async def test_what_stands_in_a_file_is_not_taken_for_the_users_own_word(it, application, what):
    request = seen(application, what)
    await send(it, request)
    assert "Reykjavik" in str(request["body"])
    assert not any("Reykjavik" in text for text in await stated(it, who(request)[0]))


async def test_what_stands_between_tags_on_their_own_lines_is_not_either(it):
    request = seen("Continue", "message")
    text = "I like tea.\n<letter to='Ann'>\nI live in Reykjavik.\n\n</letter>\nI work as a nurse."
    request["body"]["messages"][-1]["content"] = text
    await send(it, request)
    assert await stated(it, "ann") == {"I like tea.", "I work as a nurse."}


async def test_what_is_said_beside_a_file_is_learned(it):
    request = seen("Open WebUI", "message with a file")
    await send(it, request)
    assert await stated(it, who(request)[0]) == {"I work as a ceramicist."}


async def test_a_tools_sources_in_the_users_message_make_no_other_turn_of_it(it):
    first = seen("Open WebUI", "message that takes a tool")
    after = seen("Open WebUI", "the same after the tool")
    await send(it, first)
    await send(it, after)
    assert len(await turns(it, who(first)[0])) == 1


async def test_a_chat_with_a_file_is_known_by_its_words_where_it_is_not_named(it):
    """The file stands before the question once; what is resent later is the question."""
    request = seen("Open WebUI", "message with a file")
    del request["headers"]["x-openwebui-chat-id"]
    first, _ = await send(it, request)
    later = seen("Open WebUI", "message after a file")
    del later["headers"]["x-openwebui-chat-id"]
    later["body"]["messages"][1]["content"] = "Hello."  # as the upstream has it
    second, _ = await send(it, later)
    assert first.headers["x-conversation-id"] == second.headers["x-conversation-id"]


async def test_a_prompt_that_was_worded_anew_is_known_by_the_header_that_names_its_task(it):
    request = seen("Open WebUI", "title")
    request["body"]["messages"][-1]["content"] = "A title, please! USER: I live in Reykjavik."
    response, _ = await send(it, request, **{"x-openwebui-task": "title_generation"})
    assert response.headers["x-memory-status"] == "off"
    assert not await turns(it, who(request)[0])
    said = seen("Open WebUI", "message")
    response, _ = await send(it, said, **{"x-openwebui-task": ""})
    assert response.headers["x-memory-status"] == "empty"


@pytest.mark.parametrize("name", ["temporary:xWKytimjdkJzjk2AAAAD", "local:xWKytimjdkJzjk2AAAAD"])
async def test_a_temporary_chat_of_open_webui_is_neither_recalled_for_nor_learned(it, name):
    request = seen("Open WebUI", "message")
    response, _ = await send(it, request, **{"x-openwebui-chat-id": name})
    assert response.headers["x-memory-status"] == "off"
    assert not await turns(it, who(request)[0])


async def test_a_mode_that_is_asked_for_holds_for_such_a_prompt_too(it):
    request = seen("Open WebUI", "title")
    response, _ = await send(it, request, **{"x-memory": "on"})
    assert response.headers["x-memory-status"] == "empty"
    assert len(await turns(it, who(request)[0])) == 1
    request["body"]["memory"] = {"mode": "read"}
    response, _ = await send(it, request)
    assert response.headers["x-memory-status"] != "off"


@pytest.mark.parametrize(
    "text",
    [
        "### Task:\nWater the plants. What is <chat_history>?",
        "Provide a title for my book.",
        "Analyze this conversation: A: Hi. B: Ho.",
        "### Task:\n<context>\n<chat_history>\n</chat_history>\n</context>\nWhat is this?",
    ],
)
def test_a_message_that_only_begins_alike_is_a_users(text):
    assert not is_housekeeping([{"role": "user", "content": text}])
