"""What an application asks a model for itself: a chat's title, its tags, what one might ask next.

Such a request quotes what was said to somebody who is not spoken to, or asks for a summary of it.
Nothing in it is new and nobody waits to be remembered in its answer, so it is neither learned from
nor recalled for. It is known by how the prompts begin that these applications come with, as they
were seen on the wire; whoever words them anew has to say so in the request.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.memory.model import text_of

# Open WebUI's begin alike, and so does what it puts before a question about files; but these quote
# the chat, and no text that was found: title, tags, follow-ups, search queries, the completion of
# what is typed, pictures.
_TASK: Final = "### Task:"
_QUOTED: Final = "</chat_history>"
_FOUND: Final = "<context>"

_BEGINNINGS: Final = (
    # Open WebUI: the emoji of a spoken message, one answer made of several models' answers
    "Your task is to reflect the speaker's likely facial expression through a fitting emoji.",
    "You have been provided with a set of responses from various models to the latest user query:",
    # LibreChat: the title, by a completion or by a tool's call, what its own memory is made of, and
    # the summary of a long chat
    "Provide a concise, 5-word-or-less title for the conversation,",
    "Analyze this conversation and provide:\n1. The detected language of the conversation",
    "# Current Chat:\n\n",
    "Hold on, before you continue I need you to write me a checkpoint of everything so far.",
    "Hold on again, update your checkpoint.",
    # Continue: the title, and the summary that takes a long chat's place
    "Given the following... please reply with a title for the chat that is 3-4 words in length,",
    "Please provide a concise summary of our conversation so far, capturing the key context,",
)


def is_housekeeping(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the last of these messages is such a prompt."""
    if not messages or messages[-1].get("role") != "user":
        return False
    text = text_of(messages[-1].get("content")).lstrip()
    if text.startswith(_TASK):
        return _QUOTED in text.partition(_FOUND)[0]
    return text.startswith(_BEGINNINGS)
