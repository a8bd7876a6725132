"""The `Embedder` port over a fastembed model that runs in this process, on one thread of our own.

Queries go before documents, and those that arrive while the model runs share its next run; no timer
holds up a lone one. A run is bounded so that a query waits for at most about one longest text of
somebody else's. Promised to documents is only that they are served when no query waits.
"""

import asyncio
import os
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from fastembed import TextEmbedding
from numpy.typing import NDArray

from gateway.adapters import minilm
from gateway.errors import EmbedderBusyError, EmbeddingError, ModelFilesError
from gateway.memory.model import Vector

Encode: TypeAlias = Callable[[list[str]], Sequence[Vector]]

# A text's tokens are guessed at from its bytes: about four to a token in English, three in Chinese.
# Per token a run of 256 costs no more than a larger one (measured: 4,400 tokens a second on one
# thread at 160 as at 640, 3,300 at 4,000), so there is nothing to be had for a longer wait.
BATCH_BYTES = 1024
MAX_CHARACTERS = 8_000  # beyond the 512 tokens that most models read, even at long words
CACHED_QUERIES = 1_000  # some 12 kB each
CACHED_DOCUMENTS = 256  # a turn's texts come again while it is learned
MAX_WAITING = 256  # callers of each kind


@dataclass(frozen=True, slots=True)
class _Job:
    """Texts that one caller waits for. A caller that goes away leaves its result cancelled."""

    texts: list[str]
    result: "asyncio.Future[Sequence[Vector]]"

    @property
    def longest(self) -> int:
        return max(map(_size, self.texts))


@dataclass(frozen=True, slots=True)
class _Lane:
    encode: Encode
    jobs: deque[_Job] = field(default_factory=deque)


