"""Documents: what each format gives, and that no file does harm to whoever reads it."""

import asyncio
import json
import tempfile
import zlib

import pytest

from gateway.adapters.documents.inside import PAGE
from gateway.adapters.documents.reader import ApartReader
from gateway.errors import DocumentError
from gateway.memory.document_formats import (
    Format,
    UnsupportedFormatError,
    WrongFormatError,
    by_content,
    by_media_type,
    by_name,
    check,
)
from gateway.memory.documents import Block, Chunk, chunks
from gateway.memory.episodes import PIECE
from tests import document_files as files

pytestmark = pytest.mark.anyio

PAGES = 12


async def read(content: bytes, format_: Format, **limits) -> list[Chunk]:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        return await ApartReader(**{"pages": PAGES, **limits}).read(file, format_)


async def refused(content: bytes, format_: Format, **limits) -> str:
    with pytest.raises(DocumentError) as error:
        await read(content, format_, **limits)
    return str(error.value)


# What is read


async def test_a_pdf_is_read_page_by_page_under_its_outline():
    made = files.pdf(
        "Welcome to the handbook.",
        "Annual leave is 30 days.",
        "Ask your lead (by mail).",
        outline=(("Introduction", 1), ("Leave", 2)),
    )
    assert await read(made, Format.PDF) == [
        Chunk("Welcome to the handbook.", "Introduction", 1),
        Chunk("Annual leave is 30 days.", "Leave", 2),
        Chunk("Ask your lead (by mail).", "Leave", 3),
    ]


async def test_a_docx_is_read_in_order_with_its_tables_under_its_headings():
    made = files.docx(
        ("Title", "Handbook"),
        ("Heading 2", "Leave"),
        ("Normal", "Annual leave is 30 days."),
        [["Country", "Days"], ["Portugal", "22"]],
        ("Heading 2", "Nothing here"),
        ("Heading 2", "Travel"),
        ("Normal", "Trains before planes."),
    )
    assert await read(made, Format.DOCX) == [
        Chunk("Annual leave is 30 days.\n\nCountry | Days\nPortugal | 22", "Handbook > Leave"),
        Chunk("Nothing here", "Handbook"),
        Chunk("Trains before planes.", "Handbook > Travel"),
    ]


async def test_markdown_is_read_as_it_is_written_under_its_headings():
    made = b"""---
title: Guide
---
Before all.

# Guide
## Install

- one
- two

```sh
# no heading
pip install it
```
## Use
| a | b |
|---|---|
| 1 | 2 |
"""
    assert await read(made, Format.MD) == [
        Chunk("title: Guide\n\nBefore all."),
        Chunk("- one\n- two\n\n```sh\n# no heading\npip install it\n```", "Guide > Install"),
        Chunk("| a | b |\n|---|---|\n| 1 | 2 |", "Guide > Use"),
    ]


async def test_json_is_read_as_lines_a_record_at_a_time():
    document = {
        "shop": "Corner",
        "orders": [
            {"id": 1, "to": {"city": "Lisbon"}, "note": None},
            {"id": 2, "paid": True, "items": ["tea", "rice"]},
        ],
    }
    found = await read(json.dumps(document).encode(), Format.JSON)
    assert found == [
        Chunk(
            "shop: Corner\norders.id: 1\norders.to.city: Lisbon\norders.id: 2\n"
            "orders.paid: true\norders.items: tea\norders.items: rice"
        )
    ]
    large = {"orders": [{"id": n, "note": "x" * 500} for n in range(3)]}
    found = await read(json.dumps(large).encode(), Format.JSON)
    assert [(c.text[:5], c.heading) for c in found] == [(f"id: {n}", "orders") for n in range(3)]
    lines = b'{"a": 1}\n\n{"a": 2}\n'
    assert await read(lines, Format.JSON) == [Chunk("a: 1\n\na: 2")]


