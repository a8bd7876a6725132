"""Turns and memories as Qdrant payloads, the same in the embedded engine and in a server.

A payload is the whole record as one string of JSON, so that nothing a client sent can be lost or
reshaped, and beside it the fields by which records are found and ordered. A turn's state is kept in
fields alone, for it is set without reading the turn. With a key the string of JSON is sealed; the
fields beside it are not, and hold no words that were said.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, TypeAlias
from uuid import UUID

import orjson

from gateway.adapters.sealing import Seal, is_sealed
from gateway.errors import StoreError
from gateway.memory.filters import INFO, ORIGIN, number
from gateway.memory.model import (
    Ending,
    Entry,
    Holder,
    Indexed,
    Kind,
    Labels,
    Memory,
    Message,
    Revision,
    Scope,
    Source,
    Speaker,
    Status,
    Turn,
    TurnState,
    identifier,
)
from gateway.memory.ports import Parked

Payload: TypeAlias = dict[str, Any]

RECORD: Final = "record"
OWNER: Final = "owner"
PROJECT: Final = "project"
USER: Final = "user"
HOLDER: Final = "holder"  # absent where it is a user
LISTED: Final = "listed."  # before a field of `info`, for what its list has

WHOSE_FIELDS: Final = (PROJECT, USER, HOLDER)
OWN_FIELDS: Final = (*WHOSE_FIELDS, RECORD)  # of a memory, to read it and check whose it is
TURN_FIELDS: Final = (*OWN_FIELDS, "state", "attempts", "error")
PARKED_FIELDS: Final = ("id", "created", "attempts", "error")

_LINE: Final = "spool"  # whose a sealed line is: it is read before it says so
_POINTS: Final = 10_000  # ids that are not made anew: one takes 20 µs and a turn names a dozen
DECODED: Final = 4096  # memories held decoded: some 20 MB at most

_MEMORY: Final = tuple(field.name for field in fields(Memory))


@lru_cache(_POINTS)
def owner(scope: Scope) -> str:
    """The one value by which the points of a scope are found: half the work of two."""
    return identifier("owner", *scope.parts)


def whose(scope: Scope) -> Payload:
    """The fields that say in which scope a point is."""
    holder = {} if scope.holder is Holder.USER else {HOLDER: str(scope.holder)}
    return {OWNER: owner(scope), PROJECT: scope.project, USER: scope.user, **holder}


def scope_from(payload: Mapping[str, Any]) -> Scope:
    """The scope of a point, from its WHOSE_FIELDS."""
    return Scope(payload[PROJECT], payload[USER], Holder(payload.get(HOLDER) or Holder.USER))


@lru_cache(_POINTS)
def memory_point(scope: Scope, memory_id: str) -> UUID:
    """The point of a memory: of its own in each scope, so that none can replace another's."""
    return UUID(identifier("memory", *scope.parts, memory_id))


def turn_point(turn_id: str) -> UUID:
    """The point of a turn. Its id alone, for that is all that a job carries."""
    return UUID(identifier("turn", turn_id))


def turn_payload(turn: Turn, seal: Seal) -> Payload:
    return {
        **whose(turn.scope),
        "id": turn.id,
        "conversation": indexable(turn.conversation),
        "refs": [digest(ref) for ref in turn.refs],
        "created": turn.created,
        **state_payload(turn.state, turn.attempts, turn.error),
        RECORD: seal.sealed(_dumps(turn), owner(turn.scope)),
    }


def latest_turn(payload: Mapping[str, Any]) -> tuple[int, str]:
    """Sorts turns: the latest first."""
    return -payload["created"], payload["id"]


def oldest_turn(payload: Mapping[str, Any]) -> tuple[int, str]:
    """Sorts turns: the oldest first."""
    return payload["created"], payload["id"]


def latest_said(payload: Mapping[str, Any]) -> tuple[int, int, str]:
    """Sorts memories: the latest said first."""
    return -payload["time"], -payload["position"], payload["id"]