class _Latest:
    """The vectors of the latest texts, `most` of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._vectors: OrderedDict[str, Vector] = OrderedDict()

    def get(self, text: str) -> Vector | None:
        if text in self._vectors:
            self._vectors.move_to_end(text)
        return self._vectors.get(text)

    def put(self, text: str, vector: Vector) -> None:
        self._vectors[text] = vector
        if len(self._vectors) > self._most:
            self._vectors.popitem(last=False)


class FastEmbedder:
    """See `Embedder`. Belongs to the event loop that uses it, and is closed with `aclose`.

    `queries` and `documents` turn at most `batch_size` texts into as many unit vectors; they run on
    the embedder's thread, one at a time, and whatever they raise becomes an EmbeddingError for
    those whose texts they were given. More than `max_waiting` callers of either kind get an
    EmbedderBusyError. Texts are cut at `max_characters`; the model cuts at its own limit of tokens.
    The latest `cached_queries` queries and `cached_documents` documents are answered without the
    model.
    """

    def __init__(
        self,
        queries: Encode,
        documents: Encode,
        *,
        model: str,
        dimension: int,
        batch_size: int,
        batch_bytes: int = BATCH_BYTES,
        max_waiting: int = MAX_WAITING,
        cached_queries: int = CACHED_QUERIES,
        cached_documents: int = CACHED_DOCUMENTS,
        max_characters: int = MAX_CHARACTERS,
    ) -> None:
        self.model = model
        self.dimension = dimension
        self._queries = _Lane(queries)
        self._documents = _Lane(documents)
        self._batch_size = batch_size
        self._batch_bytes = batch_bytes
        self._max_waiting = max_waiting
        self._max_characters = max_characters
        self._asked = _Latest(cached_queries)
        self._written = _Latest(cached_documents)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="embedder")
        self._running: asyncio.Future[Sequence[Vector]] | None = None
        self._closed = False

    @classmethod
    def open(
        cls, model: str, *, folder: Path | None, cache_dir: Path, threads: int, batch_size: int
    ) -> "FastEmbedder":
        """Load a model that fastembed knows, from `folder` or else from the hub by `cache_dir`.

        Blocks: 0.2 s for the default model, a download for one that the hub has to send. Raises
        ModelFilesError.
        """
        if folder is not None and not folder.is_dir():
            raise ModelFilesError(f"the embedding model's folder {folder} does not exist")
        # The tokenizer's own thread pool is as wide as the machine, for a hundredth of the work.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        try:
            loaded = TextEmbedding(
                model,
                specific_model_path=None if folder is None else str(folder),
                cache_dir=str(folder or cache_dir / "hub"),  # its default is a temporary folder
                threads=threads,
            )
            if model.lower() == minilm.MODEL.lower():
                # The hub's tokenizer stops at 128: for a long text that would be another vector.
                network: Any = loaded.model  # its tokenizer is not in the base class
                network.tokenizer.enable_truncation(minilm.MAX_TOKENS)
            found = len(_encoder(loaded.query_embed)(["warm"])[0])
        except Exception as error:  # fastembed, its runtime and the hub share no class of error
            origin = "the hub" if folder is None else folder
            reason = " ".join(str(error).split())
            raise ModelFilesError(
                f"the embedding model {model} from {origin} does not load: {reason}"
            ) from error
        if found != loaded.embedding_size:
            raise ModelFilesError(
                f"the files in {folder} are not those of the embedding model {model}:"
                f" their vectors have {found} numbers, not {loaded.embedding_size}"
            )
        return cls(
            _encoder(loaded.query_embed),
            _encoder(loaded.passage_embed),
            model=model,
            dimension=found,
            batch_size=batch_size,
        )

    async def embed_query(self, text: str) -> Vector:
        text = self._clean(text)
        vector = self._asked.get(text)
        if vector is None:
            [vector] = await self._submit(self._queries, [text])
            self._asked.put(text, vector)
        return vector

    async def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        """One chunk of the texts queues at a time, so that calls of any size take turns."""
        cleaned = [self._clean(text) for text in texts]
        vectors = {text: found for text in cleaned if (found := self._written.get(text))}
        missing = [text for text in dict.fromkeys(cleaned) if text not in vectors]
        for chunk in self._chunks(missing):
            some = [missing[index] for index in chunk]
            for text, vector in zip(some, await self._submit(self._documents, some), strict=True):
                vectors[text] = vector
                self._written.put(text, vector)
        return [vectors[text] for text in cleaned]

    async def aclose(self) -> None:
        """Refuse what waits, let the run that is on end, and end the thread."""
        self._closed = True
        for job in (*self._queries.jobs, *self._documents.jobs):
            if not job.result.done():
                job.result.set_exception(EmbeddingError("the embedder is closed"))
        if self._running is not None:
            await asyncio.wait([self._running])
        self._executor.shutdown()

    def _clean(self, text: str) -> str:
        """Cut, and without lone surrogates: the tokenizer would refuse the whole batch for one."""
        return text[: self._max_characters].encode("utf-8", "replace").decode()

    def _fits(self, count: int, longest: int) -> bool:
        """Whether one run may take so many texts, all padded to the longest."""
        return count == 1 or (count <= self._batch_size and count * longest <= self._batch_bytes)

    def _chunks(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """Indices of texts for one run each; texts of like length together, to pad little."""
        sizes = [_size(text) for text in texts]
        chunk: list[int] = []
        for index in sorted(range(len(texts)), key=sizes.__getitem__):
            if not self._fits(len(chunk) + 1, sizes[index]):
                yield chunk
                chunk = []
            chunk.append(index)
        if chunk:
            yield chunk

    async def _submit(self, lane: _Lane, texts: list[str]) -> Sequence[Vector]:
        if self._closed:
            raise EmbeddingError("the embedder is closed")
        if len(lane.jobs) >= self._max_waiting:
            raise EmbedderBusyError(f"{self._max_waiting} callers wait for the embedder")
        job = _Job(texts, asyncio.get_running_loop().create_future())
        lane.jobs.append(job)
        self._run()
        return await job.result

    def _run(self) -> None:
        """Start the next run, unless one is on or nothing waits."""
        if self._running is not None:
            return
        for lane in (self._queries, self._documents):
            if batch := self._take(lane):
                texts = [text for job in batch for text in job.texts]
                loop = asyncio.get_running_loop()
                self._running = loop.run_in_executor(self._executor, lane.encode, texts)
                self._running.add_done_callback(partial(self._finish, batch))
                return

    def _take(self, lane: _Lane) -> list[_Job]:
        batch: list[_Job] = []
        count = longest = 0
        while lane.jobs:
            job = lane.jobs[0]
            if not job.result.done():
                count += len(job.texts)
                longest = max(longest, job.longest)
                if batch and not self._fits(count, longest):
                    break
                batch.append(job)
            lane.jobs.popleft()
        return batch

    def _finish(self, batch: list[_Job], run: "asyncio.Future[Sequence[Vector]]") -> None:
        self._running = None
        failure = run.exception()
        start = 0
        for job in batch:
            end = start + len(job.texts)
            if job.result.done():
                pass
            elif failure is None:
                job.result.set_result(run.result()[start:end])
            else:
                error = EmbeddingError(f"the embedding model failed: {type(failure).__name__}")
                error.__cause__ = failure
                job.result.set_exception(error)
            start = end
        self._run()


def _size(text: str) -> int:
    return len(text.encode())


def _encoder(embed: Callable[[list[str]], Iterable[NDArray[Any]]]) -> Encode:
    """`embed` with unit vectors, which not every fastembed model gives."""

    def encode(texts: list[str]) -> list[Vector]:
        vectors = np.asarray(list(embed(texts)), dtype=np.float32)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        units: list[Vector] = (vectors / np.maximum(norms, 1e-12)).tolist()
        return units

    return encode