async def test_xml_is_read_as_lines_under_the_path_of_tags():
    made = b"""<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE shop SYSTEM "http://127.0.0.1:9/shop.dtd">
<shop xmlns="urn:x"><order id="7"><to>Caf\xe9 <b>Central</b>, Lisbon</to><paid>yes</paid></order>
<empty/></shop>"""
    assert await read(made, Format.XML) == [
        Chunk("order id: 7", "shop"),
        Chunk("to: Café Central, Lisbon\n\npaid: yes", "shop > order"),
    ]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "Größe: naïve café, 東京"),
        ("utf-8-sig", "Größe: naïve café, 東京"),
        ("utf-16", "Größe: naïve café, 東京"),
        ("utf-16-le", "Plain words, no mark."),
        ("utf-16-be", "Plain words, no mark."),
        ("utf-32", "Größe: naïve café, 東京"),
        ("gb18030", "年假是三十天"),
        ("cp1252", "Größe: naïve café “so”"),
    ],
)
async def test_a_text_is_read_in_whatever_encoding_it_came(encoding, text):
    made = f"{text}\r\n\r\nAnd a second line.".encode(encoding)
    if encoding == "gb18030":
        made = f"{text}\r\n\r\n第二行。".encode(encoding)
        assert await read(made, Format.TXT) == [Chunk(f"{text}\n\n第二行。")]
    else:
        assert await read(made, Format.TXT) == [Chunk(f"{text}\n\nAnd a second line.")]


async def test_of_a_skills_archive_its_main_file_is_read():
    made = files.archive(SKILL_md=files.SKILL.encode(), scripts__run_py=b"print()")
    assert await read(made, Format.SKILL_ZIP) == [
        Chunk("name: refunds\ndescription: How a refund is made."),
        Chunk("Ask for the order's number first.", "Refunds"),
    ]


def test_chunks_are_bounded_and_hold_every_word_in_order():
    words = [f"word{n}" for n in range(2000)]
    blocks = [Block(" ".join(words[:900])), *(Block(word) for word in words[900:])]
    made = chunks(blocks)
    assert all(len(chunk.text) <= PIECE for chunk in made)
    assert " ".join(chunk.text for chunk in made).split() == words
    assert len(made) < 2 * len(" ".join(words)) / PIECE + 2


def test_chunks_do_not_cross_a_heading_or_a_page():
    made = chunks(
        [Block("a", ("One",)), Block("b", ("One",)), Block("c", ("Two",)), Block("d", ("Two",), 2)]
    )
    assert made == [Chunk("a\n\nb", "One"), Chunk("c", "Two"), Chunk("d", "Two", 2)]


# Which format it is


def test_a_format_is_known_by_name_type_or_content():
    assert by_name("Report.PDF") is Format.PDF
    assert by_name("no ending") is None
    assert by_name("guide.md", skill=True) is Format.SKILL_MD
    assert by_name("guide.zip", skill=True) is Format.SKILL_ZIP
    assert by_media_type("text/plain; charset=utf-8") is Format.TXT
    assert by_media_type("image/png") is None
    assert by_content(files.pdf("x")[:99]) is Format.PDF
    assert by_content(b"PK\x03\x04...") is Format.DOCX
    assert by_content(b' \n{"a": 1}') is Format.JSON
    assert by_content(b"\xef\xbb\xbf<?xml version='1.0'?>") is Format.XML
    assert by_content(b"Hello") is Format.TXT


@pytest.mark.parametrize("name", ["old.doc", "sheet.xlsx", "picture.png", "run.exe", "a.zip"])
def test_other_formats_are_refused_by_name(name):
    with pytest.raises(UnsupportedFormatError, match="DOCX"):
        by_name(name)


