"""What a remembered text may not do to whoever reads it: be fetched, rendered, or hide something.

Pure functions over one text. Learning leaves markup out of what it makes; the block of a prompt
keeps every readable word of what was said and takes its markup's power away.
"""

import re

from gateway.memory.wording import plain

# Characters that a reader does not see but a model may obey: controls, bidi and zero-width marks,
# variation selectors beyond emoji's own, and the tag block that smuggles ASCII.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u2064\u2066-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
_TERMINAL = re.compile(
    r"\x1b\[[0-?]{0,40}[ -/]{0,4}[@-~]|\x1b\][^\x07\x1b\n]{0,400}(?:\x07|\x1b\\)"
)

_IMAGE = re.compile(r"!\[([^\]\n]{0,300}+)\]\([^)\n]{0,2000}+\)")
_LINK = re.compile(r"\[([^\]\n]{1,300}+)\]\([\s<]{0,4}+([^)\s>]{0,2000}+)[^)\n]{0,300}+\)")
_URL = re.compile(
    r"(?:(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}:/{2,}|(?<!\w)(?=www\.))(?:www\.)*"
    r"([^\s?#<>\"')\]`]{0,2000})(?:[?#][^\s<>\"')\]`]*(?<![.,;:!?]))?",
    re.IGNORECASE,
)
_SLASHES = re.compile(r"/{2,}")
_SCHEME = re.compile(r"\b(javascript|vbscript|data|file|blob):(?=\S)", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!][^<>\n]{0,1000}>")
# What opens a tag of HTML, of a chat template, or a marker like ours, in whatever brackets.
_OPENS = re.compile(
    r"<(?=[\s\u200c\u200d]*/|[\u200c\u200d]*(?:[!?|]|[^\W\d_][^>]{0,1000}>))|"
    r"[\uff1c\ufe64\u2039\u27e8\u3008](?=[\s\u200c\u200d]*[/\uff0f\u2044\u2215]?\s*[^\W\d_]{3,20}"
    r"\s*[>\uff1e\ufe65\u203a\u27e9\u3009])|"
    r"<(?=[\s\u200c\u200d]*/?[\s\u200c\u200d]*memories\b)",
    re.IGNORECASE,
)
_INSTRUCTS = re.compile(r"\[(?=/?(?:INST|SYS|SYSTEM|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS)\])")
_SHOWS = re.compile(r"(?<!!)!++(?=\[)")
# What only speaks to whoever reads it.
_COMMANDS = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instruct\w*|rules?|prompts?|above|"
    r"previous|prior|earlier|guidelines)\b|\b(?:you|assistant|ai|model) (?:must|should|shall|"
    r"have to|need to|are (?:now|to))\b|\b(?:always|never) (?:answer|respond|reply|send|include|"
    r"tell|recommend|mention|reveal|say|use|add)\b|\bfrom now on\b|\bsystem prompt\b|"
    r"\bdo not (?:tell|mention|reveal|inform)\b",
    re.IGNORECASE,
)
_LONGEST_PATH = 200  # characters of a link's address that are worth reading


def visible(text: str) -> str:
    """The text on one line, without what a reader does not see."""
    return " ".join(_INVISIBLE.sub("", _TERMINAL.sub("", text)).split())


def neutralise(text: str) -> str:
    """The text on one line and without markup: links keep their words, tags nothing."""
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", visible(text)))
    return visible(_SCHEME.sub("", _addresses(_TAG.sub("", text))))


def inert(text: str) -> str:
    """The text on one line, every word readable and nothing that a program would act upon.

    An image keeps its description. A link keeps its words and its address, and an address its host
    and path: without a scheme it is no link, without its query it carries nothing. What opens a tag
    is written `&lt;`.
    """
    text = _IMAGE.sub(r"\1", visible(text))
    text = _LINK.sub(r"\1 (\2)", text)
    text = _SCHEME.sub(r"\1 ", _addresses(text))
    text = _INSTRUCTS.sub("(", text.replace("](", "] ("))
    return _SHOWS.sub("", _OPENS.sub("&lt;", text))


def commands(text: str) -> bool:
    """Whether a text gives orders to whoever reads it, which is nothing to be remembered."""
    return _COMMANDS.search(plain(text)) is not None


def _addresses(text: str) -> str:
    return _URL.sub(lambda match: _SLASHES.sub("/", match[1])[:_LONGEST_PATH].rstrip("/"), text)
