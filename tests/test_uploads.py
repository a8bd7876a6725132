"""Files come as JSON and as forms; what they may not be is said before any of them is kept."""

import asyncio
import base64
import io
import json
import random

import httpx
import pytest

from gateway.http.gateway import UPLOADS
from gateway.http.kept import LONG, Kept, LongTexts
from gateway.memory import knowledge_files
from tests import document_files as files
from tests.served import served

pytestmark = pytest.mark.anyio

API = "/api/openmem/v1/"
TEXT = b"Annual leave is 30 days."


@pytest.fixture(name="it")
async def _it():
    async with served() as it:
        yield it


async def call(it, path, body, *, status=200, code=0, **form):
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        sent = form or ({"content": body} if isinstance(body, bytes) else {"json": body})
        response = await client.post(f"{it.url}{API}{path}", **sent)
    document = response.json()
    assert (response.status_code, document["code"]) == (status, code), document
    return document["data"] if code == 0 else document["message"]


async def base_of(it):
    return (await call(it, "create/knowledgebase", {"knowledgebase_name": "Handbook"}))["id"]


async def add(it, *given, base=None, **expected):
    body = {"knowledgebase_id": base or await base_of(it), "file": list(given)}
    return await call(it, "add/knowledgebase-file", body, **expected)


async def upload(it, *parts, base=None, type_="document", **expected):
    """As the official client does: the base and the type in the query, parts named `file`."""
    query = {"knowledgebase_id": base or await base_of(it), "type": type_}
    sent = [("file", part) for part in parts]
    return await call(it, "add/knowledgebase-file", None, params=query, files=sent, **expected)


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def read_out(it, added):
    """The texts that were read out of a file."""
    [file] = await knowledge_files.find(it.gateway.registry, "default", [added["id"]])
    found, _ = await knowledge_files.chunks(it.gateway.store, "default", file, limit=1000)
    return [memory.text for memory in found]


# What a content may be


@pytest.mark.parametrize(
    "given",
    [
        {"name": "leave.txt", "content": b64(TEXT)},
        {"name": "leave.txt", "content": TEXT.decode()},
        {"name": "leave.md", "content": TEXT.decode()},
        {"content": TEXT.decode()},
        {"content": b64(TEXT)},
        {"content": "data:text/plain;base64," + b64(TEXT)},
        {"content": "data:text/plain;charset=utf-8,Annual%20leave%20is%2030%20days."},
        {"name": "leave.txt", "content": "data:;base64," + b64(TEXT)},
        {"name": "leave.pdf", "content": b64(files.pdf(TEXT.decode()))},
        {"name": "leave.pdf", "content": base64.encodebytes(files.pdf(TEXT.decode())).decode()},
        {"content": b64(files.pdf(TEXT.decode()))},
        {"content": "data:application/pdf;base64," + b64(files.pdf(TEXT.decode()))},
        {"name": "leave.docx", "content": b64(files.docx(("Normal", TEXT.decode())))},
        {"name": "leave.txt", "content": b64(TEXT.decode().encode("utf-16"))},
        {"name": "leave.txt", "type": "document", "content": b64(TEXT)},
        {"name": "leave.txt", "type": None, "content": b64(TEXT)},
    ],
)
async def test_a_file_comes_in_base64_in_a_data_uri_or_as_its_text(it, given):
    [added] = await add(it, given)
    assert added["status"] in {"running", "completed"}
    assert added["type"] == "document"
    assert added["name"] == given.get("name", added["name"])
    assert await read_out(it, added) == [TEXT.decode()]


async def test_files_come_as_parts_of_a_form(it):
    added = await upload(it, ("leave.txt", TEXT), ("leave.pdf", files.pdf("Ask your lead.")))
    assert [(f["name"], f["type"]) for f in added] == [
        ("leave.txt", "document"),
        ("leave.pdf", "document"),
    ]
    assert added[0]["sizeMB"] == round(len(TEXT) / 2**20, 6)
    assert [await read_out(it, f) for f in added] == [[TEXT.decode()], ["Ask your lead."]]


async def test_a_part_is_taken_as_it_is_though_it_looks_like_base64_or_an_address(it):
    added = await upload(it, ("a.txt", b"SGVsbG8gdGhlcmU="), ("b.txt", b"http://127.0.0.1/x"))
    assert [await read_out(it, f) for f in added] == [["SGVsbG8gdGhlcmU="], ["http://127.0.0.1/x"]]


