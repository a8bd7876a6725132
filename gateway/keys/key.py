"""A key of the gateway: whose it is, what it opens, until when and how much. Never the key itself.

A key is written `mgw-` and eight characters, which name it wherever it is spoken of, and 256 random
bits, which are shown once. What is kept of it is its SHA-256: of so many random bits no slower
digest is needed.
"""

import re
import secrets
from base64 import b32encode
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from gateway.memory.model import Entry, Holder, Millis, Scope

KIND: Final = "key"
OWN: Final = Scope("gateway", "keys", Holder.PROJECT)  # where keys are registered: no project's
WRITTEN: Final = re.compile(r"mgw-[a-z2-7]{8}-[A-Za-z0-9_-]{43}")


class Grant(StrEnum):
    """Something that a key opens."""

    CHAT = "chat"  # the model's side
    READ = "memory:read"
    WRITE = "memory:write"
    METRICS = "metrics"
    ADMIN = "admin"  # everybody's keys


USUAL: Final = frozenset({Grant.CHAT, Grant.READ, Grant.WRITE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much a key may take; 0 is no limit of its own."""

    requests_per_minute: int = 0
    in_flight: int = 0
    tokens_per_minute: int = 0
    tokens_per_day: int = 0

    def over(self, usual: "Allowance") -> "Allowance":
        """What it says, and what is usual where it says nothing."""
        return Allowance(
            requests_per_minute=self.requests_per_minute or usual.requests_per_minute,
            in_flight=self.in_flight or usual.in_flight,
            tokens_per_minute=self.tokens_per_minute or usual.tokens_per_minute,
            tokens_per_day=self.tokens_per_day or usual.tokens_per_day,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """`id` names it in lists and logs; `digest` is the SHA-256 of what is sent, in hex."""

    id: str
    digest: str
    project: str
    name: str = ""
    grants: frozenset[Grant] = USUAL
    allowance: Allowance = Allowance()
    created: Millis = 0
    updated: Millis = 0
    expires: Millis | None = None
    revoked: Millis | None = None

    def lives(self, now: Millis) -> bool:
        return self.revoked is None and (self.expires is None or now < self.expires)

    def entry(self) -> Entry:
        value = {
            "id": self.id,
            "project": self.project,
            "name": self.name,
            "grants": sorted(self.grants),
            "allowance": asdict(self.allowance),
            "expires": self.expires,
            "revoked": self.revoked,
        }
        return Entry(
            kind=KIND, id=self.digest, value=value, created=self.created, updated=self.updated
        )


def key_of(entry: Entry) -> Key:
    """The key that an entry tells of."""
    value: dict[str, Any] = dict(entry.value)
    return Key(
        id=value["id"],
        digest=entry.id,
        project=value["project"],
        name=value["name"],
        grants=frozenset(Grant(grant) for grant in value["grants"]),
        allowance=Allowance(**value["allowance"]),
        created=entry.created,
        updated=entry.updated,
        expires=value["expires"],
        revoked=value["revoked"],
    )


def drawn() -> tuple[str, str]:
    """A new key's id, and the key as it is sent."""
    key_id = "mgw-" + b32encode(secrets.token_bytes(5)).decode().lower()
    return key_id, f"{key_id}-{secrets.token_urlsafe(32)}"


def digest_of(written: str) -> str:
    return sha256(written.encode("utf-8", "surrogateescape")).hexdigest()
