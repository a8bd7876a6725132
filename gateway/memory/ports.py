"""What the domain asks of the world: a few small protocols. Adapters implement them, fakes too.

Every method of `Store` takes a `Scope` first and touches nothing outside it; only where a client
sends an id alone, a project is enough to find whose it is. `Outbox` is the learning side of the
same ledger and the only part that reads across scopes; the HTTP floor is never given one.
"""

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from gateway.memory.document_formats import Format
from gateway.memory.documents import Chunk
from gateway.memory.filters import Filter
from gateway.memory.model import (
    Entry,
    Hit,
    Indexed,
    Kind,
    Memory,
    Millis,
    Scope,
    Status,
    Turn,
    TurnState,
    Vector,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which memories of a scope: all must hold. An empty `kinds` or `statuses` is a ValueError.

    `by` is who contributed them, `not_by` who did not; `turn` is a turn that they all came from.
    """

    kinds: frozenset[Kind]
    statuses: frozenset[Status] = frozenset({Status.ACTIVATED})
    where: Filter | None = None
    attribute: str | None = None
    instruction: bool | None = None
    by: str | None = None
    not_by: str | None = None
    turn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A hybrid search. Without a vector only the words are searched.

    `limit` is per arm. With `merit`, which weighs a hit's dense and lexical scores together, only
    the best `limit` of what both arms found are read and returned.
    """

    selection: Selection
    words: str
    vector: Vector | None
    limit: int
    merit: Callable[[float | None, float | None], float] | None = None


class Store(Protocol):
    """Turns and memories. Raises StoreError when it cannot do what was asked."""

    async def put_turn(self, scope: Scope, turn: Turn) -> None:
        """Write a turn durably; a turn of the same id is replaced."""
        ...

    async def get_turns(self, scope: Scope, conversation: str, limit: int) -> list[Turn]:
        """The latest `limit` turns of a conversation, oldest first."""
        ...

    async def find_turn(self, scope: Scope, refs: Collection[str]) -> Turn | None:
        """The latest turn that goes by any of these names; none, when there are none."""
        ...

    async def list_turns(
        self, scope: Scope, *, limit: int, offset: int = 0
    ) -> tuple[list[Turn], int]:
        """A page of all the scope's turns, latest first, and how many there are."""
        ...

    async def get_turn(self, project: str, turn_id: str) -> Turn | None:
        """The turn of this id, whose ever it is in the project."""
        ...

    async def turn_states(self, scope: Scope, conversation: str) -> dict[TurnState, int]:
        """How many turns of a conversation are in each state, of which there is any."""
        ...

    async def put_memories(self, scope: Scope, entries: Sequence[Indexed]) -> None:
        """Write memories; those of the same ids are replaced, vector and words with them.

        Raises ValueError, and writes nothing, when an entry belongs to another scope.
        """
        ...

    async def revise_memories(
        self, scope: Scope, entries: Sequence[Indexed], held: Iterable[Memory]
    ) -> None:
        """Write each memory whose stored record is still the one of its id in `held`.

        One that is not among `held` is written only if none is stored. What somebody else changed
        meanwhile, as told by `updated`, stays as it is and nothing says so: read again to know.
        Each memory is compared and written in one step. Raises ValueError as `put_memories` does.
        """
        ...

    async def get_memories(self, scope: Scope, ids: Sequence[str]) -> list[Memory]:
        """The memories of these ids that exist in this scope, in the order asked."""
        ...

    async def find_memories(self, project: str, ids: Sequence[str]) -> list[Memory]:
        """The memories of these ids, whose ever they are in the project, in the order asked."""
        ...

    async def list_memories(
        self, scope: Scope, selection: Selection, *, limit: int, offset: int = 0
    ) -> tuple[list[Memory], int]:
        """A page, latest said first, and how many there are in all."""
        ...

    async def search(self, scope: Scope, search: Search) -> list[Hit]:
        """The best `limit` of the dense and of the lexical arm, united, in no order.

        BM25's document frequencies are those of this scope, not of everybody's memories.
        """
        ...

    async def delete_memories(self, scope: Scope, ids: Sequence[str]) -> int:
        """Remove these memories for good; how many there were."""
        ...

    async def remove_memories(self, scope: Scope, held: Sequence[Memory]) -> None:
        """Remove each of these for good whose stored record is still that one.

        What somebody else changed meanwhile, as told by `updated`, stays and nothing says so. Each
        is compared and removed in one step.
        """
        ...

    async def delete_conversation(self, scope: Scope, conversation: str) -> int:
        """Remove its turns and memories for good; how many there were."""
        ...

    async def erase(self, scope: Scope) -> int:
        """Remove every turn and memory of the scope for good; how many there were.

        What its holder shared with others of the project goes too.
        """
        ...


class Registry(Protocol):
    """Things found by their names, such as knowledge bases and their files. Raises StoreError."""

    async def put_entry(self, scope: Scope, entry: Entry) -> None:
        """Write an entry durably; one of the same kind and id is replaced."""
        ...

    async def get_entries(self, scope: Scope, kind: str, ids: Sequence[str]) -> list[Entry]:
        """The entries of these ids that exist, in the order asked."""
        ...

    async def list_entries(
        self, scope: Scope, kind: str, *, group: str = "", limit: int, offset: int = 0
    ) -> tuple[list[Entry], int]:
        """A page of those of a group, latest made first, and how many there are in all."""
        ...

    async def all_entries(
        self, scope: Scope, *, limit: int, offset: int = 0
    ) -> tuple[list[Entry], int]:
        """A page of everything registered in the scope, latest made first, and how many in all."""
        ...

    async def delete_entries(self, scope: Scope, kind: str, ids: Sequence[str]) -> int:
        """Remove these entries for good; how many there were."""
        ...

    async def erase(self, scope: Scope) -> int:
        """Remove everything registered in the scope for good; how many entries there were."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How many turns are not learned; `oldest` is when the oldest pending one was created."""

    pending: int
    parked: int
    oldest: Millis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A turn that was given up, and why; nothing of what was said."""

    id: str
    created: Millis
    attempts: int
    error: str


class Outbox(Protocol):
    """The ledger as the learner sees it. Raises StoreError."""

    async def load(self, turn_id: str) -> Turn | None: ...

    async def mark(
        self,
        turn_id: str,
        state: TurnState,
        *,
        attempts: int = 0,
        error: str = "",
        created: Millis | None = None,
    ) -> None:
        """Set a turn's state; a turn that is gone (erased meanwhile) stays gone.

        With `created`, only if the turn is still the one that was created then: a later step of a
        tool loop replaces a turn while it is being learned, and has yet to be learned itself.
        """
        ...

    async def pending(self, *, created_before: Millis, limit: int) -> list[str]:
        """Ids of turns still pending, oldest first."""
        ...

    async def parked(self, *, limit: int) -> list[Parked]:
        """Turns that were given up, oldest first."""
        ...

    async def backlog(self) -> Backlog: ...


class Ledger(Store, Outbox, Protocol):
    """All of it, as those have it who put the parts together."""

    @property
    def registry(self) -> Registry: ...


class Spool(Protocol):
    """Turns that the store did not take, kept until it does. Raises SpoolError."""

    def __len__(self) -> int:
        """Turns that wait here."""
        ...

    async def append(self, turn: Turn) -> None:
        """Keep a turn; when this returns it survives the death of the process."""
        ...

    async def replay(self, write: Callable[[Turn], Awaitable[bool]]) -> None:
        """Offer each turn to `write`, oldest first, and forget those for which it returns true.

        What `write` raises ends it; turns that were not offered, or were offered in this call, may
        be offered again.
        """
        ...


class Embedder(Protocol):
    """Texts to unit vectors of `dimension` floats. Raises EmbeddingError."""

    @property
    def model(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    async def embed_query(self, text: str) -> Vector:
        """For a search: served before any document that waits."""
        ...

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]: ...


class Reranker(Protocol):
    """A model that reads a question and a text together. Raises RerankerError, RerankerBusyError.

    Dearer than comparing vectors by the length of every text, so it is given few.
    """

    @property
    def model(self) -> str: ...

    async def score(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the question, 0..1, in the order given.

        Who stops waiting gives it up: what is not scored yet is not scored any more.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """A request for the language model's side: `path` is relative to its base URL.

    `path` is as it goes over the wire, percent-encoded, with its query when it has one. A body that
    is still arriving is an iterator; it can be sent once only. `model` is the one that the body
    names, for whoever has more than one server to choose from; "" when it names none.
    """

    method: str
    path: str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes | AsyncIterator[bytes] = b""
    model: str = ""


class ModelResponse(Protocol):
    """An answer whose body comes as it is produced. `aclose` ends the exchange at any point."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]: ...

    @property
    def body(self) -> AsyncIterator[bytes]:
        """The bytes as they come. Raises UpstreamBrokenError, UpstreamTimeoutError."""
        ...

    async def aclose(self) -> None: ...


class ChatModel(Protocol):
    """The language model's side: an OpenAI-compatible server, or the built-in offline one."""

    @property
    def memorable(self) -> bool:
        """Whether its answers are worth remembering; those that only repeat memories are shown."""
        ...

    async def send(self, request: ModelRequest) -> ModelResponse:
        """Returns when the answer's headers are there.

        Raises UpstreamUnreachableError, UpstreamTimeoutError.
        """
        ...


class Extractor(Protocol):
    """A language model that is asked one thing at a time and answers in JSON, as far as it can."""

    async def complete(
        self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any]
    ) -> str:
        """What it wrote in answer to a chat; `schema` is the JSON schema that it was to keep to.

        Raises ExtractionBusyError when asking again may help, ExtractionError when not.
        """
        ...


class DocumentReader(Protocol):
    """Reads files of whatever origin, at no risk to this process."""

    async def read(self, content: BinaryIO, format_: Format) -> list[Chunk]:
        """What is written in a file, from its beginning, cut into chunks; at least one.

        `content` has a file descriptor. Raises DocumentError.
        """
        ...


class Fetcher(Protocol):
    """Fetches what is at an address on the web, where that is allowed."""

    async def fetch(self, url: str, into: BinaryIO, *, most: int) -> str:
        """Write what is there, at most `most` bytes, and give its media type, or "".

        Raises FetchError; nothing has been asked of anybody if the address is not allowed.
        """
        ...


class JobQueue(Protocol):
    async def enqueue(self, turn_id: str) -> None:
        """Ask for a turn to be learned. Losing the request is harmless: pending turns are swept."""
        ...
