"""The keys that open the gateway: those of the settings, and those that are registered.

Registered keys are held in the process, so that no request waits for the store. A change made
elsewhere counts here within `REFRESH` seconds, and a key that is not known yet has the store looked
at, once a second at the most. While the store cannot be asked, known keys stay good for `TRUSTED`
seconds and nobody can say of others what they are; the settings' keys need no store.
"""

import asyncio
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from gateway.errors import StoreError
from gateway.keys.key import (
    KIND,
    OWN,
    USUAL,
    WRITTEN,
    Allowance,
    Grant,
    Key,
    digest_of,
    drawn,
    key_of,
)
from gateway.memory.model import Entry, Millis
from gateway.memory.ports import Registry

REFRESH: Final = 3.0  # seconds between two looks at the registry
AGAIN: Final = 1.0  # seconds between two looks for keys that are not known
WHOLE: Final = 60.0  # seconds after which all is read, though nothing says that it has changed
TRUSTED: Final = 3600.0  # seconds that known keys are good for when the store cannot be asked
GRACE: Final = 86_400.0  # seconds that a key goes on after it was replaced, unless told otherwise
PAGE: Final = 1000

_REVISION, _LATEST = "key-revision", "latest"
_INSIDE: Final = re.compile(rb"(?<![A-Za-z0-9])" + WRITTEN.pattern.encode())


class Keyring:
    """`settled` are the settings' keys, which cannot be changed here."""

    def __init__(
        self, registry: Registry, settled: Sequence[Key] = (), *, clock: Callable[[], Millis]
    ) -> None:
        self._registry = registry
        self._settled = {key.digest: key for key in settled}
        self._clock = clock
        self._registered: dict[str, Key] = {}
        self._revision = ""
        self._read: Millis | None = None  # when the registry last said how things stand
        self._whole: Millis | None = None  # when all of it was last read
        self._failed: Millis | None = None
        self._one_at_a_time = asyncio.Lock()

    @property
    def required(self) -> bool:
        """Whether requests need a key: as soon as there is one, and be it revoked."""
        return bool(self._settled or self._registered)

    async def find(self, written: str) -> Key | None:
        """The live key that this is. Raises StoreError when that cannot be known."""
        digest = digest_of(written)
        key = self._settled.get(digest)
        if key is None and WRITTEN.fullmatch(written):
            if digest not in self._registered:
                await self.refresh(AGAIN)
            elif self._older(self._read, TRUSTED):
                await self.refresh(0)
            key = self._registered.get(digest)
        if key is None or not hmac.compare_digest(key.digest, digest):
            return None
        return key if key.lives(self._clock()) else None

    def holds_any(self, text: bytes) -> bool:
        """Whether a registered key, live or not, is in a text."""
        return b"mgw-" in text and any(
            digest_of(match[0].decode()) in self._registered for match in _INSIDE.finditer(text)
        )

    async def refresh(self, older: float) -> None:
        """Look at the registry, unless that was done in the last `older` seconds.

        Raises StoreError, and at once when it did so within a second.
        """
        async with self._one_at_a_time:
            if not self._older(self._read, older):
                return
            if not self._older(self._failed, AGAIN):
                raise StoreError("the keys cannot be read")
            try:
                await self._look()
            except StoreError:
                self._failed = self._clock()
                raise

    async def _look(self) -> None:
        begun = self._clock()
        latest = await self._registry.get_entries(OWN, _REVISION, [_LATEST])
        revision = str(latest[0].value["revision"]) if latest else ""
        if revision != self._revision or self._older(self._whole, WHOLE):
            registered = {key.digest: key for key in await self._all()}
            self._registered, self._revision, self._whole = registered, revision, begun
        self._read, self._failed = begun, None

    async def _all(self) -> list[Key]:
        keys: list[Key] = []
        while True:
            page, total = await self._registry.list_entries(OWN, KIND, limit=PAGE, offset=len(keys))
            keys += [key_of(entry) for entry in page]
            if not page or len(keys) >= total:
                return keys

    async def keys(self) -> list[Key]:
        """All registered keys, also those that are dead, latest first. Raises StoreError."""
        await self.refresh(0)
        return sorted(self._registered.values(), key=lambda key: (-key.created, key.id))

    async def create(
        self,
        project: str,
        *,
        name: str = "",
        grants: frozenset[Grant] = USUAL,
        allowance: Allowance = Allowance(),  # noqa: B008  it is frozen
        expires: Millis | None = None,
    ) -> tuple[Key, str]:
        """A new key, and how it is written, which nobody can tell again. Raises StoreError."""
        key_id, written = drawn()
        now = self._clock()
        key = Key(
            id=key_id,
            digest=digest_of(written),
            project=project,
            name=name,
            grants=grants,
            allowance=allowance,
            created=now,
            updated=now,
            expires=expires,
        )
        await self._put(key)
        return key, written

    async def revoke(self, key_id: str) -> Key | None:
        """End a key now; None when no key has this id. Raises StoreError."""
        key = await self._named(key_id)
        if key is None or key.revoked is not None:
            return key
        now = self._clock()
        key = replace(key, revoked=now, updated=now)
        await self._put(key)
        return key

    async def rotate(self, key_id: str, *, grace: float = GRACE) -> tuple[Key, str] | None:
        """A new key that is as the old one was, which goes on for at most `grace` seconds more.

        None when no live key has this id. Raises StoreError.
        """
        old, now = await self._named(key_id), self._clock()
        if old is None or not old.lives(now):
            return None
        made = await self.create(
            old.project,
            name=old.name,
            grants=old.grants,
            allowance=old.allowance,
            expires=None if old.expires is None else now + (old.expires - old.created),
        )
        ends = now + round(grace * 1000)
        if old.expires is None or ends < old.expires:
            await self._put(replace(old, expires=ends, updated=now))
        return made

    async def _named(self, key_id: str) -> Key | None:
        return next((key for key in await self.keys() if key.id == key_id), None)

    async def _put(self, key: Key) -> None:
        """Write a key, and that something changed: in this order, so that whoever sees it reads."""
        await self._registry.put_entry(OWN, key.entry())
        revision = {"revision": secrets.token_hex(8)}
        now = self._clock()
        await self._registry.put_entry(
            OWN, Entry(kind=_REVISION, id=_LATEST, value=revision, created=now, updated=now)
        )
        await self.refresh(0)

    def _older(self, when: Millis | None, seconds: float) -> bool:
        return when is None or self._clock() - when >= seconds * 1000
