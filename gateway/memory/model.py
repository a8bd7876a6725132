"""The domain's records: what was said, what is remembered of it, and whose it is.

All records are frozen. Times are integers, milliseconds since the epoch in UTC (`Millis`), so that
they compare, sort and serialise alike everywhere. Ids are uuid5 over the content that makes a thing
what it is, so doing something twice yields the same record once.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

Millis: TypeAlias = int
Vector: TypeAlias = Sequence[float]

_NAMESPACE = uuid.UUID("6f1a3c52-6d1b-5a0e-9a53-9f6f1f2b7a11")


def now() -> Millis:
    """The current time. Injected wherever a test must own the clock."""
    return time.time_ns() // 1_000_000


def identifier(*parts: str) -> str:
    """A uuid5 over `parts`; no two different lists of parts share one."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(f"{len(p)}:{p}" for p in parts)))


class Holder(StrEnum):
    """Who, inside a project, the memories of a scope belong to.

    `PUBLIC` is everybody in the project, `BASE` a knowledge base, `PROJECT` the project itself,
    which has no memories but what it is made of: its keys, its bases and their files.
    """

    USER = "user"
    AGENT = "agent"
    PUBLIC = "public"
    BASE = "base"
    PROJECT = "project"


_PERSONAL = frozenset({Holder.USER, Holder.AGENT})


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose memory: a project, decided by the key alone, and somebody or something inside it.

    `user` is the name of the holder: a user's or an agent's id, a knowledge base's. Nothing in the
    store can be read or written without a scope, and no part of one may be empty.
    """

    project: str
    user: str
    holder: Holder = Holder.USER

    def __post_init__(self) -> None:
        if not self.project or not self.user:
            raise ValueError("a scope needs a project and a user")

    @property
    def parts(self) -> tuple[str, ...]:
        """What ids within this scope are made of, different for each scope."""
        if self.holder is Holder.USER:
            return (self.project, self.user)
        return (self.holder, self.project, self.user)

    @property
    def contributor(self) -> str:
        """How what its holder shares with others is marked there: a user by their id."""
        return self.user if self.holder is Holder.USER else identifier("contributor", *self.parts)


def public(project: str) -> Scope:
    """What everybody in the project may recall."""
    return Scope(project, "public", Holder.PUBLIC)


def knowledge_base(project: str, base_id: str) -> Scope:
    """What was read out of the files of a knowledge base, and what was written to it."""
    return Scope(project, base_id, Holder.BASE)


def project_wide(project: str) -> Scope:
    """Where the project's own entries are registered."""
    return Scope(project, "project", Holder.PROJECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a conversation, as it was sent.

    `content` and `extra` are the client's own JSON (`extra` holds every other field: tool_calls,
    tool_call_id, refusal, ...); `text` is what a person would read of it. `by` is who spoke as a
    user, where it is not the one whose turn it is: their words say nothing about that one.
    `repeats` marks an answer that only repeats what is remembered: it is shown to whoever reads
    the conversation again, and is no part of memory, nor of any prompt.
    """

    role: str
    content: Any
    time: Millis
    name: str = ""
    by: str = ""
    repeats: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The content's text; the text parts of a multimodal message, one to a line."""
        return text_of(self.content)


