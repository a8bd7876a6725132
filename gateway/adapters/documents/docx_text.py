"""Word documents, by python-docx: paragraphs and tables in order, under their headings."""

from collections.abc import Iterator
from typing import BinaryIO

from docx import Document
from docx.table import Table
from docx.text.paragraph import Paragraph

from gateway.adapters.documents import archives
from gateway.adapters.documents.unreadable import UnreadableError
from gateway.memory.documents import Block, Heading, under

_HEADING = "heading "
_DOCUMENT = "[Content_Types].xml"


def read(content: BinaryIO) -> Iterator[Block]:
    """Raises UnreadableError."""
    with archives.opened(content) as archive:
        if _DOCUMENT not in archive.namelist():
            raise UnreadableError("it is no DOCX")
    content.seek(0)
    path: Heading = ()
    bare = False  # whether nothing has come under the latest heading yet
    for part in Document(content).iter_inner_content():
        text = _table(part) if isinstance(part, Table) else part.text.strip()
        if not text:
            continue
        level = _level(part) if isinstance(part, Paragraph) else 0
        if level:
            if bare and level <= len(path):
                yield Block(path[-1], path[:-1])
            path = under(path, level, text)
        else:
            yield Block(text, path)
        bare = bool(level)
    if bare:
        yield Block(path[-1], path[:-1])


def _level(paragraph: Paragraph) -> int:
    """Of a heading, from 1; 0 of anything else."""
    name = (paragraph.style.name or "").lower() if paragraph.style is not None else ""
    if name == "title":
        return 1
    number = name.removeprefix(_HEADING)
    return int(number) if name.startswith(_HEADING) and number.isdecimal() else 0


def _table(table: Table) -> str:
    """A line for each row; what spans several columns stands once."""
    rows = []
    for row in table.rows:
        cells = [" ".join(cell.text.split()) for cell in dict.fromkeys(row.cells)]
        rows.append(" | ".join(cells))
    return "\n".join(row for row in rows if row.strip(" |"))
