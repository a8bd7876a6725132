"""PDF, by pypdf: the text of each page, under the outline's entries."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, TypeAlias

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError
from pypdf.generic import Destination

from gateway.adapters.documents.plain_text import paragraphs
from gateway.adapters.documents.unreadable import UnreadableError
from gateway.memory.documents import Block, Heading

_Outline: TypeAlias = "Sequence[Destination | _Outline]"
_DEEPEST = 6  # levels of an outline that are kept


def read(content: BinaryIO, pages: int) -> Iterator[Block]:
    """Raises UnreadableError."""
    reader = PdfReader(content, strict=False)
    if reader.is_encrypted:
        _unlock(reader)
    if len(reader.pages) > pages:
        raise UnreadableError(f"it has more than {pages} pages")
    headings = _headings(reader)
    heading: Heading = ()
    for number, page in enumerate(reader.pages, 1):
        heading = headings.get(number, heading)
        for paragraph in paragraphs(page.extract_text()):
            yield Block(paragraph, heading, number)


def _unlock(reader: PdfReader) -> None:
    """Many are encrypted with an empty password, so that they may be read and not changed."""
    try:
        opened = bool(reader.decrypt(""))
    except (DependencyError, PyPdfError, NotImplementedError):
        opened = False
    if not opened:
        raise UnreadableError("it is encrypted")


def _headings(reader: PdfReader) -> dict[int, Heading]:
    """For each page on which an entry of the outline begins, the path of the last one."""
    found: dict[int, Heading] = {}

    def visit(entries: _Outline, above: Heading) -> None:
        path = above
        for entry in entries:
            if isinstance(entry, Destination):
                path = (*above, str(entry.title))[:_DEEPEST]
                number = reader.get_destination_page_number(entry)
                if number is not None and number >= 0:
                    found[number + 1] = path
            else:
                visit(entry, path)

    try:
        visit(reader.outline, ())
    except Exception:  # noqa: BLE001  whatever pypdf makes of a damaged one: the text is what counts
        return {}
    return found