def latest_entry(payload: Mapping[str, Any]) -> tuple[int, str]:
    """Sorts entries: the latest made first."""
    return -payload["created"], payload["id"]


def entry_point(scope: Scope, kind: str, entry_id: str) -> UUID:
    """The point of an entry: of its own in each scope and kind."""
    return UUID(identifier("entry", *scope.parts, kind, entry_id))


def entry_payload(scope: Scope, entry: Entry, seal: Seal) -> Payload:
    return {
        **whose(scope),
        "id": entry.id,
        "kind": indexable(entry.kind),
        "group": digest(entry.group),
        "created": entry.created,
        RECORD: seal.sealed(_dumps(entry), owner(scope)),
    }


def entry_from(payload: Mapping[str, Any], seal: Seal) -> Entry:
    """Raises StoreError where it is sealed and cannot be opened; so do the others of its kind."""
    return Entry(**_loads(_opened(payload, seal)))


def turn_json(turn: Turn, seal: Seal) -> bytes:
    """A turn as one line."""
    return seal.sealed(_dumps(turn), _LINE).encode()


def turn_from_json(line: bytes, seal: Seal) -> Turn:
    """The turn of a line, still to be learned.

    Raises ValueError, KeyError, TypeError, and StoreError where the line cannot be opened.
    """
    text = seal.opened(line.decode(), _LINE)
    return _turn(text, state_payload(TurnState.PENDING, 0, ""))


def state_payload(state: TurnState, attempts: int, error: str) -> Payload:
    """The fields of a turn that its learning changes."""
    return {"state": str(state), "attempts": attempts, "error": indexable(error)}


def turn_from(payload: Mapping[str, Any], seal: Seal) -> Turn:
    return _turn(_opened(payload, seal), payload)


def _turn(text: str, state: Mapping[str, Any]) -> Turn:
    record = _loads(text)
    record["scope"] = _scope(record["scope"])
    record["bases"] = tuple(record.get("bases", ()))
    record["messages"] = tuple(Message(**message) for message in record["messages"])
    record["refs"] = tuple(record.get("refs", ()))
    record["labels"] = _labels(record["labels"])
    record["ending"] = Ending(record["ending"])
    record["state"] = TurnState(state["state"])
    record["attempts"] = state["attempts"]
    record["error"] = state["error"]
    return Turn(**record)


def parked_from(payload: Mapping[str, Any]) -> Parked:
    return Parked(**{name: payload[name] for name in PARKED_FIELDS})


def memory_payload(memory: Memory, seal: Seal) -> Payload:
    return {
        **whose(memory.scope),
        "id": memory.id,
        "kind": str(memory.kind),
        "status": str(memory.status),
        "time": memory.time,
        "position": memory.position,
        "created": memory.created,
        "updated": memory.updated,
        "facets": _facets(memory),
        "numbers": [
            {"key": digest(key), "value": value}
            for key, value in ((k, number(v)) for k, v in memory.labels.info.items())
            if value is not None
        ],
        RECORD: seal.sealed(_dumps(memory), owner(memory.scope)),
    }


def check_entries(scope: Scope, entries: Sequence[Indexed], dimension: int) -> None:
    """Before any is written, for an engine would write those that come before a wrong one.

    Raises ValueError for one of another scope, StoreError for a vector of another dimension.
    """
    if any(entry.memory.scope != scope for entry in entries):
        raise ValueError("a memory belongs to another scope")
    if {len(entry.vector) for entry in entries if entry.vector is not None} - {dimension}:
        raise StoreError(f"a vector has not the dimension {dimension}")


def memory_from(payload: Mapping[str, Any], seal: Seal) -> Memory:
    text = payload[RECORD]
    if is_sealed(text):
        return _sealed_memory(text, owner(scope_from(payload)), seal)
    return _memory(text)


@lru_cache(DECODED)  # sealed memories too are held decoded: in the process's memory, nowhere else
def _sealed_memory(text: str, whose: str, seal: Seal) -> Memory:
    return _memory_of(seal.opened(text, whose))


