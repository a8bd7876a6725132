"""The same thing said three hundred times is one memory; what only sounds alike stays apart."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.adapters.embeddings import FastEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.adapters.minilm import MODEL
from gateway.memory import paraphrase
from gateway.memory.learning import Learner
from gateway.memory.model import (
    Candidate,
    Kind,
    Labels,
    Memory,
    Message,
    Scope,
    Source,
    Status,
    Turn,
)
from gateway.memory.ports import Selection
from gateway.memory.reconciliation import reconcile

pytestmark = pytest.mark.anyio

SUITES = Path(__file__).parent / "suites"
ANN = Scope("p", "ann")
STATED = Selection(kinds=frozenset({Kind.FACT, Kind.PREFERENCE}), statuses=frozenset(Status))
FACTS = [
    [wording.strip() for wording in line.split("|")]
    for line in (SUITES / "duplicates.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
PAIRS = [
    (line[0] == "=", line[1:].split("|")[0].strip(), line[1:].split("|")[1].strip())
    for line in (SUITES / "paraphrases.txt").read_text().splitlines()
    if line.startswith(("=", "!"))
]
REPEATS = [
    "{}", "{}", "Hi! {}", "Well, {}", "{} What should I do today?", "As I said before. {}",
    "{} Thanks!", "Good morning. {}", "Okay. {}", "{} Is it late already?", "Hello! {}", "So. {}",
]  # fmt: skip


@pytest.fixture(scope="module")
def real(default_model_folder):
    embedder = FastEmbedder.open(
        MODEL, folder=default_model_folder, cache_dir=default_model_folder, threads=1, batch_size=16
    )
    yield embedder
    asyncio.run(embedder.aclose())


def turn(text: str, number: int) -> Turn:
    message = Message(role="user", content=text, time=1_000 + number)
    return Turn(
        id=f"t{number}", scope=ANN, conversation="c", messages=(message,), created=1_000 + number
    )


async def told(texts: list[str], embedder: FastEmbedder) -> list[Memory]:
    store = FakeStore()
    learner = Learner(store=store, outbox=store, embedder=embedder)
    for number, text in enumerate(texts):
        await learner.record(turn(text, number))
        await learner.learn(f"t{number}")
    return list((await store.list_memories(ANN, STATED, limit=1_000))[0])


@pytest.mark.parametrize("seed", [None, 1], ids=["in order", "shuffled"])
async def test_three_hundred_tellings_of_twenty_facts_are_twenty_memories(real, seed):
    texts = [repeat.format(fact[0]) for fact in FACTS for repeat in REPEATS]
    texts += [other for fact in FACTS for other in fact[1:]]
    assert (len(FACTS), len(texts)) == (20, 300)
    if seed is not None:
        random.Random(seed).shuffle(texts)
    memories = await told(texts, real)
    assert Counter(m.attribute for m in memories) == Counter({m.attribute for m in memories})
    assert len(memories) == len(FACTS), [(m.attribute, m.text) for m in memories]
    assert all(memory.status is Status.ACTIVATED for memory in memories)


async def test_what_is_not_the_same_is_never_merged_and_most_of_what_is_the_same_is(real):
    """Also where the slot is the same, which keeps most of what differs apart already."""
    merged = Counter[bool]()
    for same, one, other in PAIRS:
        source = Source(role="user", content=one, time=1, conversation="c", turn="t")
        candidate = Candidate(kind=Kind.FACT, text=one, source=source, attribute="slot")
        [held] = reconcile([replace(candidate, text=other)], [], scope=ANN, labels=Labels(), now=1)
        alike = paraphrase.comparable(candidate, [held.memory])
        if alike and paraphrase.same(*await real.embed_documents([one, other])):
            assert same, (one, other)
            merged[same] += 1
    wanted = sum(same for same, *_ in PAIRS)
    assert len(PAIRS) - wanted >= 40
    assert merged[True] >= 0.85 * wanted


RESTATED = [
    "I dislike convertibles.",
    "I hate convertibles, because it rains so often where I live.",
    "I can't stand convertibles.",
    "I have a strong aversion to convertibles.",
    "I'm really not a fan of convertibles.",
]


@pytest.mark.parametrize("seed", range(4))
async def test_a_taste_said_again_with_or_without_a_reason_is_one_with_all_its_evidence(real, seed):
    texts = list(RESTATED)
    random.Random(seed).shuffle(texts)
    [memory] = await told(texts, real)
    assert memory.text == RESTATED[1]
    assert {source.content for source in memory.sources} == set(texts)


@pytest.mark.parametrize("turned", [False, True])
async def test_of_a_taste_and_more_about_it_the_fuller_words_are_kept(real, turned):
    texts = ["I hate jazz.", "I hate jazz, it always makes me sleepy."]
    [memory] = await told(texts[::-1] if turned else texts, real)
    assert memory.text == texts[1]
    assert len(memory.sources) == 2
