"""What an application puts around its user's words, which nobody said.

Open WebUI names the files of a message before it, and leads a question about files, the web or what
a tool found with a template of its own and the texts in question, once in one request of a tool
loop and not in the next. Continue leads one with the files that it names and with what was piped
in. That is the model's to read. It is not the question, and not to be remembered as the user's.
"""

from typing import Any, Final

# How each begins, and its end, in the order in which they come in a message. Of an end that comes
# several times the last counts: what was found may hold one too, and of two mistakes it is the
# lesser to take some of the user's words for a text that was found.
_AROUND: Final = (
    ("### Task:\nRespond to the user query using the provided context,", "</context>\n"),
    ("<attached_files>\n", "\n</attached_files>\n"),
    ('<context name="', "\n</context>\n"),
    ("<stdin>\n", "\n</stdin>\n"),
)


def own(text: str) -> str:
    """The user's words in a message."""
    for begins, ends in _AROUND:
        if text.startswith(begins) and ends in text:
            text = text.rpartition(ends)[2].lstrip("\n")
    return text


def without(content: Any) -> Any:  # noqa: ANN401  a client's JSON may be anything
    """A message's content less what the application put there."""
    if isinstance(content, str):
        return own(content)
    return [_part(part) for part in content] if isinstance(content, list) else content


def _part(part: Any) -> Any:  # noqa: ANN401  as above
    text = part.get("text") if isinstance(part, dict) else None
    return part | {"text": own(text)} if isinstance(text, str) else part
