"""Requests and answers of the MemOS Cloud API, and when its clients mean what they say.

A field that is null means its default, and an unknown field is ignored: clients send both.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import orjson
from dateutil import parser as dates
from pydantic import BaseModel, Field, JsonValue, ValidationError, field_validator, model_validator

from gateway.http.errors import ApiError
from gateway.memory import prompt
from gateway.memory.model import Kind, Memory, Message, Millis

_EMPTY, _USER_TOO_LONG, _CONVERSATION_TOO_LONG, _RELATIVITY = "40002", "40010", "40011", "40012"
_TITLE_WORDS = 8
_DEEPEST = 3  # parts of a field's name, as in messages.0.role; below are the client's own
_CJK_DATE = re.compile(r"(\d+)\s*[年月]\s*|(\d+)\s*日")
# Comments such as "(Sat)", and the name before an offset, whose sign dateutil reads as POSIX does.
_NOISE = re.compile(r"\([^()]*\)|\b(?:GMT|UTC)(?=[+-]\d)")
_MOST_TIME = 100  # characters; the parser takes minutes over a number of 100,000 digits
# What a text leaves open is taken from these, so that two readings of it then differ.
_BLANKS = (datetime(2000, 1, 1), datetime(2001, 2, 2))  # noqa: DTZ001  the zone is the text's
# What `datetime` can show, in milliseconds since the epoch.
_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999

Id = Annotated[str, Field(min_length=1, max_length=100)]


class Body(BaseModel):
    """A request body in which null is the same as absent."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:  # noqa: ANN401  whatever was sent
        if not isinstance(value, dict):
            return value
        return {key: item for key, item in value.items() if item is not None}


class AddedMessage(Body, extra="allow"):
    """One message to add; what is not named here is kept as it came."""

    role: str = Field(pattern="^(user|assistant|system|tool)$")
    content: JsonValue = None
    chat_time: Millis | None = Field(None, strict=True, ge=_FIRST, le=_LAST)
    role_name: str = Field("", max_length=100)

    @field_validator("chat_time", mode="before")
    @classmethod
    def _any_usual_form(cls, value: Any) -> Any:  # noqa: ANN401  whatever was sent
        return parse_time(value) if isinstance(value, str) else value

    def message(self, now: Millis) -> Message:
        return Message(
            role=self.role,
            content=prompt.strip_content(self.content),
            time=now if self.chat_time is None else self.chat_time,
            name=self.role_name,
            extra=self.model_extra or {},
        )


class AddMessage(Body):
    user_id: Id
    conversation_id: str = Field("", max_length=100)
    messages: list[AddedMessage] = Field(min_length=1, max_length=1000)
    async_mode: bool = True
    agent_id: str = Field("", max_length=100)
    app_id: str = Field("", max_length=100)
    tags: list[str] = Field(default_factory=list, max_length=64)
    info: dict[str, JsonValue] = Field(default_factory=dict, max_length=64)


class SearchMemory(Body):
    user_id: Id
    query: str = Field(min_length=1)
    conversation_id: str = Field("", max_length=100)
    filter: JsonValue = None
    memory_limit_number: int = Field(9, ge=0, le=25)
    include_preference: bool = True
    preference_limit_number: int = Field(9, ge=0, le=25)
    relativity: float = Field(0.45, ge=0, le=1)


class GetMemory(Body):
    user_id: Id
    page: int = Field(1, ge=1, le=1_000_000)
    size: int = Field(10, ge=1, le=50)
    filter: JsonValue = None
    include_preference: bool = True


BodyType = TypeVar("BodyType", bound=Body)


def parse_body(model: type[BodyType], raw: bytes) -> BodyType:
    """The request in `raw`. Raises ApiError 400 with MemOS's code, naming the first wrong field."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise ApiError(400, "the body is not valid JSON") from None
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"][:_DEEPEST])
        message = f"{place}: {first['msg']}" if place else str(first["msg"])
        raise ApiError(400, message, param=place, code=_code(place, first["type"])) from None


def _code(place: str, problem: str) -> str | None:
    if problem in {"missing", "string_too_short", "too_short"}:
        return _EMPTY
    if problem == "string_too_long":
        too_long = {"user_id": _USER_TOO_LONG, "conversation_id": _CONVERSATION_TOO_LONG}
        return too_long.get(place)
    return _RELATIVITY if place == "relativity" else None


def parse_time(text: str) -> Millis:
    """A time as people write it, with a whole date; without a zone it is UTC. Raises ValueError."""
    if len(text) > _MOST_TIME:
        raise ValueError("not a time")
    plain = _CJK_DATE.sub(_western, _NOISE.sub(" ", text))
    try:
        moment, other = (dates.parse(plain, default=blank, tzinfos=_zone) for blank in _BLANKS)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        time = round(aware.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise ValueError("not a time") from error
    if moment != other:
        raise ValueError("not a time")
    return time


def _zone(name: str | None, offset: int | None) -> int | None:
    """Seconds east of UTC, or None for a text without a zone. Raises ValueError."""
    if name is not None and offset != 0:
        raise ValueError("a name such as CST, which several zones bear")
    return offset


def _western(match: re.Match[str]) -> str:
    return f"{match[1]}-" if match[1] else f"{match[2]} "


def fact(memory: Memory, relativity: float | None = None) -> dict[str, Any]:
    """A memory as an item of `memory_detail_list`."""
    return _detail(memory, relativity) | {
        "memory_key": _title(memory.text),
        "memory_value": memory.text,
        "memory_type": "WorkingMemory" if memory.kind is Kind.EPISODE else "LongTermMemory",
    }


def preference(memory: Memory, relativity: float | None = None) -> dict[str, Any]:
    """A memory as an item of `preference_detail_list`."""
    return _detail(memory, relativity) | {
        "preference_type": f"{'explicit' if memory.explicit else 'implicit'}_preference",
        "preference": memory.text,
        "reasoning": memory.reasoning,
    }


def _detail(memory: Memory, relativity: float | None) -> dict[str, Any]:
    scored = {} if relativity is None else {"relativity": round(relativity, 4)}
    return scored | {
        "id": memory.id,
        "create_time": memory.created,
        "update_time": memory.updated,
        "memory_time": memory.time,
        "conversation_id": memory.conversation,
        "status": memory.status.value,
        "confidence": memory.confidence,
        "tags": list(memory.labels.tags),
        "info": dict(memory.labels.info),
        "sources": [
            {
                "role": source.role,
                "role_name": source.name,
                "content": source.content,
                "conversation_id": source.conversation,
                "chat_time": _iso(source.time),
            }
            for source in memory.sources
        ],
    }


def _iso(time: Millis) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="seconds")


def _title(text: str) -> str:
    words = text.split(maxsplit=_TITLE_WORDS)
    return " ".join(words[:_TITLE_WORDS]) + (" ..." if words[_TITLE_WORDS:] else "")
