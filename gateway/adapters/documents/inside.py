"""Reads one file in a process of its own, which may neither take much nor outlive its time.

The file is standard input, the answer one JSON object on standard output: `chunks`, each with text,
heading and page, or `error`. Arguments: the format, the most pages, megabytes of memory, seconds.
"""

import os
import resource
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import orjson

from gateway.adapters.documents.unreadable import UnreadableError
from gateway.memory.document_formats import TEXTS, Format
from gateway.memory.documents import Block, chunks

PAGE = 10_000  # characters that count as a page, where a format has none
_WIDEST = 4  # bytes of a character


def main() -> None:
    format_, pages, megabytes, seconds = sys.argv[1], *map(int, sys.argv[2:5])
    _confine(megabytes * 2**20, seconds)
    try:
        read = chunks(_bounded(_blocks(Format(format_), sys.stdin.buffer, pages), pages))
        answer: dict[str, object] = {"chunks": [[c.text, c.heading, c.page] for c in read]}
        if not read:
            answer = {"error": "there is no text in it"}
    except UnreadableError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": "it takes more memory than a file may"}
    except RecursionError:
        answer = {"error": "it is nested too deeply"}
    except Exception:  # noqa: BLE001  whatever a library makes of a damaged file
        answer = {"error": "it is damaged"}
    sys.stdout.buffer.write(orjson.dumps(answer))


def _confine(memory: int, seconds: int) -> None:
    """Give this process so much and no more; others go first, and are spared before it."""
    with suppress(OSError):  # where there is none
        Path("/proc/self/oom_score_adj").write_text("1000")
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(10)


def _blocks(format_: Format, content: BinaryIO, pages: int) -> Iterator[Block]:
    """What is read; the libraries of the other formats are not loaded."""
    content.seek(0)
    if format_ is Format.PDF:
        from gateway.adapters.documents import pdf  # noqa: PLC0415  see above

        return pdf.read(content, pages)
    if format_ is Format.DOCX:
        from gateway.adapters.documents import docx_text  # noqa: PLC0415  see above

        return docx_text.read(content)
    if format_ is Format.SKILL_ZIP:
        from gateway.adapters.documents import skills  # noqa: PLC0415  see above

        return skills.read_archive(content)
    if format_ in TEXTS and content.seek(0, os.SEEK_END) > pages * PAGE * _WIDEST:
        raise _too_long(pages)
    content.seek(0)
    return _read_text(format_, content.read())


def _read_text(format_: Format, content: bytes) -> Iterator[Block]:
    if format_ is Format.JSON:
        from gateway.adapters.documents import json_text  # noqa: PLC0415  see above

        return json_text.read(content)
    if format_ is Format.XML:
        from gateway.adapters.documents import xml_text  # noqa: PLC0415  see above

        return xml_text.read(content)
    if format_ is Format.MD:
        from gateway.adapters.documents import markdown_text  # noqa: PLC0415  see above

        return markdown_text.read(content)
    if format_ is Format.SKILL_MD:
        from gateway.adapters.documents import skills  # noqa: PLC0415  see above

        return skills.read(content)
    from gateway.adapters.documents import plain_text  # noqa: PLC0415  see above

    return plain_text.read(content)


def _bounded(blocks: Iterable[Block], pages: int) -> Iterator[Block]:
    """The blocks, up to as much text as so many pages hold. Raises UnreadableError."""
    left = pages * PAGE
    for block in blocks:
        left -= len(block.text)
        if left < 0:
            raise _too_long(pages)
        yield block


def _too_long(pages: int) -> UnreadableError:
    return UnreadableError(f"it has more than {pages} pages, of {PAGE} characters each")


if __name__ == "__main__":
    main()
