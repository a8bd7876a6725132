"""Texts as sparse vectors for BM25, made here for either engine, so that both find the same words.

A document's vector holds how much each of its words counts in it, a question's which words it has;
the engine weighs them by how rare they are among the memories of the scope.
"""

from typing import TYPE_CHECKING, Final

from qdrant_edge import Bm25, Bm25Config, TokenizerType

from gateway.adapters.records import indexable

if TYPE_CHECKING:
    from qdrant_edge import SparseVector  # in the stubs alone

# BM25 as it did best over conversations; the length is of an episode's words without stop words.
LANGUAGE: Final = "english"
K: Final = 1.5
B: Final = 0.75
AVERAGE_LENGTH: Final = 60.0

_QUESTION: Final = 20_000  # characters that are searched by; ten times as many take 50 ms


class Words:
    """`language` is that of the stop words and the stemmer; words of every language are found."""

    def __init__(
        self,
        *,
        language: str = LANGUAGE,
        k: float = K,
        b: float = B,
        average_length: float = AVERAGE_LENGTH,
    ) -> None:
        self._bm25 = Bm25(
            Bm25Config(
                k=k,
                b=b,
                avg_len=average_length,
                language=language,
                tokenizer=TokenizerType.Multilingual,  # knows scripts without spaces too
            )
        )

    def question(self, text: str) -> "SparseVector | None":
        """None, when there is no word in it to search by."""
        found = self._bm25.embed_query(indexable(text[:_QUESTION]))
        return found if found.indices else None

    def document(self, text: str) -> "SparseVector | None":
        """None, when there is no word in it to be found by."""
        found = self._bm25.embed_document(indexable(text))
        return found if found.indices else None
