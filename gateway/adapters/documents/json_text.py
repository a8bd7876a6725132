"""JSON: a line for each value, "address.city: Lisbon", and a block for each record."""

import json
from collections.abc import Iterator
from typing import Any

from gateway.adapters.documents.plain_text import decoded, paragraphs
from gateway.adapters.documents.unreadable import UnreadableError
from gateway.memory.documents import Block

_DEEPEST = 100  # levels
_LARGEST = 800  # characters of a record that is not taken apart


def read(content: bytes) -> Iterator[Block]:
    """A document, or one on each line. Raises UnreadableError."""
    text = decoded(content)
    try:
        document = json.loads(text)
    except RecursionError:
        raise UnreadableError("it is nested too deeply") from None
    except ValueError:
        lines = [line for line in text.split("\n") if line.strip()]
        try:
            document = [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            raise UnreadableError("it is not valid JSON") from None
    return _blocks(document, (), 0)


def _blocks(value: Any, path: tuple[str, ...], depth: int) -> Iterator[Block]:  # noqa: ANN401  any
    """Of a large object or list each member by itself, of a small one all together."""
    if depth > _DEEPEST:
        raise UnreadableError("it is nested too deeply")
    if not isinstance(value, dict | list):
        if (shown := _shown(value)).strip():
            yield from (Block(paragraph, path) for paragraph in paragraphs(shown))
        return
    whole = "\n".join(_lines(value, "", depth))
    members = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    if len(whole) <= _LARGEST and not _is_list_of_records(value):
        if whole:
            yield Block(whole, path)
        return
    for key, inner in members:
        yield from _member(key, inner, path, depth)


def _member(key: str | None, value: Any, path: tuple[str, ...], depth: int) -> Iterator[Block]:  # noqa: ANN401  any
    if key is None:
        yield from _blocks(value, path, depth + 1)
    elif isinstance(value, dict | list):
        yield from _blocks(value, (*path, key), depth + 1)
    elif (shown := _shown(value)).strip():
        yield Block(f"{key}: {shown}", path)


def _is_list_of_records(value: Any) -> bool:  # noqa: ANN401  any JSON
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _lines(value: Any, name: str, depth: int) -> Iterator[str]:  # noqa: ANN401  any JSON
    if depth > _DEEPEST:
        raise UnreadableError("it is nested too deeply")
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lines(inner, f"{name}.{key}" if name else key, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _lines(inner, name, depth + 1)
    elif (shown := _shown(value)).strip():
        yield f"{name}: {shown}" if name else shown


def _shown(value: Any) -> str:  # noqa: ANN401  any scalar of JSON
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
