"""How much one chat may hold, beside its bytes: messages, parts, characters, tools, answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from gateway.http.errors import ApiError
from gateway.settings import Settings

_CONVERSATIONS = ("messages", "input")  # as the chat completions and the responses call it


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The most there may be: `parts` of one message, `characters` of all text together."""

    messages: int
    parts: int
    characters: int
    tools: int
    choices: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            messages=settings.max_messages,
            parts=settings.max_parts,
            characters=settings.max_characters,
            tools=settings.max_tools,
            choices=settings.max_choices,
        )

    def check(self, document: Mapping[str, Any]) -> None:
        """Raises ApiError 400 that names the field. What is not as it should be is not judged."""
        for name in _CONVERSATIONS:
            if self._characters(name, document.get(name)) > self.characters:
                raise _above(name, "string_above_max_length", self.characters, "characters")
        tools, choices = document.get("tools"), document.get("n")
        if isinstance(tools, list) and len(tools) > self.tools:
            raise _above("tools", "array_above_max_length", self.tools, "tools")
        if isinstance(choices, int | float) and choices > self.choices:
            raise _above("n", "integer_above_max_value", self.choices, "choices")

    def _characters(self, name: str, conversation: object) -> int:
        if isinstance(conversation, str):
            return len(conversation)
        if not isinstance(conversation, list):
            return 0
        if len(conversation) > self.messages:
            raise _above(name, "array_above_max_length", self.messages, "messages")
        characters = 0
        for number, message in enumerate(conversation):
            content = message.get("content") if isinstance(message, dict) else None
            if isinstance(content, str):
                characters += len(content)
            elif isinstance(content, list):
                if len(content) > self.parts:
                    place = f"{name}.{number}.content"
                    raise _above(place, "array_above_max_length", self.parts, "parts")
                characters += sum(_length(part) for part in content)
        return characters


def _length(part: object) -> int:
    text = part.get("text") if isinstance(part, dict) else None
    return len(text) if isinstance(text, str) else 0


def _above(param: str, code: str, most: int, what: str) -> ApiError:
    return ApiError(400, f"{param} has more than {most} {what}", param=param, code=code)
