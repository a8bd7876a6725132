"""A reranker orders what is recalled, when there is one and there is time; a chat never waits."""

import asyncio
import threading

import anyio
import httpx
import pytest

from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_reranker import FakeReranker
from gateway.adapters.fake_store import FakeStore
from gateway.adapters.reranker import AT_ONCE, CrossEncoderReranker
from gateway.errors import ModelFilesError, RerankerBusyError, RerankerError, StartupError
from gateway.memory.learning import Learner
from gateway.memory.model import Kind, Message, Scope, Turn
from gateway.memory.recall import Recaller, RecallOptions
from gateway.parts import load_reranker
from gateway.settings import Settings
from tests.cross_encoder import MODEL, make_cross_encoder
from tests.scripted_upstream import delta, scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

QUESTION = "where does anna live"
TEXTS = ["revenue rose", "", "anna does live in lisbon", "anna", "tea \ud800", "word " * 5_000]
ANN = Scope("p", "ann")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_cross_encoder(tmp_path_factory.mktemp("model"), f"{QUESTION} lisbon in tea word")


@pytest.fixture
async def real(folder):
    reranker = CrossEncoderReranker.open(MODEL, folder=folder, cache_dir=folder, threads=1)
    yield reranker
    await reranker.aclose()


@pytest.fixture(params=["fake", "real"])
def reranker(request):
    return FakeReranker() if request.param == "fake" else request.getfixturevalue("real")


async def test_each_text_gets_a_score_in_the_order_given(reranker):
    scores = await reranker.score(QUESTION, TEXTS)
    assert len(scores) == len(TEXTS)
    assert all(0 <= score <= 1 for score in scores)
    assert max(scores) == scores[2]
    assert scores[2] > scores[3] > scores[0]


async def test_no_texts_have_no_scores(reranker):
    assert await reranker.score(QUESTION, []) == []


async def test_a_text_has_the_same_score_in_any_company(reranker):
    together = await reranker.score(QUESTION, TEXTS)
    for text, score in zip(TEXTS, together, strict=True):
        assert await reranker.score(QUESTION, [text]) == [pytest.approx(score)]


async def test_callers_at_once_get_what_they_get_one_by_one(reranker):
    questions = [QUESTION, "tea", "", "lisbon"] * 3
    together = await asyncio.gather(*(reranker.score(each, TEXTS) for each in questions))
    for question, scores in zip(questions, together, strict=True):
        assert await reranker.score(question, TEXTS) == scores


async def test_the_real_one_s_scores_are_those_of_its_network(real):
    # Logits of -3, -1, 1, 3, 5 for none to four words in common, as probabilities.
    texts = ["tea", "anna", "anna live", "anna does live", "where does anna live"]
    assert await real.score(QUESTION, texts) == pytest.approx(
        [0.0474, 0.2689, 0.7311, 0.9526, 0.9933], abs=1e-4
    )


@pytest.mark.parametrize(
    ("name", "model", "reason"),
    [
        ("absent", MODEL, "does not exist"),
        ("empty", MODEL, "does not load"),
        (None, MODEL, "from the hub does not load"),
        ("sound", "no/such-model", "not supported"),
    ],
)
def test_a_model_that_cannot_be_had_is_refused_in_one_line(
    folder, tmp_path, monkeypatch, name, model, reason
):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()
    place = folder if name == "sound" else tmp_path / name if name else None
    with pytest.raises(ModelFilesError, match=reason) as refusal:
        CrossEncoderReranker.open(model, folder=place, cache_dir=tmp_path, threads=1)
    assert "\n" not in str(refusal.value)
    assert "reranker" in str(refusal.value)


def test_a_source_without_its_folder_is_refused_by_name():
    settings = Settings(reranker_model=MODEL, reranker_source="folder")
    with pytest.raises(StartupError, match="GATEWAY_RERANKER_FOLDER"):
        load_reranker(settings, lambda _: None)


async def test_the_settings_load_it_from_its_folder(folder):
    settings = Settings(
        reranker_model=MODEL, reranker_source="folder", reranker_folder=folder, reranker_threads=1
    )
    told: list[str] = []
    reranker = load_reranker(settings, told.append)
    assert reranker.model == MODEL
    assert MODEL in told[0]
    await reranker.aclose()


class Halting:
    """A model that says when it was asked and waits until it may answer."""

    def __init__(self):
        self.asked: list[str] = []
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, _question, texts):
        self.asked += texts
        self.begun.set()
        assert self.may_end.wait(10)
        return [0.0 for _ in texts]


async def test_more_callers_than_may_wait_are_refused_at_once():
    model = Halting()
    reranker = CrossEncoderReranker(model, model="m", max_waiting=2)
    waiting = [asyncio.create_task(reranker.score("q", ["a"])) for _ in range(2)]
    await anyio.to_thread.run_sync(model.begun.wait)
    with pytest.raises(RerankerBusyError):
        await reranker.score("q", ["b"])
    model.may_end.set()
    assert await asyncio.gather(*waiting) == [[0.5], [0.5]]
    assert await reranker.score("q", ["c"]) == [0.5]
    await reranker.aclose()


