"""Which format a file is in: told by its name, held against how its content begins."""

from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

HEAD: Final = 1024  # bytes at the beginning by which a format is known


class Format(StrEnum):
    PDF = "pdf"
    DOCX = "docx"
    TXT = "txt"
    JSON = "json"
    MD = "md"
    XML = "xml"
    SKILL_MD = "skill.md"  # a skill, or an archive of one
    SKILL_ZIP = "skill.zip"


class UnsupportedFormatError(ValueError):
    """Files of this format are not read; the message says which are."""


class WrongFormatError(ValueError):
    """The content is not what the name says."""


_ENDINGS: Final = {
    ".pdf": Format.PDF,
    ".docx": Format.DOCX,
    ".txt": Format.TXT,
    ".text": Format.TXT,
    ".json": Format.JSON,
    ".md": Format.MD,
    ".markdown": Format.MD,
    ".xml": Format.XML,
}
_MEDIA: Final = {
    "application/pdf": Format.PDF,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": Format.DOCX,
    "text/plain": Format.TXT,
    "application/json": Format.JSON,
    "text/markdown": Format.MD,
    "application/xml": Format.XML,
    "text/xml": Format.XML,
}
_PDF, _ZIP, _OLD_OFFICE = b"%PDF-", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
TEXTS: Final = frozenset({Format.TXT, Format.JSON, Format.MD, Format.XML, Format.SKILL_MD})


def by_name(name: str, *, skill: bool = False) -> Format | None:
    """The format that a name's ending says; None without an ending.

    Raises UnsupportedFormatError.
    """
    ending = PurePosixPath(name.lower()).suffix
    if skill:
        if ending not in {".md", ".zip"}:
            raise UnsupportedFormatError("a skill is an .md file or a .zip archive")
        return Format.SKILL_ZIP if ending == ".zip" else Format.SKILL_MD
    if not ending:
        return None
    if ending == ".doc":
        raise UnsupportedFormatError("DOC is not read: save the document as DOCX")
    if ending not in _ENDINGS:
        raise UnsupportedFormatError("files are PDF, DOCX, TXT, JSON, MD or XML")
    return _ENDINGS[ending]


def by_media_type(media_type: str) -> Format | None:
    """The format of a media type such as `text/plain; charset=utf-8`; None if it says none."""
    return _MEDIA.get(media_type.partition(";")[0].strip().lower())


def by_content(head: bytes) -> Format:
    """The format of content that has neither name nor type. Raises UnsupportedFormatError."""
    if _PDF in head:
        return Format.PDF
    if head.startswith(_ZIP):
        return Format.DOCX
    if head.startswith(_OLD_OFFICE):
        raise UnsupportedFormatError("DOC is not read: save the document as DOCX")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<?xml"):
        return Format.XML
    return Format.JSON if start.startswith(b"{") else Format.TXT


def check(format_: Format, head: bytes) -> None:
    """Whether content may be what it is said to be. Raises WrongFormatError."""
    if format_ is Format.PDF and _PDF not in head:
        raise WrongFormatError("it is no PDF")
    if format_ in {Format.DOCX, Format.SKILL_ZIP} and not head.startswith(_ZIP):
        raise WrongFormatError(f"it is no {'DOCX' if format_ is Format.DOCX else 'zip archive'}")
    if format_ in TEXTS and head.startswith((_ZIP, _OLD_OFFICE, _PDF)):
        raise WrongFormatError("it is no text")
