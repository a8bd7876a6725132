"""What was said to other applications is remembered here, once, however often it is imported."""

import json
import os
import subprocess
import sys
import zipfile
from functools import partial

import anyio
import pytest

from gateway.adapters.remote_gateway import RemoteGateway, RemoteGatewayError
from gateway.imports.conversation import ExportError, Said
from gateway.imports.exports import conversations
from gateway.imports.importing import Taken, hand_over
from gateway.memory.model import Kind, Scope, Status
from gateway.memory.ports import Selection
from tests.served import served

pytestmark = pytest.mark.anyio

EVERYTHING = Selection(kinds=frozenset(Kind), statuses=frozenset(Status))
TOLD = 1_700_000_000.5  # seconds, as ChatGPT has them
MILLIS = 1_700_000_000_500


def node(key, parent, role, text, time=TOLD, **changes):
    message = {
        "author": {"role": role},
        "create_time": time,
        "content": {"content_type": "text", "parts": [text]},
        "recipient": "all",
        "metadata": {},
    }
    return {"id": key, "parent": parent, "message": message | changes}


def chatgpt(key, *texts):
    """A conversation of these texts, the user's and the model's in turn."""
    nodes = [{"id": "root", "parent": None, "message": None}]
    for number, text in enumerate(texts):
        role = "assistant" if number % 2 else "user"
        nodes.append(node(f"n{number}", nodes[-1]["id"], role, text, TOLD + number))
    return {
        "conversation_id": key,
        "title": key,
        "mapping": {each["id"]: each for each in nodes},
        "current_node": nodes[-1]["id"],
    }


def written(folder, name, document):
    path = folder / name
    path.write_text(json.dumps(document))
    return path


def read(folder, *items):
    return conversations(written(folder, "conversations.json", list(items)))


def test_chatgpts_export_is_read_as_it_is_or_in_its_zip(tmp_path):
    item = chatgpt("c1", "I live in Lisbon.", "A fine city.")
    plain = written(tmp_path, "conversations.json", [item])
    packed = tmp_path / "export.zip"
    with zipfile.ZipFile(packed, "w") as whole:
        whole.writestr("chat.html", "<html></html>")
        whole.write(plain, "conversations.json")
    for path in (plain, packed):
        [conversation] = conversations(path)
        assert conversation.id == "chatgpt-c1"
        assert conversation.said == (
            Said("user", "I live in Lisbon.", MILLIS),
            Said("assistant", "A fine city.", MILLIS + 1000),
        )


def test_of_a_tree_of_messages_the_branch_that_is_shown_counts(tmp_path):
    item = chatgpt("c", "I live in Rome.", "Good.")
    item["mapping"]["edited"] = node("edited", "root", "user", "I live in Lisbon.")
    item["mapping"]["answer"] = node("answer", "edited", "assistant", "Even better.")
    item["current_node"] = "answer"
    [conversation] = read(tmp_path, item)
    assert [said.text for said in conversation.said] == ["I live in Lisbon.", "Even better."]


@pytest.mark.parametrize(
    "hidden",
    [
        {"author": {"role": "system"}},
        {"author": {"role": "tool"}},
        {"content": {"content_type": "code", "text": "import this"}},
        {"content": {"content_type": "user_editable_context", "user_profile": "about me"}},
        {"recipient": "dalle.text2im"},
        {"metadata": {"is_visually_hidden_from_conversation": True}},
        {"content": {"content_type": "text", "parts": ["  "]}},
        {"content": None},
        {"author": None},
    ],
)
def test_what_nobody_said_is_left_out(tmp_path, hidden):
    item = chatgpt("c", "Hello.")
    item["mapping"]["n1"] = node("n1", "n0", "assistant", "internal", **hidden)
    item["current_node"] = "n1"
    [conversation] = read(tmp_path, item)
    assert [said.text for said in conversation.said] == ["Hello."]


