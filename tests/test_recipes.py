"""The recipes of docs/recipes.md work as they stand, each in its own library."""

from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from gateway.parts import open_embedder
from gateway.settings import Settings
from tests.clients.blocks import Block, agrees, blocks, run
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.process]

ROOT = Path(__file__).parent.parent
LIBRARIES = [each for each in blocks(ROOT / "docs" / "recipes.md") if each.part == "Libraries"]
CLIENTS = {  # of each recipe; the shell is nobody's
    "curl": ("",),
    "openai for Python": ("openai-2", "openai-3"),
    "openai for Python, responses": ("openai-3",),
    "openai for Node": ("openai-node",),
    "LangChain": ("langchain-openai",),
    "LlamaIndex": ("llama-index",),
    "Vercel AI SDK": ("ai-sdk",),
    "MemOS with requests": ("memos",),
    "MemOS with curl": ("",),
    "MemOS's own client": ("memos",),
}
ADDRESS = "http://127.0.0.1:8080"
KEY = "mgw-made-up"
TOLD = "I live in Lisbon."


@pytest.fixture(scope="module", name="embedder")
def _embedder():
    return open_embedder(Settings(), print)


@pytest.fixture(name="it")
async def _it(embedder):
    """A gateway that has keys, with no model connected."""
    async with served(embedder=embedder, api_keys=f"recipes:{KEY}", recall_timeout_ms=10_000) as it:
        yield it


def test_each_recipe_for_a_library_is_tried():
    assert {block.heading for block in LIBRARIES} - {""} == set(CLIENTS)
    assert {block.language for block in LIBRARIES} == {"sh", "python", "js", "text"}


@pytest.mark.parametrize(
    ("recipe", "client"), [(recipe, each) for recipe in CLIENTS for each in CLIENTS[recipe]]
)
async def test_what_is_told_in_one_conversation_is_recalled_in_the_next(recipe, client, it):
    usual = next(block.text for block in LIBRARIES if not block.heading)
    end = Block("", "", "", "")
    ours = [block for block in LIBRARIES if block.heading == recipe]
    for block, after in pairwise([*ours, end]):
        if block.language != "text":
            printed = await run(block.text.replace(ADDRESS, it.url).replace("sk-...", KEY), client)
            assert agrees(after.text if after.language == "text" else usual, printed), printed
            await it.learned()
    async with httpx.AsyncClient(
        base_url=it.url, headers={"Authorization": f"Bearer {KEY}"}, params={"user": "ann"}
    ) as asking:
        memories = (await asking.get("/v1/memories")).json()["data"]
        chats = (await asking.get("/v1/chats")).json()["data"]
    assert TOLD in [memory["content"] for memory in memories]
    named = {name for name in ("monday", "tuesday") for block in ours if name in block.text}
    assert named <= {chat["id"] for chat in chats}
