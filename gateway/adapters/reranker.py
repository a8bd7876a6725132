"""The `Reranker` port over a fastembed cross-encoder that runs in this process, on its own thread.

Callers take turns in the order in which they come. Whoever stops waiting is left out, also half
way: a few texts are scored at a time, and nobody is scored for that is gone.
"""

import asyncio
import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TypeAlias

from fastembed.rerank.cross_encoder import TextCrossEncoder

from gateway.errors import ModelFilesError, RerankerBusyError, RerankerError

Score: TypeAlias = Callable[[str, list[str]], Iterable[float]]

AT_ONCE = 4  # texts, padded to the longest
MAX_WAITING = 16  # callers
MAX_CHARACTERS = 8_000  # of a text; the model cuts at its own limit of tokens


class CrossEncoderReranker:
    """See `Reranker`. Belongs to the event loop that uses it, and is closed with `aclose`.

    `logits` gives a number for each text, the higher the better; what it raises becomes a
    RerankerError. More than `max_waiting` callers at once get a RerankerBusyError.
    """

    def __init__(self, logits: Score, *, model: str, max_waiting: int = MAX_WAITING) -> None:
        self.model = model
        self._logits = logits
        self._max_waiting = max_waiting
        self._waiting = 0
        self._closed = Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="reranker")

    @classmethod
    def open(
        cls, model: str, *, folder: Path | None, cache_dir: Path, threads: int
    ) -> "CrossEncoderReranker":
        """Load a cross-encoder that fastembed knows, from `folder` or else from the hub.

        Blocks, for a download where the hub has to send it. Raises ModelFilesError.
        """
        if folder is not None and not folder.is_dir():
            raise ModelFilesError(f"the reranker's folder {folder} does not exist")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # as for the embedder
        try:
            loaded = TextCrossEncoder(
                model,
                specific_model_path=None if folder is None else str(folder),
                cache_dir=str(folder or cache_dir / "hub"),
                threads=threads,
            )
            [warm] = loaded.rerank("warm", ["warm"])
        except Exception as error:  # fastembed, its runtime and the hub share no class of error
            origin = "the hub" if folder is None else folder
            reason = " ".join(str(error).split())
            raise ModelFilesError(
                f"the reranker {model} from {origin} does not load: {reason}"
            ) from error
        if not math.isfinite(warm):
            raise ModelFilesError(f"the files in {folder} are not those of the reranker {model}")
        return cls(loaded.rerank, model=model)

    async def score(self, question: str, texts: Sequence[str]) -> list[float]:
        if self._closed.is_set():
            raise RerankerError("the reranker is closed")
        if self._waiting >= self._max_waiting:
            raise RerankerBusyError(f"{self._max_waiting} callers wait for the reranker")
        loop, gone = asyncio.get_running_loop(), Event()
        cleaned = [_clean(text) for text in texts]
        self._waiting += 1
        try:
            return await loop.run_in_executor(
                self._executor, self._run, _clean(question), cleaned, gone
            )
        finally:
            gone.set()
            self._waiting -= 1

    async def aclose(self) -> None:
        """Refuse what waits, let the texts that are being scored be, and end the thread."""
        self._closed.set()
        await asyncio.to_thread(self._executor.shutdown)  # each that waits finds it closed

    def _run(self, question: str, texts: list[str], gone: Event) -> list[float]:
        scores: dict[int, float] = {}
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))  # to pad little
        for start in range(0, len(order), AT_ONCE):
            if gone.is_set() or self._closed.is_set():
                raise RerankerError("nobody waits for it any more")
            some = order[start : start + AT_ONCE]
            try:
                logits = list(self._logits(question, [texts[place] for place in some]))
            except Exception as error:
                reason = type(error).__name__
                raise RerankerError(f"the reranker's model failed: {reason}") from error
            if not all(map(math.isfinite, logits)):
                raise RerankerError("the reranker's model gave no number")
            scores.update(zip(some, map(_probability, logits), strict=True))
        return [scores[place] for place in range(len(texts))]


def _clean(text: str) -> str:
    """Cut, and without lone surrogates, which the tokenizer refuses."""
    return text[:MAX_CHARACTERS].encode("utf-8", "replace").decode()


def _probability(logit: float) -> float:
    return 1 / (1 + math.exp(-max(min(logit, 50.0), -50.0)))
