"""Texts become unit vectors: every embedder's promises, and how the real one shares its model."""

import asyncio
import contextlib
import math
import operator
import shutil
import threading
from collections.abc import Coroutine
from typing import Any

import anyio
import pytest

from gateway.adapters.embeddings import FastEmbedder
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.minilm import MODEL
from gateway.errors import EmbedderBusyError, EmbeddingError, ModelFilesError
from gateway.memory.model import Vector

pytestmark = pytest.mark.anyio

TEXTS = [
    "My sister Anna lives in Lisbon.",
    "",
    "Anna's been living in Lisbon, and she works there as a nurse at the children's hospital.",
    "tea",
    "word " * 5_000,
    "\ud800 a lone surrogate",
    "茶を飲むのが好きです",
]


def dot(a: Vector, b: Vector) -> float:
    return float(sum(map(operator.mul, a, b)))


def near(vector: Vector) -> object:
    return pytest.approx(vector, abs=1e-5)


@pytest.fixture(scope="module")
def real(default_model_folder):
    embedder = FastEmbedder.open(
        MODEL, folder=default_model_folder, cache_dir=default_model_folder, threads=1, batch_size=16
    )
    yield embedder
    asyncio.run(embedder.aclose())


@pytest.fixture(params=["fake", "real"])
def embedder(request):
    return FakeEmbedder() if request.param == "fake" else request.getfixturevalue("real")


async def test_every_text_becomes_a_unit_vector_of_the_dimension(embedder):
    vectors = await embedder.embed_documents(TEXTS)
    assert [len(vector) for vector in vectors] == [embedder.dimension] * len(TEXTS)
    assert [math.hypot(*vector) for vector in vectors] == near([1.0] * len(TEXTS))


async def test_documents_come_back_in_the_order_given_and_as_queries_do(embedder):
    vectors = await embedder.embed_documents(TEXTS)
    for text, vector in zip(TEXTS, vectors, strict=True):
        assert await embedder.embed_query(text) == near(vector)


async def test_no_documents_are_no_vectors(embedder):
    assert await embedder.embed_documents([]) == []


async def test_the_same_text_has_the_same_vector_in_any_company(embedder):
    [alone] = await embedder.embed_documents(TEXTS[:1])
    together = await embedder.embed_documents([*TEXTS[1:4], TEXTS[0]])
    assert together[-1] == near(alone)


async def test_concurrent_queries_get_the_vectors_they_get_one_by_one(embedder):
    texts = [f"What did I say about my {'very ' * (n % 7)}old plan {n}?" for n in range(40)]
    together = await asyncio.gather(*map(embedder.embed_query, texts))
    for text, vector in zip(texts, together, strict=True):
        assert [vector] == [near(alone) for alone in await embedder.embed_documents([text])]


async def test_texts_that_share_words_are_nearer_than_others(embedder):
    question = await embedder.embed_query("Where does Anna live?")
    told, other = await embedder.embed_documents(
        ["Anna lives in Lisbon.", "Quarterly revenue rose by nine percent."]
    )
    assert dot(question, told) > 0.5
    assert abs(dot(question, other)) < 0.2


async def test_the_default_model_gives_the_similarities_that_its_authors_publish(real):
    # The example of https://www.sbert.net, to its four digits.
    weather, sunny, stadium = await real.embed_documents(
        ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    )
    found = [dot(weather, sunny), dot(weather, stadium), dot(sunny, stadium)]
    assert found == pytest.approx([0.6660, 0.1046, 0.1411], abs=5e-5)


async def test_the_default_model_reads_256_tokens(real):
    read, beyond = " ".join(["tea"] * 253), " ".join(["tea"] * 254)
    cut, other, same = await real.embed_documents([read, f"{read} dog", f"{beyond} dog"])
    assert dot(cut, other) < 0.9999
    assert (await real.embed_documents([beyond]))[0] == near(same)