@pytest.mark.parametrize(
    ("format_", "content"),
    [
        (Format.PDF, b"Hello"),
        (Format.DOCX, b"Hello"),
        (Format.DOCX, b"\xd0\xcf\x11\xe0 an old DOC"),
        (Format.SKILL_ZIP, b"# Hello"),
        (Format.TXT, b"PK\x03\x04"),
        (Format.MD, b"%PDF-1.7"),
    ],
)
def test_content_that_is_something_else_is_refused(format_, content):
    with pytest.raises(WrongFormatError):
        check(format_, content)


# Files that do harm


@pytest.mark.parametrize(
    ("format_", "content", "told"),
    [
        (Format.XML, files.LAUGHS, "entities"),
        (Format.XML, files.STRANGER, "entities"),
        (Format.XML, b"<a>" * 100_000, "nested"),
        (Format.XML, b"<a><b></a>", "well-formed"),
        (Format.JSON, b"[" * 200_000, "nested"),
        (Format.JSON, b'{"a":' * 150 + b'"x"' + b"}" * 150, "nested"),
        (Format.JSON, b"{nonsense", "valid JSON"),
        (Format.JSON, b"[]", "no text"),
        (Format.TXT, b" \n\n ", "no text"),
        (Format.TXT, bytes(range(256)) * 20, "no text"),
        (Format.TXT, b"x" * (PAGES * PAGE + 1), "pages"),
        (Format.PDF, files.pdf(*["x"] * (PAGES + 1)), "pages"),
        (Format.PDF, files.pdf("x", encrypted=True), "encrypted"),
        (Format.PDF, b"%PDF-1.7\nand nothing else", "damaged"),
        (Format.DOCX, b"PK\x03\x04 and nothing else", "archive"),
        (Format.DOCX, files.archive(a_txt=b"Hello"), "no DOCX"),
        (Format.DOCX, files.docx_with("word/document.xml", b"<a><b></a>"), "damaged"),
        (Format.DOCX, files.docx_with("word/document.xml", b" " * (20 * 2**20)), "bomb"),
        (Format.DOCX, files.archive(**{f"a{n}": b"" for n in range(10_001)}), "10000 files"),
        (Format.SKILL_ZIP, files.archive(readme_md=b"# Hello"), "SKILL.md"),
        (Format.SKILL_MD, b"# Hello", "name and description"),
        (Format.SKILL_MD, b"---\nname: x\n---\n# Hello", "name and description"),
        (Format.SKILL_ZIP, files.archive(SKILL_md=b"# Hello"), "name and description"),
        (Format.SKILL_ZIP, files.archive(SKILL_md=b"x" * 100_001), "at most 100000"),
    ],
)
async def test_a_file_that_cannot_be_read_says_why_and_quotes_nothing(format_, content, told):
    assert told in await refused(content, format_)


async def test_entities_of_a_docx_are_not_expanded():
    assert await refused(files.docx_with("word/document.xml", files.LAUGHS), Format.DOCX)


async def test_a_page_that_unpacks_to_a_quarter_of_a_gigabyte_harms_nobody():
    bomb = zlib.compress(b"0 " * 2**27)
    whole = files.pdf("x")
    start, end = whole.index(b"stream\n") + 7, whole.index(b"\nendstream")
    made = whole[:start] + bomb + whole[end:]
    assert await refused(made, Format.PDF, memory=200)


async def test_what_takes_too_long_is_ended():
    assert "time" in await refused(files.docx(("Normal", "Hello.")), Format.DOCX, wait=0.02)


async def test_what_takes_too_much_memory_is_ended():
    many = json.dumps([[n] for n in range(1_000_000)]).encode()
    assert "memory" in await refused(many, Format.JSON, pages=5000, memory=100)


async def test_more_than_are_read_at_once_wait_their_turn():
    reader = ApartReader(pages=PAGES)
    texts = [f"Text number {n}." for n in range(5)]
    found = []

    async def one(text):
        with tempfile.TemporaryFile() as file:
            file.write(text.encode())
            found.extend(await reader.read(file, Format.TXT))

    await asyncio.gather(*map(one, texts))
    assert sorted(chunk.text for chunk in found) == texts