async def test_nobody_is_scored_for_who_is_gone():
    model = Halting()
    reranker = CrossEncoderReranker(model, model="m")
    texts = [f"{n:02}" for n in range(3 * AT_ONCE)]
    half_way = asyncio.create_task(reranker.score("q", texts))
    await anyio.to_thread.run_sync(model.begun.wait)
    behind = asyncio.create_task(reranker.score("q", ["never"]))
    await asyncio.sleep(0)
    for task in (half_way, behind):
        task.cancel()
    await asyncio.gather(half_way, behind, return_exceptions=True)
    model.may_end.set()
    assert await reranker.score("q", ["last"]) == [0.5]
    assert model.asked == [*texts[:AT_ONCE], "last"]
    await reranker.aclose()


@pytest.mark.parametrize("given", [float("nan"), ValueError("secret words")], ids=["nan", "raises"])
async def test_a_model_that_fails_is_said_to_without_what_was_asked(given):
    def fails(_question, texts):
        if isinstance(given, Exception):
            raise given
        return [given for _ in texts]

    reranker = CrossEncoderReranker(fails, model="m")
    with pytest.raises(RerankerError) as refusal:
        await reranker.score("q", ["a"])
    assert "secret" not in str(refusal.value)
    await reranker.aclose()
    with pytest.raises(RerankerError, match="closed"):
        await reranker.score("q", ["a"])


class Backwards(FakeReranker):
    """The last of what it is given is the best."""

    async def score(self, _question, texts):
        return [n / len(texts) for n in range(len(texts))]


class Failing(FakeReranker):
    def __init__(self, error):
        self.error = error

    async def score(self, *_):
        raise self.error


class Slow(FakeReranker):
    async def score(self, *_):
        await asyncio.Event().wait()
        return []


@pytest.fixture(name="store")
async def _store():
    store = FakeStore()
    learner = Learner(store=store, outbox=store, embedder=FakeEmbedder())
    said = ["lisbon", "lisbon tram", "lisbon tram hill", "quarterly revenue"]
    messages = tuple(Message(role="user", content=text, time=n) for n, text in enumerate(said))
    await learner.record(Turn(id="t", scope=ANN, conversation="c", messages=messages, created=1))
    await learner.learn("t")
    return store


def options(**more) -> RecallOptions:
    return RecallOptions(**{"kinds": frozenset({Kind.EPISODE}), "limit": 10, "floor": 0.45, **more})


async def recalled(store, reranker, **more):
    recaller = Recaller(store, FakeEmbedder(), reranker=reranker)
    return await recaller.within(2, ANN, "lisbon tram hill", options(**more))


def texts(recall):
    return [ranked.memory.text for ranked in recall.ranked]


async def test_the_reranker_decides_the_order_and_nothing_else(store):
    plain = await recalled(store, None)
    turned = await recalled(store, Backwards())
    assert len(plain.ranked) == 3  # revenue is under the floor
    assert texts(turned) == texts(plain)[::-1]
    assert turned.status == "hit"
    assert {r.memory.id: r.relevance for r in turned.ranked} == {
        r.memory.id: r.relevance for r in plain.ranked
    }


async def test_the_limit_and_the_budget_are_kept_after_it(store):
    assert (
        texts(await recalled(store, Backwards(), limit=1))
        == texts(await recalled(store, None))[-1:]
    )
    assert (await recalled(store, Backwards(), limit=0)).ranked == ()
    cheap = await recalled(store, Backwards(), token_budget=12)
    assert sum(-(-len(text) // 4) for text in texts(cheap)) <= 12


@pytest.mark.parametrize(
    ("reranker", "reason"),
    [
        (Failing(RerankerError("x")), "reranker"),
        (Failing(RerankerBusyError("x")), "reranker-busy"),
        (Slow(), "reranker-timeout"),
    ],
)
async def test_without_its_word_in_time_the_order_stays_and_the_status_says_so(
    store, reranker, reason
):
    recaller = Recaller(store, FakeEmbedder(), reranker=reranker)
    plain = await recalled(store, None, token_budget=9)
    late = await recaller.within(0.2, ANN, "lisbon tram hill", options(token_budget=9))
    assert texts(late) == texts(plain)
    assert late.status == f"degraded;reason={reason}"


async def test_one_memory_alone_is_not_scored(store):
    only = await recalled(store, Failing(AssertionError()), floor=0.99)
    assert len(only.ranked) == 1
    assert only.status == "hit"


async def test_a_chat_goes_on_with_its_memories_while_the_reranker_does_not():
    async def answers(exchange):
        await exchange.stream(delta("Noted."), delta("", "stop"), b"data: [DONE]\n\n")

    async with (
        scripted_upstream(answers) as upstream,
        served(upstream.url, reranker=Slow(), recall_timeout_ms=300) as it,
        httpx.AsyncClient(trust_env=False, base_url=it.url) as client,
    ):
        for text in ("I live in Lisbon.", "Lisbon is on hills.", "Where is Lisbon, where I live?"):
            body = {"model": "m", "messages": [{"role": "user", "content": text}]}
            answer = await client.post("/v1/chat/completions", json=body)
            await it.learned()
        assert answer.headers["x-memory-status"] == "degraded;reason=reranker-timeout"
        assert int(answer.headers["x-memory-count"]) >= 2
        assert "I live in Lisbon." in upstream.last.body.decode()
