"""Files as people add them, and as somebody would who means harm; each is bytes."""

import io
import zipfile
import zlib

from docx import Document


def pdf(*pages: str, outline: tuple[tuple[str, int], ...] = (), encrypted: bool = False) -> bytes:
    """A PDF with these texts, a line of each to a line; `outline` are titles and page numbers."""
    objects: list[bytes] = []

    def add(body: bytes) -> int:
        objects.append(body)
        return len(objects)

    font = add(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    tree = len(objects) + 1 + 2 * len(pages)
    kids = []
    for text in pages:
        shown = b" T* ".join(b"(%s) Tj" % _escaped(line) for line in text.split("\n"))
        drawn = zlib.compress(b"BT /F1 12 Tf 14 TL 50 750 Td " + shown + b" ET")
        content = add(
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(drawn), drawn)
        )
        kids.append(
            add(
                b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
                b" /Resources << /Font << /F1 %d 0 R >> >> >>" % (tree, content, font)
            )
        )
    references = b" ".join(b"%d 0 R" % kid for kid in kids)
    add(b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), references))
    entries = len(objects) + 1
    for index, (title, page) in enumerate(outline):
        following = b" /Next %d 0 R" % (entries + index + 1) if index + 1 < len(outline) else b""
        add(
            b"<< /Title (%s) /Parent %d 0 R /Dest [%d 0 R /Fit]%s >>"
            % (_escaped(title), entries + len(outline), kids[page - 1], following)
        )
    outlines = add(
        b"<< /Type /Outlines /First %d 0 R /Last %d 0 R /Count %d >>"
        % (entries, entries + len(outline) - 1, len(outline))
    )
    shown = b" /Outlines %d 0 R" % outlines if outline else b""
    catalog = add(b"<< /Type /Catalog /Pages %d 0 R%s >>" % (tree, shown))
    made = b"%PDF-1.7\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    lock = (
        b" /Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P -4"
        b" /O <" + b"ab" * 32 + b"> /U <" + b"cd" * 32 + b"> >> /ID [<00> <00>]"
    )
    return (
        made
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
        + b"trailer << /Size %d /Root %d 0 R%s >>\nstartxref\n%d\n%%%%EOF"
        % (len(objects) + 1, catalog, lock if encrypted else b"", len(made))
    )


def _escaped(text: str) -> bytes:
    return (
        text.encode("latin-1").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    )


def docx(*parts: tuple[str, str] | list[list[str]]) -> bytes:
    """A Word document: pairs of a style and a text, and tables as lists of rows."""
    document = Document()
    for part in parts:
        if isinstance(part, list):
            table = document.add_table(len(part), len(part[0]))
            for row, texts in zip(table.rows, part, strict=True):
                for cell, text in zip(row.cells, texts, strict=True):
                    cell.text = text
        else:
            style, text = part
            document.add_paragraph(text, style=style)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def archive(**members: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name.replace("__", "/").replace("_", "."), content)
    return written.getvalue()


def docx_with(part: str, content: bytes) -> bytes:
    """A Word document in which one part is something else."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(docx(("Normal", "Hello.")))) as whole,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for name in whole.namelist():
            made.writestr(name, content if name == part else whole.read(name))
    return written.getvalue()


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b0 "ha">'
    + b"".join(b'<!ENTITY b%d "%s">' % (n, b"&b%d;" % (n - 1) * 10) for n in range(1, 12))
    + b"]><a>&b11;</a>"
)
STRANGER = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
SKILL = """---
name: refunds
description: How a refund is made.
---
# Refunds

Ask for the order's number first.
"""
