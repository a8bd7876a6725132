"""What users of the MemOS Cloud API do: with its published client, and with plain `requests`.

The client is unmodified. Its package imports half of their server from its own `__init__`, and a
type of theirs names a class of `transformers`; so both are stood in for by bare modules, and what
is then loaded is the client alone, with what it needs.
"""

import importlib
import importlib.util
import json
import os
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import requests

from tests.clients.recipes import serve

KEY = "mpg-made-up"
USER, CONVERSATION = "memos_user_123", "0610"
HISTORY = [
    {
        "role": "user",
        "content": "I've planned to travel to Guangzhou this summer. What chain hotels are"
        " available for accommodation?",
    },
    {
        "role": "assistant",
        "content": "You can consider options like 7 Days Inn, All Seasons, Hilton, etc.",
    },
    {"role": "user", "content": "I'll choose 7 Days Inn."},
    {
        "role": "assistant",
        "content": "Alright, feel free to ask me if you have any other questions.",
    },
]
QUESTION = (
    "I want to travel during the National Day holiday. Please recommend a city I haven't been to,"
    " and a hotel brand I haven't stayed at."
)


def load_client() -> Any:
    """The class `MemOSClient`, which logs into a folder of its own and not into our output."""
    spec = importlib.util.find_spec("memos")
    assert spec is not None
    assert spec.submodule_search_locations
    [root] = spec.submodule_search_locations
    for name, folder in {"memos": root, "memos.api": f"{root}/api"}.items():
        bare = sys.modules[name] = ModuleType(name)
        bare.__path__ = [folder]
    transformers = sys.modules["transformers"] = ModuleType("transformers")
    transformers.DynamicCache = type("DynamicCache", (), {})  # type: ignore[attr-defined]  # ours
    os.environ["MEMOS_BASE_PATH"] = tempfile.mkdtemp(prefix="memos-client-")
    with redirect_stdout(sys.stderr):  # which its log takes for the console
        return importlib.import_module("memos.api.client").MemOSClient


MemOSClient = load_client()


def connect(base_url: str) -> Any:
    """A client that finds the gateway by the variable that its documentation names."""
    os.environ["MEMOS_BASE_URL"] = base_url.replace("/v1", "/api/openmem/v1")
    return MemOSClient(api_key=KEY)


def parsed(answer: Any) -> Any:
    """What the client made of an answer, as JSON."""
    return json.loads(answer.model_dump_json())


def remembers(base_url: str) -> Any:
    client = connect(base_url)
    added = client.add_message(HISTORY, USER, CONVERSATION, async_mode=False)
    found = client.search_memory("Which hotel did I choose?", USER, relativity=0)
    listed = client.get_memory(USER, size=50)
    one = listed.memories[0].model_dump()["id"]
    return {
        "added": parsed(added),
        "status": parsed(client.get_task_status(added.task_id)),
        "found": parsed(found),
        "listed": parsed(listed),
        "messages": parsed(client.get_message(USER, CONVERSATION)),
        "one": client.get_memory_by_id(one),
        "updated": client.update_memory(one, content="I chose 7 Days Inn in Guangzhou."),
        "after": client.get_memory_by_id(one),
    }


def forgets(base_url: str) -> Any:
    client = connect(base_url)
    client.add_message(HISTORY, USER, CONVERSATION, async_mode=False)
    [first, *_] = [m.model_dump()["id"] for m in client.get_memory(USER, size=50).memories]
    deleted = client.delete_memory(memory_ids=[first])
    kept = [m.model_dump()["id"] for m in client.get_memory(USER, size=50).memories]
    all_of_them = client.delete_memory(user_id=USER)
    left = client.get_memory(USER, size=50)
    return {
        "deleted": parsed(deleted),
        "gone": first not in kept,
        "all": parsed(all_of_them),
        "left": parsed(left),
    }


def corrects(base_url: str) -> Any:
    client = connect(base_url)
    client.add_message(
        [{"role": "user", "content": "I live in Porto."}], USER, CONVERSATION, async_mode=False
    )
    told = client.add_feedback(USER, CONVERSATION, "No, I live in Lisbon, not in Porto.")
    status = client.get_task_status(told.task_id)
    while status.data.status == "running":
        status = client.get_task_status(told.task_id)
    return {
        "told": parsed(told),
        "status": parsed(status),
        "listed": parsed(client.get_memory(USER, size=50)),
    }


