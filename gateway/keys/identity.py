"""Whose memory a client's own key for its model is, where the gateway has none for it."""

import hmac
from hashlib import sha256

from gateway.keys.key import Key, digest_of


class Identity:
    """Makes a project of a key: always the same one, which without the secret tells nothing."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def of(self, written: str) -> Key:
        said = written.encode("utf-8", "surrogateescape")
        mark = hmac.new(self._secret, said, sha256).hexdigest()[:32]
        return Key(id=f"client-{mark}", digest=digest_of(written), project=f"client-{mark}")
