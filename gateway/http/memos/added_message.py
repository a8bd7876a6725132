"""A message as /add/message takes it, and as it is recorded of one who took part."""

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from gateway.http.memos.codes import Code
from gateway.http.memos.reading import Body
from gateway.http.memos.times import Moment
from gateway.memory import prompt
from gateway.memory.model import Message, Millis
from gateway.memory.transcript import light

_UNNAMED = "somebody"


class AddedMessage(Body, extra="allow"):
    """One message to add; what is not named here is kept as it came."""

    role: Literal["user", "assistant", "system", "tool"] = Field(description="Who speaks.")
    content: str | list[dict[str, JsonValue]] | None = Field(
        None,
        description="A text, or parts of type text, image_url or file. The words are kept, the data"
        " of images and files is not. Only an assistant's message may be without.",
    )
    chat_time: Moment | None = Field(
        None,
        description="When it was said: milliseconds since the epoch, or a date and time in any"
        " usual form, in UTC unless it names a zone. By default now.",
    )
    role_id: str = Field(
        "",
        max_length=100,
        description="Whose message it is in a group chat: a user of role user who is none of whose"
        " memory it becomes is somebody else there, and their words say nothing about these.",
    )
    role_name: str = Field("", max_length=100, description="The name that the speaker goes by.")
    tool_calls: list[dict[str, JsonValue]] = Field(
        default_factory=list,
        max_length=128,
        description="The tools that an assistant calls, as in OpenAI's API.",
    )
    tool_call_id: str = Field("", max_length=200, description="Which call a tool's result is of.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.content is None and self.role != "assistant":
            raise Code.EMPTY.problem("content is required")
        return self

    @property
    def has_data(self) -> bool:
        """Whether it carries more than words."""
        parts = self.content if isinstance(self.content, list) else []
        return any(part.get("type") != "text" for part in parts)

    def message(self, now: Millis, subject: str, *, group: bool) -> Message:
        """The message as the subject's memory has it; in a group, who names nobody is nobody's."""
        own = ("tool_calls", "tool_call_id", "role_id")
        given = {name: value for name in own if (value := getattr(self, name))}
        by = self._speaker(subject, group=group)
        return Message(
            role=self.role,
            content=light(prompt.strip_content(self.content)),
            time=now if self.chat_time is None else self.chat_time,
            name=self.role_name or (self.role_id if group or by else "") or by,
            by=by,
            extra={**(self.model_extra or {}), **given},
        )

    def _speaker(self, subject: str, *, group: bool) -> str:
        """Who speaks for a user, where it is not the subject."""
        if self.role != "user":
            return ""
        if self.role_id:
            return "" if self.role_id == subject else self.role_id
        if not group or self.role_name == subject:
            return ""
        return self.role_name or _UNNAMED
