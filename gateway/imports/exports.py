"""Which application a file was exported from, and the conversations in it."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from gateway.imports import chatgpt, json_lines, open_webui
from gateway.imports.conversation import Conversation, ExportError


class _Kind(Protocol):
    """How an application's exports are told and read."""

    def is_one(self, item: Mapping[str, Any]) -> bool: ...
    def read(self, item: Mapping[str, Any], number: int) -> Conversation: ...


_INSIDE: Final = "conversations.json"
_MOST: Final = 2 * 2**30  # bytes of an export once it is out of its zip
_KINDS: Final[tuple[_Kind, ...]] = (chatgpt, open_webui, json_lines)


def conversations(path: Path) -> list[Conversation]:
    """All that were held in a file, but for those without words. Raises ExportError."""
    try:
        held = list(_items(_content(path)))
    except OSError as error:
        raise ExportError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except ExportError as error:
        raise ExportError(f"{path}: {error}") from None
    return [conversation for conversation in held if conversation.said]


def _content(path: Path) -> bytes:
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    try:
        with zipfile.ZipFile(path) as whole:
            names = [name for name in whole.namelist() if name.rpartition("/")[2] == _INSIDE]
            if not names:
                raise ExportError(f"there is no {_INSIDE} in it")
            if whole.getinfo(names[0]).file_size > _MOST:
                raise ExportError(f"{_INSIDE} is larger than {_MOST // 2**30} GB")
            return whole.read(names[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        raise ExportError("the zip is damaged, or locked by a password") from None


def _items(content: bytes) -> Iterator[Conversation]:
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        yield from _lines(content)
        return
    for number, item in enumerate(document if isinstance(document, list) else [document], 1):
        yield _conversation(item, number, f"item {number}")


def _lines(content: bytes) -> Iterator[Conversation]:
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            try:
                item = orjson.loads(line)
            except orjson.JSONDecodeError:
                raise ExportError(f"line {number} is not JSON") from None
            yield _conversation(item, number, f"line {number}")


def _conversation(item: Any, number: int, place: str) -> Conversation:  # noqa: ANN401  any JSON
    if isinstance(item, Mapping):
        for kind in _KINDS:
            if kind.is_one(item):
                return kind.read(item, number)
    raise ExportError(
        f"{place} is no conversation of ChatGPT's export, of Open WebUI's, or of JSON Lines"
    )