def test_the_words_beside_an_image_are_read(tmp_path):
    item = chatgpt("c", "")
    parts = [{"content_type": "image_asset_pointer", "asset_pointer": "file://x"}, "My dog."]
    item["mapping"]["n0"]["message"]["content"] = {
        "content_type": "multimodal_text",
        "parts": parts,
    }
    [conversation] = read(tmp_path, item)
    assert [said.text for said in conversation.said] == ["My dog."]


def test_open_webuis_export_is_read(tmp_path):
    messages = {
        "a": {"id": "a", "parentId": None, "role": "user", "content": "Hi.", "timestamp": 1.7e9},
        "b": {
            "id": "b",
            "parentId": "a",
            "role": "assistant",
            "content": "No.",
            "timestamp": 1.7e9,
        },
        "c": {
            "id": "c",
            "parentId": "a",
            "role": "assistant",
            "content": "Yes.",
            "timestamp": 1.7e9,
        },
    }
    item = {"id": "w1", "chat": {"history": {"messages": messages, "currentId": "c"}}}
    [conversation] = conversations(written(tmp_path, "chats.json", [item]))
    assert conversation.id == "open-webui-w1"
    assert [said.text for said in conversation.said] == ["Hi.", "Yes."]


def test_json_lines_are_read(tmp_path):
    path = tmp_path / "chats.jsonl"
    lines = [
        {"id": "x", "messages": [{"role": "user", "content": "One.", "time": MILLIS}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Two."}]}]},
        {"messages": []},
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n\n")
    first, second = conversations(path)
    assert (first.id, first.said) == ("x", (Said("user", "One.", MILLIS),))
    assert (second.id, second.said) == ("line-2", (Said("user", "Two.", None),))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04 not really", "line 1 is not JSON"),
        (b'[{"title": "x"}]', "item 1 is no conversation"),
        (b'{"messages": []}\n{"messages"', "line 2 is not JSON"),
        (b"[1]", "item 1 is no conversation"),
    ],
)
def test_what_is_no_export_is_refused_with_the_place(tmp_path, content, reason):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ExportError, match=reason):
        conversations(path)


def test_a_zip_without_conversations_is_refused(tmp_path):
    path = tmp_path / "file.zip"
    with zipfile.ZipFile(path, "w") as whole:
        whole.writestr("other.txt", "x")
    with pytest.raises(ExportError, match=r"no conversations\.json"):
        conversations(path)
    with pytest.raises(ExportError, match="No such file"):
        conversations(tmp_path / "absent")


class CtrlCError(Exception):
    """As when somebody presses Ctrl-C."""


async def imported(here, held, taken, user="ann", stop_after=None):
    """The outcome of an import, or None of one that was interrupted."""
    done = 0

    def told():
        nonlocal done
        done += 1
        if done == stop_after:
            raise CtrlCError

    with RemoteGateway(here.url, key="", user=user) as gateway:
        try:
            run = partial(hand_over, held, gateway, Taken(taken), told=told)
            return await anyio.to_thread.run_sync(run)
        except CtrlCError:
            return None


async def remembered(here, user="ann"):
    await here.learned()
    listed, _ = await here.gateway.store.list_memories(
        Scope("default", user), EVERYTHING, limit=100_000
    )
    return {(m.id, m.kind, m.text, m.time, m.status, m.conversation) for m in listed}


CITIES = ["Lisbon", "Rome", "Oslo", "Paris", "Madrid"]


def many(count):
    return [
        chatgpt(
            f"c{n}", f"I live in {CITIES[n % 5]}.", "Noted.", f"My dog is called Rex{n}.", "Ok."
        )
        for n in range(count)
    ]


async def test_an_import_that_is_interrupted_and_resumed_is_as_one_in_one_run(tmp_path):
    held = read(tmp_path, *many(60))
    async with served() as here:
        whole = await imported(here, held, tmp_path / "whole")
        expected = await remembered(here)
    assert (whole.added, whole.known, whole.exchanges) == (60, 0, 120)
    async with served() as here:
        taken = tmp_path / "taken"
        assert await imported(here, held, taken, stop_after=20) is None
        between = await remembered(here)
        rest = await imported(here, held, taken)
        assert await remembered(here) == expected
    assert 0 < len({m[0] for m in between}) < len(expected)
    assert rest.added + rest.known == 60
    assert rest.known >= 20


