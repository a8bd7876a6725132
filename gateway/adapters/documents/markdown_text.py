"""Markdown, by markdown-it: its blocks as they are written, under the path of their headings."""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt

from gateway.adapters.documents.plain_text import decoded
from gateway.memory.documents import Block, Heading, under

_FRONT = re.compile(r"\A---[^\S\n]*\n(.*?)\n---[^\S\n]*(?:\n|\Z)", re.DOTALL)


def front_matter(text: str) -> tuple[str, str]:
    """The YAML between the dashes that a file may begin with, and the rest; "" when there is none.

    A rule is three dashes too: what stands between must look like YAML.
    """
    match = _FRONT.match(text)
    if match is None or not re.search(r"^\w[\w-]*:", match[1], re.MULTILINE):
        return "", text
    return match[1].strip(), text[match.end() :]


def read(content: bytes) -> Iterator[Block]:
    return blocks(decoded(content))


def blocks(text: str) -> Iterator[Block]:
    """A heading with nothing under it is a block itself."""
    front, text = front_matter(text)
    if front:
        yield Block(front)
    lines = text.split("\n")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    path: Heading = ()
    bare = False  # whether nothing has come under the latest heading yet
    for index, token in enumerate(tokens):
        if token.level or token.map is None:
            continue
        if token.type == "heading_open":
            level = int(token.tag[1:])
            if bare and level <= len(path):
                yield Block(path[-1], path[:-1])
            path = under(path, level, tokens[index + 1].content)
            bare = True
            continue
        shown = "\n".join(lines[token.map[0] : token.map[1]]).strip()
        if shown:
            bare = False
            yield Block(shown, path)
    if bare:
        yield Block(path[-1], path[:-1])