async def test_a_skill_is_markdown_with_a_name_or_an_archive_of_it(it):
    packed = files.archive(SKILL_md=files.SKILL.encode())
    [one] = await upload(it, ("refunds.md", files.SKILL.encode()), type_="skill")
    [two] = await add(it, {"name": "refunds.zip", "type": "skill", "content": b64(packed)})
    for added in (one, two):
        assert added["type"] == "skill"
        assert "Ask for the order's number first." in await read_out(it, added)
    [plain] = await upload(it, ("plain.md", b"# No name"), type_="skill")
    assert plain["status"] == "failed"


async def test_a_file_larger_than_a_chats_body_comes_as_json_and_is_the_same_as_by_form():
    text = "\n\n".join(f'Line {n}: "é\\ {random.Random(n).random()}"' for n in range(5000))
    content = text.encode()
    async with served(max_body_bytes=100_000) as it:
        base = await base_of(it)
        [by_text] = await add(it, {"name": "long.txt", "content": text}, base=base)
        [by_base64] = await add(it, {"name": "long.txt", "content": b64(content)}, base=base)
        [by_form] = await upload(it, ("long.txt", content), base=base)
        escaped = json.dumps(text).replace("/", "\\/").encode()
        raw = b'{"knowledgebase_id": "%s", "file": [{"content": %s, "name": "long.txt"}]}'
        [by_hand] = await call(it, "add/knowledgebase-file", raw % (base.encode(), escaped))
        assert len({f["id"] for f in (by_text, by_base64, by_form, by_hand)}) == 1
        assert "\n\n".join(await read_out(it, by_text)) == text


# What it may not be


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"name": "a.pdf", "content": "%%%%"}, 400, 40008),
        ({"name": "a.docx", "content": "abcde"}, 400, 40009),
        ({"name": "a.pdf", "content": "YQ==YQ=="}, 400, 40009),
        ({"content": "data:text/plain;base64,YQ="}, 400, 40009),
        ({"content": "data:text/plain;base64,Y!=="}, 400, 40008),
        ({"name": "a.pdf", "content": b64(b"no PDF at all")}, 400, 50107),
        ({"name": "a.docx", "content": b64(b"no DOCX at all")}, 400, 50107),
        ({"name": "a.txt", "content": b64(b"PK\x03\x04 and no text")}, 400, 50107),
        ({"name": "old.doc", "content": b64(b"\xd0\xcf\x11\xe0 old")}, 400, 40007),
        ({"content": b64(b"\xd0\xcf\x11\xe0 old, and without a name" * 3)}, 400, 40007),
        ({"name": "a.exe", "content": b64(b"MZ")}, 400, 40007),
        ({"name": "a.pdf", "type": "skill", "content": b64(TEXT)}, 400, 40007),
        ({"name": "a.txt", "type": "book", "content": "x"}, 400, 40006),
        ({"name": "a.txt", "content": ""}, 400, 40002),
        ({"name": "a.txt"}, 400, 40002),
        ({"name": "n" * 256, "content": "x"}, 400, 40000),
        ({"name": "n" * 2 * LONG, "content": "x"}, 413, 40305),
        ({"name": "a.txt", "content": "x " * 1500}, 413, 50104),
        ({"name": "a.txt", "content": b64(b"x" * 3000)}, 413, 50104),
    ],
)
async def test_what_is_not_taken_says_why_and_nothing_of_the_request_is_kept(given, status, code):
    async with served(max_file_bytes=2500) as it:
        fine = {"name": "fine.txt", "content": "Fine."}
        base = await base_of(it)
        await add(it, fine, given, base=base, status=status, code=code)
        body = {"knowledgebase_id": base}
        assert (await call(it, "get/knowledgebase-file", body))["total"] == 0


