"""A `Reranker` without a model: a text answers as far as it has the question's words.

For tests and trials only.
"""

import re
from collections.abc import Sequence

_WORD = re.compile(r"\w+")


class FakeReranker:
    """See `Reranker`. Deterministic."""

    model = "fake"

    async def score(self, question: str, texts: Sequence[str]) -> list[float]:
        asked = _words(question)
        return [len(asked & _words(text)) / max(1, len(asked)) for text in texts]


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))