@lru_cache(DECODED)  # what one user's questions find overlaps, and decoding costs most of a search
def _memory(text: str) -> Memory:
    return _memory_of(text)


def _memory_of(text: str) -> Memory:
    record = _loads(text)
    record["scope"] = _scope(record["scope"])
    record["kind"] = Kind(record["kind"])
    record["speaker"] = Speaker(record["speaker"])
    record["status"] = Status(record["status"])
    record["sources"] = tuple([Source(**source) for source in record["sources"]])
    record["supersedes"] = tuple(record["supersedes"])
    record["revisions"] = tuple([_revision(each) for each in record.get("revisions", ())])
    record["labels"] = _labels(record["labels"])
    # With names that the interpreter knows, a call takes half the time of one with parsed names.
    return Memory(**{name: record[name] for name in _MEMORY if name in record})


def facet(field: str, value: str | float) -> str:
    """The keyword that a memory has among its facets where `field` is `value`.

    `field` is one of a filter or of a `Selection`. Of one length, whatever the value.
    """
    if isinstance(value, str):
        return digest(field, "string", value)
    if isinstance(value, bool):
        return digest(field, "boolean", str(value))
    integral = isinstance(value, int) or value.is_integer()
    return digest(field, "number", str(int(value)) if integral else repr(value))


def _facets(memory: Memory) -> list[str]:
    labels = memory.labels
    info = {INFO + key: value for key, value in labels.info.items()}
    return [
        facet("agent_id", labels.agent_id),
        facet("app_id", labels.app_id),
        facet("conversation_id", memory.conversation),
        facet("attribute", memory.attribute),
        *([facet("contributor", memory.contributor)] if memory.contributor else []),
        facet("instruction", memory.instruction),
        *(facet(ORIGIN, origin) for origin in memory.origins),
        *(facet("turn", turn) for turn in {source.turn for source in memory.sources}),
        *(facet("related_id", each) for each in memory.related),
        *(facet("tags", tag) for tag in labels.tags),
        *(facet(key, value) for key, value in info.items() if isinstance(value, str | int | float)),
        *(
            facet(LISTED + key, each)
            for key, value in info.items()
            if isinstance(value, list)
            for each in value
            if isinstance(each, str)
        ),
    ]


def indexable(text: str) -> str:
    """What a payload field or a tokeniser can hold: a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def digest(*parts: str) -> str:
    encoded = (part.encode("utf-8", "surrogatepass") for part in parts)
    return blake2b(b"".join(b"%d:%b" % (len(e), e) for e in encoded), digest_size=16).hexdigest()


def _opened(payload: Mapping[str, Any], seal: Seal) -> str:
    """The record of a point, from its OWN_FIELDS. Raises StoreError."""
    text: str = payload[RECORD]
    return seal.opened(text, owner(scope_from(payload))) if is_sealed(text) else text


def _scope(record: Mapping[str, str]) -> Scope:
    holder = Holder(record.get("holder", Holder.USER))
    return Scope(record["project"], record["user"], holder)


def _revision(record: Mapping[str, Any]) -> Revision:
    kept = {"status": Status(record["status"]), "tags": tuple(record.get("tags", ()))}
    return Revision(**{**record, **kept})


def _labels(record: Mapping[str, Any]) -> Labels:
    return Labels(
        **{
            **record,
            "tags": tuple(record["tags"]),
            "related": tuple(record.get("related", ())),
        }
    )


def _dumps(record: Turn | Memory | Entry) -> str:
    """JSON, marked by a space where orjson cannot write it: huge integers, lone surrogates.

    Infinities and not-a-number, which JSON has not, become null.
    """
    try:
        return orjson.dumps(record, default=_object).decode()
    except TypeError:
        return " " + json.dumps(record, default=_object)


def _loads(text: str) -> Payload:
    record: Payload = json.loads(text) if text.startswith(" ") else orjson.loads(text)
    return record


def _object(value: Any) -> Payload:  # noqa: ANN401  whatever cannot be written by itself
    if isinstance(value, Mapping):
        return dict(value)
    return {each.name: getattr(value, each.name) for each in fields(value)}