async def test_the_default_model_from_the_hub_s_cache_gives_the_same_vectors(
    real, default_model_folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    repository = tmp_path / "hub" / "models--Qdrant--all-MiniLM-L6-v2-onnx"
    snapshot = repository / "snapshots" / ("0" * 40)
    shutil.copytree(default_model_folder, snapshot)
    config = snapshot / "tokenizer_config.json"
    config.write_text(config.read_text().replace("256", "128"))  # as the hub's is
    (snapshot / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    hub = FastEmbedder.open(MODEL, folder=None, cache_dir=tmp_path, threads=1, batch_size=16)
    assert await hub.embed_documents(TEXTS) == await real.embed_documents(TEXTS)
    await hub.aclose()


@pytest.fixture
def offline(default_model_folder, tmp_path, monkeypatch):
    """A folder of folders: of no model, and of the default one under another one's file name."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()
    shutil.copytree(default_model_folder, tmp_path / "other")
    (tmp_path / "other" / "model.onnx").rename(tmp_path / "other" / "model_optimized.onnx")
    return tmp_path


@pytest.mark.parametrize(
    ("model", "folder", "reason"),
    [
        (MODEL, "absent", "does not exist"),
        (MODEL, "empty", "does not load"),
        (MODEL, None, "from the hub does not load"),
        ("no/such-model", None, "not supported"),
        ("BAAI/bge-base-en-v1.5", "other", "have 384 numbers, not 768"),
    ],
)
def test_a_model_that_cannot_be_had_is_refused_in_one_line(model, folder, reason, offline):
    with pytest.raises(ModelFilesError, match=reason) as refusal:
        FastEmbedder.open(
            model,
            folder=folder and offline / folder,
            cache_dir=offline,
            threads=1,
            batch_size=16,
        )
    assert "\n" not in str(refusal.value)


class HeldModel:
    """Stands where the network does: a test holds it, lets it go, and sees what each run was given.

    A vector is the text's length. The text "poison" breaks the run.
    """

    def __init__(self) -> None:
        self.runs: list[list[str]] = []
        self.thread: threading.Thread | None = None
        self._free = threading.Event()

    def __call__(self, texts: list[str]) -> list[Vector]:
        self.runs.append(texts)
        self.thread = threading.current_thread()
        assert self._free.wait(10)
        if "poison" in texts:
            raise RuntimeError("a kernel failed on: poison")
        return [[float(len(text))] for text in texts]

    def release(self) -> None:
        self._free.set()


@pytest.fixture
def model():
    return HeldModel()


@contextlib.asynccontextmanager
async def serving(model, **limits):
    limits = {"batch_size": 4, **limits}
    embedder = FastEmbedder(model, model, model="held", dimension=1, **limits)
    try:
        yield embedder
    finally:
        model.release()
        await embedder.aclose()


async def asking(*calls: Coroutine[Any, Any, Any]) -> list[asyncio.Future[Any]]:
    """The tasks of these calls, each of them waiting for the model by now."""
    tasks: list[asyncio.Future[Any]] = []
    for call in calls:
        tasks.append(asyncio.ensure_future(call))
        await anyio.wait_all_tasks_blocked()
    return tasks


async def test_queries_that_arrive_during_a_run_share_the_next(model):
    async with serving(model) as embedder:
        tasks = await asking(*map(embedder.embed_query, ["a", "bb", "ccc", "dddd"]))
        model.release()
        assert await asyncio.gather(*tasks) == [[1.0], [2.0], [3.0], [4.0]]
        assert model.runs == [["a"], ["bb", "ccc", "dddd"]]


async def test_a_run_takes_no_more_texts_than_the_batch_size(model):
    async with serving(model) as embedder:
        tasks = await asking(*(embedder.embed_query(f"{n}") for n in range(10)))
        model.release()
        await asyncio.gather(*tasks)
        assert list(map(len, model.runs)) == [1, 4, 4, 1]


async def test_a_long_query_does_not_slow_the_short_ones(model):
    async with serving(model, batch_bytes=100) as embedder:
        tasks = await asking(*map(embedder.embed_query, ["a", "b", "c", "d" * 99, "e", "f"]))
        model.release()
        await asyncio.gather(*tasks)
        assert model.runs == [["a"], ["b", "c"], ["d" * 99], ["e", "f"]]


async def test_documents_of_like_length_share_a_run(model):
    async with serving(model, batch_bytes=100) as embedder:
        model.release()
        texts = ["x" * 40, "a", "x" * 200, "bb", "x" * 41, "cc", "x" * 60]
        vectors = await embedder.embed_documents(texts)
        assert vectors == [[float(len(text))] for text in texts]
        assert [sorted(map(len, run)) for run in model.runs] == [[1, 2, 2], [40, 41], [60], [200]]


async def test_queries_overtake_the_documents_that_wait(model):
    async with serving(model, batch_size=2) as embedder:
        tasks = await asking(
            embedder.embed_documents(["1", "2", "3", "4"]),
            embedder.embed_documents(["5"]),
            embedder.embed_query("first"),
        )
        model.release()
        await asyncio.gather(*tasks)
        assert model.runs[:2] == [["1", "2"], ["first"]]


async def test_a_large_call_lets_others_take_turns(model):
    async with serving(model, batch_size=2) as embedder:
        tasks = await asking(
            embedder.embed_documents([f"{n}" for n in range(8)]), embedder.embed_documents(["x"])
        )
        model.release()
        await asyncio.gather(*tasks)
        assert [run for run in model.runs if "x" in run] == [model.runs[1]]


async def test_the_latest_queries_are_not_embedded_again(model):
    async with serving(model, cached_queries=2) as embedder:
        model.release()
        for query in ["a", "b", "a", "c", "a", "b"]:
            assert await embedder.embed_query(query) == [1.0]
        assert model.runs == [["a"], ["b"], ["c"], ["b"]]


async def test_the_latest_documents_are_not_embedded_again_nor_one_twice(model):
    async with serving(model, cached_documents=2) as embedder:
        model.release()
        for texts in [["a", "b", "a"], ["b", "c"], ["c", "b"], ["a"]]:
            assert await embedder.embed_documents(texts) == [[1.0]] * len(texts)
        assert model.runs == [["a", "b"], ["c"], ["a"]]


async def test_more_callers_than_may_wait_are_refused(model):
    async with serving(model, max_waiting=2) as embedder:
        tasks = await asking(*map(embedder.embed_query, ["on", "1", "2"]))
        with pytest.raises(EmbedderBusyError):
            await embedder.embed_query("3")
        tasks += await asking(embedder.embed_documents(["has a queue of its own"]))
        model.release()
        await asyncio.gather(*tasks)
        assert await embedder.embed_query("3") == [1.0]


async def test_a_failing_run_fails_its_own_texts_only_and_does_not_repeat_them(model):
    async with serving(model) as embedder:
        tasks = await asking(*map(embedder.embed_query, ["a", "poison", "b"]))
        tasks += await asking(embedder.embed_documents(["c"]))
        model.release()
        first, poisoned, companion, document = await asyncio.gather(*tasks, return_exceptions=True)
        assert first == [1.0]
        assert document == [[1.0]]
        assert isinstance(poisoned, EmbeddingError)
        assert isinstance(companion, EmbeddingError)
        assert "poison" not in str(poisoned)
        assert await embedder.embed_query("b") == [1.0]


async def test_a_caller_who_leaves_takes_nothing_from_the_others(model):
    async with serving(model) as embedder:
        leaves, stays, queued, also_stays = await asking(
            embedder.embed_documents(["a", "b"]),
            *map(embedder.embed_query, ["c", "never run", "d"]),
        )
        leaves.cancel()
        queued.cancel()
        await anyio.wait_all_tasks_blocked()
        model.release()
        assert await stays == [1.0]
        assert await also_stays == [1.0]
        assert model.runs == [["a", "b"], ["c", "d"]]


async def test_a_caller_who_leaves_in_a_shared_run_takes_nothing_from_the_others(model):
    async with serving(model) as embedder:
        leaves, stays = await asking(embedder.embed_query("a"), embedder.embed_query("bb"))
        leaves.cancel()
        model.release()
        assert await stays == [2.0]
        assert await embedder.embed_query("ccc") == [3.0]


async def test_texts_are_cut_before_the_model_sees_them(model):
    async with serving(model, max_characters=5) as embedder:
        model.release()
        assert await embedder.embed_query("123456789") == [5.0]
        assert await embedder.embed_documents(["\ud800 lone"]) == [[5.0]]
        assert model.runs[-1] == ["? lon"]


async def test_closing_refuses_what_waits_finishes_what_runs_and_ends_the_thread(model):
    async with serving(model) as embedder:
        running, waiting = await asking(embedder.embed_query("a"), embedder.embed_documents(["b"]))
        [closing] = await asking(embedder.aclose())
        with pytest.raises(EmbeddingError, match="closed"):
            await waiting
        assert not closing.done()
        model.release()
        await closing
        assert await running == [1.0]
        with pytest.raises(EmbeddingError, match="closed"):
            await embedder.embed_query("c")
        assert model.thread not in threading.enumerate()
        assert model.runs == [["a"]]