def chats(base_url: str) -> Any:
    client = connect(base_url)
    client.add_message(HISTORY, USER, CONVERSATION, async_mode=False)
    return {
        "whole": parsed(client.chat(USER, "0928", QUESTION, add_message_on_answer=False)),
        "streamed": list(client.chat(USER, "0929", QUESTION, stream=True)),
    }


def keeps_documents(base_url: str) -> Any:
    client = connect(base_url)
    made = client.create_knowledgebase("Handbook", "What holds in this house")
    base = made.knowledgebase_id
    text = Path(tempfile.mkdtemp()) / "dinner.md"
    text.write_text("# Dinner\n\nDinner is served at seven in the blue dining room.\n")
    by_json = client.add_knowledgebase_file_json(
        base,
        [
            {
                "name": "breakfast.txt",
                "type": "document",
                "content": "QnJlYWtmYXN0IGlzIHNlcnZlZCBhdCBuaW5lIGluIHRoZSBnYXJkZW4u",
            }
        ],
    )
    by_form = client.add_knowledgebase_file_form(base, [str(text)])
    files = [each["id"] for each in (*by_json.memories, *by_form.memories)]
    return {
        "made": parsed(made),
        "json": parsed(by_json),
        "form": parsed(by_form),
        "files": parsed(client.get_knowledgebase_file(file_ids=files)),
        "base": parsed(client.get_knowledgebase_file(knowledgebase_id=base)),
        "deleted": parsed(client.delete_knowledgebase_file(files)),
        "unlinked": parsed(client.delete_knowledgebase(base)),
    }


def uses_the_rest(base_url: str) -> Any:
    client = connect(base_url)
    tree = {"Basics": {"Job": {"value": "baker", "algorithm_updatable": True}}}
    made = requests.post(
        f"{client.base_url}/add/profile_template",
        headers=client.headers,
        data=json.dumps({"name": "Person", "metadata": tree}),
        timeout=30,
    )
    template = made.json()["data"]["profile_template_id"]
    return {
        "bound": client.bind_profile_template([{"user_id": USER, "profile_template_id": template}]),
        "edited": client.edit_profile(template, user_id=USER, remove_fields=["Basics.Job"]),
        "unbound": client.delete_profile(template, user_id=USER),
        "extracted": client.extract_memory([{"role": "user", "content": "I live in Lisbon."}]),
        "reranked": client.rerank("Where is Lisbon?", ["Bread is baked.", "Lisbon is a city."]),
    }


def adds_history_with_requests(base_url: str) -> Any:
    os.environ["MEMOS_API_KEY"] = KEY
    os.environ["MEMOS_BASE_URL"] = base_url.replace("/v1", "/api/openmem/v1")

    data = {"user_id": USER, "conversation_id": CONVERSATION, "messages": HISTORY}
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Token {os.environ['MEMOS_API_KEY']}",
    }
    url = f"{os.environ['MEMOS_BASE_URL']}/add/message"

    res = requests.post(url=url, headers=headers, data=json.dumps(data), timeout=30)

    return res.json()


def chats_with_requests(base_url: str) -> Any:
    os.environ["MEMOS_API_KEY"] = KEY
    os.environ["MEMOS_BASE_URL"] = base_url.replace("/v1", "/api/openmem/v1")

    data = {"user_id": USER, "conversation_id": "0928", "query": QUESTION}
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Token {os.environ['MEMOS_API_KEY']}",
    }
    url = f"{os.environ['MEMOS_BASE_URL']}/chat"

    res = requests.post(url=url, headers=headers, data=json.dumps(data), timeout=30)

    return res.json()


if __name__ == "__main__":
    serve(
        {
            "remembers": remembers,
            "forgets": forgets,
            "corrects": corrects,
            "chats": chats,
            "keeps documents": keeps_documents,
            "uses the rest": uses_the_rest,
            "adds history with requests": adds_history_with_requests,
            "chats with requests": chats_with_requests,
        }
    )
