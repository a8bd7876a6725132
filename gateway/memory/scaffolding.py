"""What an application puts around its user's words, which nobody said.

Open WebUI names the files of a message before it, and leads a question about files, the web or what
a tool found with a template of its own and the texts in question, once in one request of a tool
loop and not in the next. That is the model's to read. It is not the question, and not to be
remembered as the user's.
"""

from typing import Any, Final

_BEGINS: Final = "### Task:\nRespond to the user query using the provided context,"
_ENDS: Final = "</context>"
_FILES: Final = ("<attached_files>\n", "\n</attached_files>\n")


def own(text: str) -> str:
    """The user's words in a message.

    They follow the last end of such a context: a found text may hold one too, and of two mistakes
    it is the lesser to take some of the user's words for a text that was found.
    """
    if text.startswith(_BEGINS):
        text = text.rpartition(_ENDS)[2].lstrip("\n")
    if text.startswith(_FILES[0]) and _FILES[1] in text:
        text = text.partition(_FILES[1])[2].lstrip("\n")
    return text


def without(content: Any) -> Any:  # noqa: ANN401  a client's JSON may be anything
    """A message's content less what the application put there."""
    if isinstance(content, str):
        return own(content)
    return [_part(part) for part in content] if isinstance(content, list) else content


def _part(part: Any) -> Any:  # noqa: ANN401  as above
    text = part.get("text") if isinstance(part, dict) else None
    return part | {"text": own(text)} if isinstance(text, str) else part