async def test_so_many_files_and_so_much_of_them_is_taken_and_no_more():
    async with served(max_files=3, max_file_bytes=10, max_files_bytes=25) as it:
        three = [(f"{n}.txt", b"x%d" % n) for n in range(3)]
        assert len(await upload(it, *three)) == 3
        as_json = [{"name": name, "content": content.decode()} for name, content in three]
        assert len(await add(it, *as_json)) == 3
        more = [*three, ("more.txt", b"more")]
        told = await upload(it, *more, status=400, code=50103)
        assert "3 files" in told
        await upload(it, *more, *more, *more, status=400, code=50103)
        await add(it, *as_json, {"content": "more"}, status=400, code=50103)
        large = [(f"{n}.txt", b"x" * 9) for n in range(3)]
        await upload(it, *large, status=413, code=50105)
        await upload(it, ("large.txt", b"x" * 11), status=413, code=50104)
        await upload(it, ("huge.txt", b"x" * 2 * 2**20), status=413, code=50105)


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_that_is_too_large_is_refused_while_it_comes(declared):
    async def body():
        yield b'{"knowledgebase_id": "'
        for _ in range(16):
            yield b"x" * 2**18

    async with served(max_files_bytes=1000, max_body_bytes=1024) as it:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            headers = {"content-length": str(22 + 2**22)} if declared else {}
            url = f"{it.url}{API}add/knowledgebase-file"
            response = await client.post(url, content=body(), headers=headers)
    assert (response.status_code, response.json()["code"]) == (413, 50105)


@pytest.mark.parametrize(
    ("content_type", "body", "told"),
    [
        ("multipart/form-data", b"x", "boundary"),
        ("multipart/form-data; boundary=b", b"nonsense", "form"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--\r\n", "form"),
        ("application/json", b'{"knowledgebase_id": "x', "JSON"),
        ("application/json", b'{"a": "' + b"\\ud83d" * LONG + b'"}', "knowledgebase_id"),
    ],
)
async def test_a_body_that_is_no_form_or_no_json_says_so(it, content_type, body, told):
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{it.url}{API}add/knowledgebase-file"
        response = await client.post(url, content=body, headers={"content-type": content_type})
    assert response.status_code == 400, response.text
    assert told in response.json()["message"]


async def test_a_client_that_falls_silent_is_given_up():
    async with served(body_timeout=0.05) as it:
        url = httpx.URL(f"{it.url}{API}add/knowledgebase-file")
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{" % url.raw_path)
        assert (await reader.readline()).split()[1] == b"408"
        writer.close()
        await writer.wait_closed()


async def test_few_large_uploads_are_taken_at_once_and_small_ones_need_not_wait(it):
    base = await base_of(it)
    text = "Long. " * 200_000
    url = httpx.URL(f"{it.url}{API}add/knowledgebase-file")
    head = b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999\r\n\r\n{" % url.raw_path
    slow = [await asyncio.open_connection(url.host, url.port) for _ in range(UPLOADS)]
    for _, writer in slow:
        writer.write(head)
    while not it.gateway.uploads.locked():
        await call(it, "get/knowledgebase-file", {"knowledgebase_id": base})
    large = asyncio.create_task(add(it, {"name": "a.txt", "content": text}, base=base))
    await add(it, {"name": "b.txt", "content": "Short."}, base=base)
    assert not large.done()
    for _, writer in slow:
        writer.close()
    [added] = await large
    assert added["status"] in {"running", "completed"}


# Long texts


@pytest.mark.parametrize("size", [1, 7, 1000, 2**20])
def test_long_texts_are_kept_aside_however_the_bytes_come(size):
    rng = random.Random(1)
    long = "".join(rng.choice('aé"\\/\n😀東') for _ in range(LONG))
    plain = {"a": [1, 'short \\ " é', None], "long": long, "more": {"long": long + "x"}}
    for made in (json.dumps(plain), json.dumps(plain, ensure_ascii=False)):
        with Kept() as kept:
            texts = LongTexts(kept, most=10_000)
            encoded = made.encode()
            for start in range(0, len(encoded), size):
                texts.feed(encoded[start : start + size])
            read = json.loads(texts.document)
            for place, whole in ((read, long), (read["more"], long + "x")):
                file = kept.get(place["long"])
                assert file is not None
                assert b"".join(file.pieces()).decode() == whole
                place["long"] = whole
            assert read == plain
            kept.check()


def test_a_ticket_cannot_be_made_up():
    with Kept() as kept, Kept() as other:
        ticket = kept.keep(io.BytesIO(b"x"))
        assert other.get(ticket) is None
        assert kept.get("kept:0") is None
        assert kept.get(ticket) is not None