def text_of(content: Any) -> str:  # noqa: ANN401  a client's JSON may be anything
    """The readable text of a message's `content`: a string, a list of parts, or nothing."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = (part.get("text") for part in content if isinstance(part, dict))
    return "\n".join(text for text in parts if isinstance(text, str))


class TurnState(StrEnum):
    PENDING = "pending"
    LEARNED = "learned"
    PARKED = "parked"


class Ending(StrEnum):
    """How the answer of a turn ended."""

    COMPLETE = "complete"
    UPSTREAM_BROKE = "partial:upstream"
    UPSTREAM_STALLED = "partial:stalled"
    CLIENT_GONE = "partial:client"
    SHUTDOWN = "partial:shutdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What the caller attached to a turn; every memory made from the turn carries it.

    `related` are the ids of the users and agents who took part, where there were several.
    """

    agent_id: str = ""
    app_id: str = ""
    tags: tuple[str, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One exchange, verbatim: the raw record, and the job that learns from it.

    `preceding` is the text of the message before the first one, so that a turn can be indexed with
    what it answers. `messages` are only the new ones: never a resent history, never a memory block.
    `refs` are the names by which a later request may refer to it: digests of the history that ends
    with it, the id that the model's server gave its answer. What is learned of it is also written
    for everybody in the project (`public`) and to the knowledge bases named in `bases`. `feedback`
    marks what was said about the memories themselves: it corrects them, and is no conversation.
    """

    id: str
    scope: Scope
    conversation: str
    messages: tuple[Message, ...]
    created: Millis
    preceding: str = ""
    refs: tuple[str, ...] = ()
    labels: Labels = Labels()
    public: bool = False
    bases: tuple[str, ...] = ()
    feedback: bool = False
    ending: Ending = Ending.COMPLETE
    state: TurnState = TurnState.PENDING
    attempts: int = 0
    error: str = ""

    @property
    def said(self) -> tuple[Message, ...]:
        """The messages less those that only repeat what is remembered, which nobody said anew."""
        return tuple(message for message in self.messages if not message.repeats)


class Kind(StrEnum):
    EPISODE = "episode"
    FACT = "fact"
    PREFERENCE = "preference"
    TOOL = "tool"
    DOCUMENT = "document"


class Status(StrEnum):
    ACTIVATED = "activated"
    RESOLVING = "resolving"
    ARCHIVED = "archived"
    DELETED = "deleted"


class Speaker(StrEnum):
    """Who said what a memory holds. `assistant` weighs less: it is a view, not the user's word."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    DOCUMENT = "document"


class Origin(StrEnum):
    """Where a memory comes from: what somebody of a conversation said, or a person wrote down."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    DOCUMENT = "document"
    WRITTEN = "written"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A message that a memory came from: its whole text, where and when it was said."""

    role: str
    content: str
    time: Millis
    conversation: str
    turn: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What a memory was before it was changed, by what and when.

    `by` is `edited`, `feedback`, `undone`: what was done, not who did it.
    """

    text: str
    title: str
    status: Status
    until: Millis
    by: str
    attribute: str = ""
    tags: tuple[str, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)
    decided: Millis | None = None
    superseded_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """One thing remembered.

    `text` is what recall shows. `attribute` names the slot that a fact or a preference fills
    ("home.city", "likes:coffee", ...), empty for what fills none; of two memories in one slot the
    later said is the current one. `valid_to` is set once `superseded_by` is. `instruction` marks a
    standing instruction ("always answer in French"), which recall shows whatever the question.
    `position` orders the episodes of a conversation. `title` is one that somebody gave it, `detail`
    what its kind alone has, as JSON. `contributor` is that of the scope whose turn it comes from,
    where it is shared with others. `revisions` are what it was before somebody changed it by hand,
    oldest first; `decided` is when somebody last said so that it holds, or until when it was out
    before it was said again. `time` is when it was said, `event_time` when what it tells happened,
    if it tells that.
    """

    id: str
    scope: Scope
    kind: Kind
    text: str
    speaker: Speaker
    conversation: str
    time: Millis
    created: Millis
    updated: Millis
    sources: tuple[Source, ...]
    position: int = 0
    attribute: str = ""
    title: str = ""
    explicit: bool = True
    instruction: bool = False
    reasoning: str = ""
    confidence: float = 1.0
    event_time: Millis | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    labels: Labels = Labels()
    contributor: str = ""
    revisions: tuple[Revision, ...] = ()
    decided: Millis | None = None
    status: Status = Status.ACTIVATED
    supersedes: tuple[str, ...] = ()
    superseded_by: str = ""
    valid_from: Millis | None = None
    valid_to: Millis | None = None

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where it comes from: by hand, from a conversation, or both."""
        by_hand = [Origin.WRITTEN] if any(not source.turn for source in self.sources) else []
        told = not by_hand or any(source.turn for source in self.sources)
        return (*([Origin(self.speaker)] if told else []), *by_hand)

    @property
    def related(self) -> tuple[str, ...]:
        """The ids of the users and agents whom it concerns, as a filter names them."""
        own = (self.scope.user,) if self.scope.holder in _PERSONAL else ()
        agent = (self.labels.agent_id,) if self.labels.agent_id else ()
        return tuple(dict.fromkeys((*own, *agent, *self.labels.related)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """A memory with what it is found by: its vector, once embedded, and its words for BM25."""

    memory: Memory
    words: str
    vector: Vector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A memory that a search found, with each arm's own raw score.

    `dense` is a cosine similarity, -1..1, None without a vector; `lexical` a BM25 score, 0 and up,
    None without a word in common. A hit that one arm found has its score of the other arm too.
    """

    memory: Memory
    dense: float | None = None
    lexical: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A thing that is registered by name rather than searched: a key, a knowledge base, a file.

    `group` is what it is listed under ("" for none), `value` its own content as JSON.
    """

    kind: str
    id: str
    value: Mapping[str, Any]
    created: Millis
    updated: Millis
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What extraction proposes to remember of a turn, before it meets what is known."""

    kind: Kind
    text: str
    source: Source
    attribute: str = ""
    speaker: Speaker = Speaker.USER
    explicit: bool = True
    instruction: bool = False
    reasoning: str = ""
    confidence: float = 1.0
    event_time: Millis | None = None
    detail: Mapping[str, Any] = field(default_factory=dict, hash=False)
