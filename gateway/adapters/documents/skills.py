"""Skills: Markdown that begins with its name and description, alone or in an archive."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from gateway.adapters.documents import archives
from gateway.adapters.documents.markdown_text import blocks, front_matter
from gateway.adapters.documents.plain_text import decoded
from gateway.adapters.documents.unreadable import UnreadableError
from gateway.memory.documents import Block

_MAIN = "SKILL.md"
_LARGEST = 100_000  # bytes of the Markdown
_LARGEST_ARCHIVE = 20 * 10**6
_LARGEST_MEMBER = 10 * 10**6
_MOST_MEMBERS = 200


def read(content: bytes) -> Iterator[Block]:
    """Raises UnreadableError."""
    if len(content) > _LARGEST:
        raise UnreadableError(f"the Markdown of a skill is at most {_LARGEST} bytes")
    text = decoded(content)
    front, _ = front_matter(text)
    for name in ("name", "description"):
        if not re.search(rf"^{name}:\s*\S", front, re.MULTILINE):
            raise UnreadableError("a skill begins with its name and description between dashes")
    return blocks(text)


def read_archive(content: BinaryIO) -> Iterator[Block]:
    """What its SKILL.md says. Raises UnreadableError."""
    if content.seek(0, 2) > _LARGEST_ARCHIVE:
        raise UnreadableError(f"the archive of a skill is at most {_LARGEST_ARCHIVE} bytes")
    content.seek(0)
    most = _MOST_MEMBERS * _LARGEST_MEMBER
    with archives.opened(content, most=most, members=_MOST_MEMBERS) as archive:
        if any(info.file_size > _LARGEST_MEMBER for info in archive.infolist()):
            raise UnreadableError(f"a file of a skill is at most {_LARGEST_MEMBER} bytes")
        if _MAIN not in archive.namelist():
            raise UnreadableError(f"there is no {_MAIN} at the top of it")
        if archive.getinfo(_MAIN).file_size > _LARGEST:
            raise UnreadableError(f"the Markdown of a skill is at most {_LARGEST} bytes")
        return read(archive.read(_MAIN))
