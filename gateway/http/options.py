"""What a chat request says about memory: whose it is, which conversation, and what to do with it.

Headers come first, then the body. The body's own member `memory` is ours and is not forwarded.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, Field, JsonValue, ValidationError

from gateway.http.base_ids import SearchedBases, WrittenBases
from gateway.http.errors import ApiError
from gateway.http.headers import RawHeaders, get
from gateway.memory.filters import Filter, parse
from gateway.memory.model import Labels
from gateway.settings import Position

Mode: TypeAlias = Literal["on", "off", "read", "write"]

DEFAULT_USER = "default"
MOST_ID = 256  # characters of a user's or a conversation's id

# LibreChat names headers as whoever configures it likes: ours, or these.
_USER_HEADERS = (b"x-user-id", b"x-openwebui-user-id", b"x-librechat-user-id")
_CONVERSATION_HEADERS = (
    b"x-conversation-id",
    b"x-openwebui-chat-id",
    b"x-librechat-conversation-id",
)
_TASK_HEADER = b"x-openwebui-task"  # where whoever configures it has `{{TASK}}` sent
_TEMPORARY = ("temporary:", "local:")  # what Open WebUI calls a chat that it keeps nothing of
# What a template leaves that had nothing to fill in. Taken for an id it would be everybody's.
_UNFILLED = re.compile(r"\{\{.*\}\}|\$\{.*\}|null|undefined|new", re.IGNORECASE)


class MemoryField(BaseModel, extra="forbid", strict=True):
    """The body's member `memory`."""

    mode: Mode | None = Field(None, description="As the header X-Memory, which comes first.")
    limit: int | None = Field(None, ge=0, le=50, description="Memories in the prompt at most.")
    position: Position | None = Field(
        None,
        description="Where they go: leading the last user message, in a message of their own"
        " before it, or leading the system message.",
    )
    filter: JsonValue = Field(None, description="Which memories may be recalled.")
    tags: list[str] = Field(
        default_factory=list, max_length=64, description="Labels of what is learned."
    )
    info: dict[str, str | int | float | bool | list[str]] = Field(
        default_factory=dict, max_length=64, description="Labels of what is learned, by key."
    )
    agent_id: str = Field("", max_length=MOST_ID, description="A label of what is learned.")
    app_id: str = Field("", max_length=MOST_ID, description="A label of what is learned.")
    knowledgebase_ids: SearchedBases = Field(default_factory=list)
    allow_public: bool = Field(
        False, description="Whether everybody in the project may recall what is learned."
    )
    allow_knowledgebase_ids: WrittenBases = Field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOptions:
    """A mode of on reads and writes; a `limit` or `position` of None is the setting's.

    `searched` are knowledge bases that are read, `written` those that what is learned is written
    to, and with `public` everybody in the project may recall it.
    """

    mode: Mode = "on"
    limit: int | None = None
    position: Position | None = None
    where: Filter | None = None
    labels: Labels = Labels()
    searched: tuple[str, ...] = ()
    public: bool = False
    written: tuple[str, ...] = ()

    @property
    def reads(self) -> bool:
        return self.mode in {"on", "read"}

    @property
    def writes(self) -> bool:
        return self.mode in {"on", "write"}


def header_mode(headers: RawHeaders) -> Mode | None:
    """The mode that the header `X-Memory` asks for. Raises ApiError 400."""
    given = get(headers, b"x-memory").lower()
    match given:
        case "":
            return None
        case "on" | "off" | "read" | "write":
            return given
    raise ApiError(400, "X-Memory is one of on, off, read, write", param="X-Memory")


def chat_options(
    headers: RawHeaders, body: Mapping[str, Any], *, otherwise: Mode = "on"
) -> ChatOptions:
    """What is asked for, with the mode `otherwise` where none is.

    Raises ApiError 400 that names the field, FilterError.
    """
    mode = header_mode(headers)
    if "memory" not in body:
        return ChatOptions(mode=mode or otherwise)
    try:
        given = MemoryField.model_validate(body["memory"])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(["memory", *(str(part) for part in first["loc"][:2])])
        raise ApiError(400, f"{place}: {first['msg']}", param=place) from None
    return ChatOptions(
        mode=mode or given.mode or otherwise,
        limit=given.limit,
        position=given.position,
        where=None if given.filter is None else parse(given.filter),
        labels=Labels(
            agent_id=given.agent_id,
            app_id=given.app_id,
            tags=tuple(given.tags),
            info=given.info,
        ),
        searched=tuple(given.knowledgebase_ids),
        public=given.allow_public,
        written=tuple(dict.fromkeys(given.allow_knowledgebase_ids)),
    )


def user_of(headers: RawHeaders, body: Mapping[str, Any]) -> str:
    """The end user within the project. Raises ApiError 400 for an id that is too long."""
    metadata = body.get("metadata")
    inner = metadata.get("user_id") if isinstance(metadata, dict) else None
    named = [_header(headers, name) for name in _USER_HEADERS]
    return (
        _first(*named, inner, body.get("user"), body.get("safety_identifier"), param="user")
        or DEFAULT_USER
    )


def conversation_of(headers: RawHeaders, body: Mapping[str, Any]) -> str:
    """The conversation that the client names, or "". Raises ApiError 400."""
    metadata = body.get("metadata")
    inner = metadata.get("conversation_id") if isinstance(metadata, dict) else None
    named = [_header(headers, name) for name in _CONVERSATION_HEADERS]
    return _first(*named, inner, param="metadata.conversation_id")


def is_passing(headers: RawHeaders) -> bool:
    """Whether an application says that a request is its own, or of a chat that nobody keeps."""
    chat = get(headers, b"x-openwebui-chat-id")
    return bool(_header(headers, _TASK_HEADER)) or chat.startswith(_TEMPORARY)


def _header(headers: RawHeaders, name: bytes) -> str:
    value = get(headers, name)
    return "" if _UNFILLED.fullmatch(value) else value


def _first(*candidates: object, param: str) -> str:
    for candidate in candidates:
        if isinstance(candidate, str) and candidate.strip():
            if len(candidate) > MOST_ID:
                raise ApiError(400, f"{param} is longer than {MOST_ID} characters", param=param)
            return candidate
    return ""
