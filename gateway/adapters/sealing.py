"""Records sealed with a key of whoever operates the gateway: AES-256-GCM, a random nonce for each.

A sealed text is a mark, the name of its key, and in base64 the nonce and the sealed bytes. It opens
only as a record of those whose it is: one that was moved to somebody else does not. A text without
the mark is read as it stands, so that what was written before there was a key stays readable.
"""

import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import StoreError

SETTING: Final = "GATEWAY_ENCRYPTION_KEY"

_MARK: Final = "sealed:"  # JSON begins otherwise
_NAME: Final = 16  # hexadecimal digits of a key's name
HEAD: Final = len(_MARK) + _NAME  # characters that say with which key a text is sealed
_NONCE: Final = 12  # bytes; random ones are good for 2**32 records of one key


class Seal:
    """Of `keys` of 32 bytes the first seals and all open. Without any, texts stay as they are."""

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        self._keys = {_name(key): AESGCM(key) for key in keys}
        self.name = next(iter(self._keys), "")
        """The name of the key that seals, which tells nothing of it; empty without one."""

    def sealed(self, text: str, whose: str) -> str:
        if not self.name:
            return text
        nonce = os.urandom(_NONCE)
        made = self._keys[self.name].encrypt(nonce, text.encode(), whose.encode())
        return f"{_MARK}{self.name}{b64encode(nonce + made).decode()}"

    def opened(self, text: str, whose: str) -> str:
        """The text that was sealed. Raises StoreError without its key, or if it was tampered with.

        What was sealed with another `whose` counts as tampered with.
        """
        if not is_sealed(text):
            return text
        key = self._keys.get(text[len(_MARK) : HEAD])
        if key is None:
            raise StoreError(f"a record is sealed with a key that is not in {SETTING}")
        try:
            made = b64decode(text[HEAD:], validate=True)
            return key.decrypt(made[:_NONCE], made[_NONCE:], whose.encode()).decode()
        except (InvalidTag, ValueError):
            raise StoreError("a sealed record is damaged or not in its place") from None

    def fits(self, text: str) -> bool:
        """Whether the text is plain or sealed with a key that is here; its HEAD will do."""
        return not is_sealed(text) or text[len(_MARK) : HEAD] in self._keys

    def lacks(self, names: Sequence[str]) -> bool:
        """Whether one of the keys of these names is not here."""
        return not self._keys.keys() >= {*names}


PLAIN: Final = Seal()


def is_sealed(text: str) -> bool:
    return text.startswith(_MARK)


def _name(key: bytes) -> str:
    return blake2b(key, digest_size=_NAME // 2, person=b"key's name").hexdigest()
