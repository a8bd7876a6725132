"""What the README shows of curl and Python works as it stands, but for addresses and ids."""

import re
from pathlib import Path

import httpx
import pytest

from gateway.parts import open_embedder
from gateway.settings import Settings
from tests.clients.blocks import blocks, commands, run
from tests.document_files import docx, pdf
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.process]

BASES = "/v1/knowledge-bases"
BLOCKS = list(blocks(Path(__file__).parent.parent / "README.md"))


@pytest.fixture(scope="module", name="embedder")
def _embedder():
    return open_embedder(Settings(), print)


@pytest.fixture(name="it")
async def _it(embedder):
    """A gateway without keys, as a first start is, with no model connected."""
    async with served(embedder=embedder, recall_timeout_ms=10_000) as it:
        yield it


def shown(it, *, part="", heading="", language="", holds=""):
    """The texts of blocks, at the address of this gateway."""
    return [
        re.sub(r"(http://127\.0\.0\.1|localhost):8080", it.url, block.text)
        for block in BLOCKS
        if part in block.part
        and heading in block.heading
        and block.language == language
        and holds in block.text
    ]


async def tell(it, text, user):
    async with httpx.AsyncClient(base_url=it.url, headers={"X-User-Id": user}) as client:
        body = {"model": "any", "messages": [{"role": "user", "content": text}]}
        (await client.post("/v1/chat/completions", json=body)).raise_for_status()
        await it.learned()
        return (await client.get("/v1/memories")).json()["data"]


async def test_the_second_command_of_the_first_conversation_is_answered_with_what_the_first_told(
    it,
):
    [session] = shown(it, part="A first conversation", holds="curl")
    first, second = commands(session)
    assert "Lisbon" not in await run(first)
    await it.learned()
    answer = await run(second)
    assert "x-memory-status: hit" in answer
    assert ";score=0." in answer
    assert "I moved to Lisbon last spring." in answer


async def test_the_python_client_of_the_readme_is_told_what_ann_said_before(it):
    await tell(it, "I never eat meat, only vegetables.", "ann")
    samples = shown(it, part="Clients", language="python")
    assert samples
    printed = await run("\n".join(samples), "openai-3")
    assert "I never eat meat, only vegetables." in printed


async def test_its_search_over_the_memos_api_finds_where_ann_lives(it):
    await tell(it, "I live in Lisbon.", "ann")
    [session] = shown(it, part="Clients", holds="/api/openmem/v1")
    [search] = commands(session)
    assert "I live in Lisbon." in await run(search)


async def test_its_calls_to_see_and_change_what_is_remembered_succeed(it, tmp_path):
    await tell(it, "I live in Porto.", "ann")
    remembered = await tell(it, "I live in Lisbon.", "default")
    [calls, feedback] = shown(it, heading="Seeing and changing", holds="curl")
    assert '"success":true' in await run(feedback)
    one = next(each["id"] for each in remembered if each["kind"] == "fact")
    printed = await run(calls.replace("/ID", f"/{one}"), folder=tmp_path)
    assert '"content":"I live in Porto."' in printed
    assert "I live in Porto." in (tmp_path / "ann.jsonl").read_text()
    async with httpx.AsyncClient(base_url=it.url) as client:
        of_ann = await client.get("/v1/memories", params={"user": "ann"})
        deleted = await client.get(f"/v1/memories/{one}")
    assert of_ann.json()["data"] == []
    assert deleted.status_code == 404


async def test_its_calls_for_knowledge_bases_add_the_files_and_show_them(it, tmp_path):
    (tmp_path / "handbook.pdf").write_bytes(pdf("Breakfast is served at nine."))
    (tmp_path / "leave.docx").write_bytes(docx(("Normal", "There are thirty days of leave.")))
    over_memos, over_ours = shown(it, heading="Knowledge bases", holds="curl")
    async with httpx.AsyncClient(base_url=it.url) as client:
        made = await client.post(BASES, json={"name": "Handbook"})
        base = made.json()["id"]
        printed = await run(filled(over_memos, base), folder=tmp_path)
        files = (await client.get(f"{BASES}/{base}/files")).json()["data"]
        assert {file["name"] for file in files} == {"handbook.pdf", "leave.docx"}
        assert all(f'"{file["id"]}"' in printed for file in files)
        [handbook] = [file["id"] for file in files if file["name"] == "handbook.pdf"]
        printed = await run(filled(over_ours, base, handbook), folder=tmp_path)
        assert "Breakfast is served at nine." in printed
        assert (await client.get(f"{BASES}/{base}/files")).status_code == 404


def filled(session, base, file=""):
    """The commands of a session, with these ids for those that it makes up."""
    typed = "\n".join(commands(session)).replace("base...", base)
    return re.sub(r"files/[0-9a-f]{32}", f"files/{file}", typed)
