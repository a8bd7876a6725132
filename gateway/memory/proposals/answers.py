"""The list of memories in what a model wrote, whatever it wrote around it."""

import json
import re
from collections.abc import Iterator
from typing import Any

_OPENED = re.compile(r"<(?:think|thinking|reasoning)>", re.IGNORECASE)
_CLOSED = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
_STARTS = 20  # places of a text at which JSON is looked for
_DECODER = json.JSONDecoder()


def read(answer: str) -> list[Any] | None:
    """The proposals as they stand; None when there is no whole list of them, as when it broke off.

    Thoughts, code fences and prose around the JSON do no harm, nor does a list without its object.
    """
    text = answer[max((found.end() for found in _CLOSED.finditer(answer)), default=0) :]
    if unfinished := _OPENED.search(text):
        text = text[: unfinished.start()]
    for document in _documents(text, "{"):
        if isinstance(document, dict) and "memories" in document:
            listed = document["memories"]
            return listed if isinstance(listed, list) else []
    for document in _documents(text, "["):
        if isinstance(document, list) and all(isinstance(item, dict) for item in document):
            return document
    return None


def _documents(text: str, opening: str) -> Iterator[Any]:
    """Each JSON document that begins with this character, as far as one is whole."""
    at = -1
    for _ in range(_STARTS):
        at = text.find(opening, at + 1)
        if at < 0:
            return
        try:
            document, _end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        yield document
