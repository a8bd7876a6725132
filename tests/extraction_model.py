"""A model that reads turns, on a real socket, with what it says written by a test."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from gateway.adapters.completion import CompletionExtractor
from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.adapters.local_queue import LocalQueue
from gateway.adapters.upstream import Timeouts, Upstream
from gateway.memory.known import KEPT
from gateway.memory.learning import Learner
from gateway.memory.model import Kind, Memory, Message, Scope, Turn, TurnState, identifier
from gateway.memory.ports import Selection
from gateway.memory.proposals.proposer import Proposer
from gateway.metrics import Metrics
from tests.interleaving import Gate, Gated
from tests.scripted_upstream import Exchange, ScriptedUpstream, scripted_upstream

ANN = Scope("p", "ann")
SAID = 1_748_865_600_000  # Monday 2025-06-02, noon
STATEMENTS = frozenset({Kind.FACT, Kind.PREFERENCE, Kind.TOOL})

Act = Callable[[Exchange], Awaitable[None]]


def proposal(text: str, quote: str = "", **more) -> dict:
    """A well-formed proposal; without a quote the text is what was said."""
    return {
        "kind": "fact",
        "text": text,
        "quote": quote or text,
        "said_by": "user",
        "subject": "user",
        "attribute": "",
        "explicit": True,
        "standing": False,
        "event_date": None,
        "confidence": 0.9,
    } | more


def written(*proposals: dict) -> str:
    return json.dumps({"memories": proposals}, ensure_ascii=False)


def says(content, *, usage=None, message=None, finish="stop") -> Act:
    """A chat completion with this content."""

    async def act(exchange: Exchange) -> None:
        said = {"role": "assistant", "content": content, **(message or {})}
        choice = {"index": 0, "message": said, "finish_reason": finish}
        document = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
        await exchange.json(document | {"choices": [choice]} | ({"usage": usage} if usage else {}))

    return act


def proposes(*proposals: dict) -> Act:
    return says(written(*proposals))


def refuses(status: int, headers=()) -> Act:
    async def act(exchange: Exchange) -> None:
        await exchange.json({"error": {"message": "no"}}, status, headers)

    return act


async def hangs(exchange: Exchange) -> None:
    await exchange.closed.wait()


async def breaks(exchange: Exchange) -> None:
    await exchange.head(200, [("content-type", "application/json")], length=1000)
    await exchange.raw(b'{"choices": [')
    exchange.abort()


def turn(*said, preceding: str = "", time: int = SAID, scope: Scope = ANN) -> Turn:
    """A turn of these messages: a text is the user's, a pair has its role, or a whole message."""
    messages = []
    for each in said:
        if isinstance(each, str):
            each = ("user", each)  # noqa: PLW2901  a text is short for this
        if isinstance(each, tuple):
            each = Message(role=each[0], content=each[1], time=time)  # noqa: PLW2901  as above
        messages.append(each)
    return Turn(
        id=identifier("turn", str(said), str(time)),
        scope=scope,
        conversation="talk",
        messages=tuple(messages),
        created=time,
        preceding=preceding,
    )


@dataclass
class Reading:
    """A learner that has such a model."""

    upstream: ScriptedUpstream
    store: FakeStore
    metrics: Metrics
    proposer: Proposer
    learner: Learner
    queue: LocalQueue

    async def learn(self, *turns: Turn) -> None:
        for each in turns:
            await self.learner.record(each)
            await self.queue.enqueue(each.id)
        async with asyncio.timeout(20):
            await self.queue.join()

    async def statements(self, scope: Scope = ANN) -> list[Memory]:
        """What is remembered now, in the order in which it was said."""
        found, _ = await self.store.list_memories(scope, Selection(kinds=STATEMENTS), limit=1000)
        return sorted(found, key=lambda m: (m.time, m.position, m.text))

    async def texts(self) -> list[str]:
        return [memory.text for memory in await self.statements()]

    def learns(self, which: Turn) -> Callable[[Gate], Awaitable[None]]:
        """A job of another worker, as in a process of its own: each of its calls waits."""

        async def job(gate: Gate) -> None:
            parts: Any = Gated(self.store, gate), Gated(self.proposer, gate)
            store, proposer = parts
            it = Learner(store=store, outbox=store, embedder=FakeEmbedder(), proposer=proposer)
            await it.learn(which.id)

        return job

    async def everything(self, scope: Scope = ANN) -> dict[str, Memory]:
        chosen = Selection(kinds=frozenset(Kind), statuses=KEPT)
        found, _ = await self.store.list_memories(scope, chosen, limit=1000)
        return {memory.id: memory for memory in found}

    async def state(self, which: Turn) -> TurnState:
        found = await self.store.load(which.id)
        assert found is not None
        return found.state

    def outcomes(self) -> dict[str, int]:
        [family] = self.metrics.extractions.collect()
        counted = {
            sample.labels["outcome"]: int(sample.value)
            for sample in family.samples
            if sample.name.endswith("_total")
        }
        return {name: count for name, count in counted.items() if count}

    @property
    def asked(self) -> list[dict]:
        return [request.json for request in self.upstream.received]


@asynccontextmanager
async def reading(
    *acts: Act, seconds=5.0, tries=5, store=None, at_once=4
) -> AsyncIterator[Reading]:
    """The model does one after the other of `acts`, and the last one again and again."""
    left = list(acts)

    async def script(exchange: Exchange) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(exchange)

    store, metrics = store or FakeStore(), Metrics()
    async with scripted_upstream(script) as upstream:
        server = Upstream(upstream.url, timeouts=Timeouts(connect=2))
        extractor = CompletionExtractor(server, "reader", metrics, seconds=seconds)
        proposer = Proposer(
            extractor,
            lambda outcome, _: metrics.extractions.labels(outcome).inc(),
            at_once=at_once,
        )
        learner = Learner(store=store, outbox=store, embedder=FakeEmbedder(), proposer=proposer)
        queue = LocalQueue(learner.learn, store, metrics, at_once=16, tries=tries, backoff=0.001)
        await queue.start()
        try:
            yield Reading(upstream, store, metrics, proposer, learner, queue)
        finally:
            await queue.aclose()
            await server.aclose()
