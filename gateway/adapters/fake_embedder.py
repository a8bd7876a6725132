"""An `Embedder` without a model: texts that share words are near. For tests and trials only.

Words are lower-cased, crudely stemmed and hashed into the vector; the commonest English ones are
left out. It knows no meaning and keeps no order of words.
"""

import math
import re
from collections.abc import Sequence
from hashlib import blake2b

from gateway.memory.model import Vector

_WORD = re.compile(r"\w+")
_SUFFIX = re.compile(r"(?<=\w{3})(ing|ed|es|s|e)$")
_COMMON = frozenset(
    _WORD.findall(
        "a about am an and are as at be by did do does for from has have he her his how i in is it"
        " me my of on or our she that the their they this to was we were what when where which who"
        " with you your"
    )
)


class FakeEmbedder:
    """See `Embedder`. Deterministic, in every process."""

    model = "fake"
    dimension = 256

    async def embed_query(self, text: str) -> Vector:
        return self._embed(text)

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> Vector:
        vector = [0.0] * self.dimension
        vector[0] = 1e-6  # so that a text without words has a direction too
        for word in _WORD.findall(text.lower()):
            if word not in _COMMON:
                stem = _SUFFIX.sub("", word).encode("utf-8", "replace")
                place = int.from_bytes(blake2b(stem).digest())
                # Words that meet in one place by chance add nothing on average.
                vector[(place >> 1) % self.dimension] += 1 if place & 1 else -1
        norm = math.hypot(*vector)
        return [value / norm for value in vector]