async def test_the_same_file_twice_adds_nothing_even_when_it_is_sent_again(tmp_path):
    held = read(tmp_path, *many(10))
    async with served() as here:
        await imported(here, held, tmp_path / "taken")
        once = await remembered(here)
        again = await imported(here, held, tmp_path / "taken")
        assert (again.added, again.known) == (0, 10)
        forgetful = await imported(here, held, tmp_path / "another")
        assert forgetful.added == 10
        assert await remembered(here) == once


async def test_an_export_of_next_month_adds_what_is_new_in_it(tmp_path):
    async with served() as here:
        await imported(here, read(tmp_path, chatgpt("c", "Hello.", "Hi.")), tmp_path / "taken")
        longer = chatgpt("c", "Hello.", "Hi.", "I live in Rome.", "Good.")
        outcome = await imported(here, read(tmp_path, longer), tmp_path / "taken")
        assert (outcome.added, outcome.known) == (1, 0)
        episodes = [m for m in await remembered(here) if m[1] is Kind.EPISODE]
        said = sorted(m[2].partition(": ")[2] for m in episodes)
        assert said == ["Good.", "Hello.", "Hi.", "I live in Rome."]


async def test_what_is_imported_for_one_user_is_nobody_elses(tmp_path):
    async with served() as here:
        await imported(here, read(tmp_path, chatgpt("c", "Hello.")), tmp_path / "taken")
        assert await remembered(here)
        assert await remembered(here, "bob") == set()


async def test_a_gateway_that_is_not_there_is_told(tmp_path):
    held = read(tmp_path, chatgpt("c", "Hello."))
    with RemoteGateway("http://127.0.0.1:9", key="", user="ann") as gateway:
        with pytest.raises(RemoteGatewayError, match="cannot be reached"):
            hand_over(held, gateway, Taken(tmp_path / "taken"), told=lambda: None)
    assert held[0] not in Taken(tmp_path / "taken")


async def test_a_key_that_is_wrong_is_told_and_never_shown(tmp_path):
    held = read(tmp_path, chatgpt("c", "Hello."))
    async with served(api_keys="acme:right-key-of-acme") as here:
        with RemoteGateway(f"{here.url}/v1", key="wrong-key", user="ann") as gateway:
            run = partial(hand_over, held, gateway, Taken(tmp_path / "t"), told=lambda: None)
            with pytest.raises(RemoteGatewayError, match="401") as caught:
                await anyio.to_thread.run_sync(run)
    assert "wrong-key" not in str(caught.value)


async def test_the_command_imports_and_says_what_it_did(tmp_path):
    path = written(tmp_path, "conversations.json", many(3))
    async with served() as here:
        command = [sys.executable, "-m", "gateway", "import", str(path), "--user", "ann"]
        environment = os.environ | {
            "GATEWAY_CACHE_DIR": str(tmp_path / "cache"),
            "MEMORY_GATEWAY_URL": here.url,
        }

        def run(*options):
            return subprocess.run(
                [*command, *options], env=environment, capture_output=True, text=True, check=False
            )

        first = await anyio.to_thread.run_sync(run)
        assert first.returncode == 0, first.stderr
        assert first.stdout == ("3 conversations with 6 exchanges added; they are being learned\n")
        second = await anyio.to_thread.run_sync(partial(run, "--json"))
        assert json.loads(second.stdout) == {"added": 0, "known": 3, "exchanges": 0}
        third = await anyio.to_thread.run_sync(partial(run, "--again", "--json"))
        assert json.loads(third.stdout)["added"] == 3
        assert await remembered(here)
    missing = await anyio.to_thread.run_sync(run)
    assert missing.returncode == 0  # nothing is left to send
    broken = await anyio.to_thread.run_sync(partial(run, "--again"))
    assert broken.returncode == 2
    assert "cannot be reached" in broken.stderr
    assert "Traceback" not in broken.stderr
