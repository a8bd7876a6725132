"""Several OpenAI-compatible servers as one `ChatModel`: chosen by model, tried again, replaced.

Everything here happens before the first byte of an answer is sent on. The client gets the last
answer as it came, status and headers included; when servers failed in different ways, an answer
says more than a lost connection does.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import Any
from urllib.parse import unquote

import orjson

from gateway.adapters.breaker import Breaker
from gateway.adapters.retries import backoff, failed, wait_after
from gateway.errors import (
    NoSuchModelError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from gateway.memory.ports import ChatModel, ModelRequest, ModelResponse
from gateway.metrics import Metrics

NAMED = b"x-gateway-upstream"
REFUSAL = 2**20  # bytes of a refusal that are kept while others are tried

_MODELS = "models"
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One of them. Of those whose `models` match, the lowest `order` comes first.

    Among equals the choice is random, in proportion to `weight`.
    """

    name: str
    model: ChatModel
    models: tuple[str, ...] = ("*",)
    order: int = 0
    weight: int = 1
    breaker: Breaker = field(default_factory=Breaker)

    def serves(self, model: str) -> bool:
        """A request that names no model may go to any."""
        return not model or any(fnmatchcase(model, pattern) for pattern in self.models)


class Upstreams:
    """`retries` is how often a server that refused is asked again before the next one is."""

    memorable = True

    def __init__(
        self,
        servers: Sequence[Server],
        metrics: Metrics,
        *,
        retries: int = 0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._servers = tuple(servers)
        self._metrics = metrics
        self._retries = retries
        self._chance = chance
        for server in self._servers:
            metrics.breakers.labels(server.name).set_function(partial(_openness, server.breaker))

    async def send(self, request: ModelRequest) -> ModelResponse:
        """Returns when the headers of the answer that is passed on are there.

        Raises NoSuchModelError, UpstreamUnreachableError, UpstreamTimeoutError.
        """
        several = len(self._servers) > 1
        if several and request.method == "GET" and request.path.partition("?")[0] == _MODELS:
            return await self._union(request)
        chosen = list(self._chosen(_model(request)))
        if not chosen:
            raise NoSuchModelError(_model(request))
        outcome: ModelResponse | UpstreamError | None = None
        for place, server in enumerate(chosen):
            last = place == len(chosen) - 1 or not isinstance(request.body, bytes)
            latest = await self._ask(server, request, last=last)
            if not isinstance(latest, UpstreamError) or outcome is None:
                outcome = latest
            if last or not (isinstance(latest, UpstreamError) or failed(latest.status)):
                break
            self._metrics.fallbacks.labels(server.name).inc()
        if isinstance(outcome, UpstreamError):
            raise outcome
        assert outcome is not None  # noqa: S101  one at least was asked
        return outcome

    def _chosen(self, model: str) -> Iterator[Server]:
        """Whom to ask, in turn: those whose breaker is open come last."""
        fit = [server for server in self._servers if server.serves(model)]
        if len(fit) > 1:
            # A weighted shuffle: https://doi.org/10.1016/j.ipl.2005.11.003
            fit.sort(key=lambda s: (s.order, -(self._chance() ** (1 / s.weight))))
        if len(fit) > 1:
            ready = {server.name for server in fit if server.breaker.allows()}
            fit.sort(key=lambda server: server.name not in ready)
        return iter(fit)

    async def _ask(
        self, server: Server, request: ModelRequest, *, last: bool
    ) -> ModelResponse | UpstreamError:
        """One server's answer, or why there is none. What is not the last resort is kept short."""
        for attempt in range(self._retries + 1):
            again = attempt < self._retries and isinstance(request.body, bytes)
            outcome = await self._once(server, request)
            if isinstance(outcome, UpstreamError):
                wait = backoff(attempt, chance=self._chance())
                if not again or not isinstance(outcome, UpstreamUnreachableError):
                    return outcome
            else:
                said = wait_after(outcome.status, outcome.headers, attempt, chance=self._chance())
                if not again or said is None:
                    keep = last or not failed(outcome.status)
                    return outcome if keep else await _kept(outcome)
                wait = said
                await outcome.aclose()
            self._metrics.retries.labels(server.name).inc()
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns")

    async def _once(self, server: Server, request: ModelRequest) -> ModelResponse | UpstreamError:
        try:
            response = await server.model.send(request)
        except (UpstreamUnreachableError, UpstreamTimeoutError) as error:
            server.breaker.failed()
            self._metrics.upstream_requests.labels(server.name, type(error).__name__).inc()
            return error
        if response.status >= 500:  # noqa: PLR2004  a refusal such as 429 says that it is well
            server.breaker.failed()
        else:
            server.breaker.succeeded()
        self._metrics.upstream_requests.labels(server.name, f"{response.status // 100}xx").inc()
        if len(self._servers) == 1:
            return response
        return _Named(response, server.name)

    async def _union(self, request: ModelRequest) -> ModelResponse:
        """The models of all servers that tell theirs; what the first said, when none does."""
        answers = await asyncio.gather(
            *(self._once(server, request) for server in sorted(self._servers, key=_order))
        )
        models: dict[str, Any] = {}
        refusal: ModelResponse | None = None
        for answer in answers:
            if isinstance(answer, UpstreamError):
                continue
            kept = await _kept(answer)
            for model in _listed(kept):
                models.setdefault(str(model.get("id")), model)
            refusal = refusal or (kept if kept.status != _OK else None)
        if models or refusal is None:
            if not models and all(isinstance(answer, UpstreamError) for answer in answers):
                raise next(answer for answer in answers if isinstance(answer, UpstreamError))
            body = orjson.dumps({"object": "list", "data": list(models.values())})
            head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            return _Kept(_OK, head, body)
        return refusal


@dataclass(frozen=True, slots=True)
class _Kept:
    """A whole answer that is no longer under way."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    content: bytes

    @property
    def body(self) -> AsyncIterator[bytes]:
        return self._read()

    async def _read(self) -> AsyncIterator[bytes]:
        yield self.content

    async def aclose(self) -> None:
        """Nothing is held open."""


class _Named:
    """An answer that says which server gave it."""

    def __init__(self, response: ModelResponse, name: str) -> None:
        self.status = response.status
        self.headers = [*response.headers, (NAMED, name.encode())]
        self.body = response.body
        self.aclose = response.aclose


async def _kept(response: ModelResponse) -> _Kept:
    """The answer read to its end, as far as it goes, and closed."""
    content = bytearray()
    try:
        async for chunk in response.body:
            content += chunk
            if len(content) > REFUSAL:
                break
    except UpstreamError:
        pass  # what came of it must do
    finally:
        await response.aclose()
    head = [pair for pair in response.headers if pair[0].lower() != b"content-length"]
    return _Kept(response.status, head, bytes(content))


def _listed(answer: _Kept) -> list[dict[str, Any]]:
    if answer.status != _OK:
        return []
    try:
        document = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return []
    data = document.get("data") if isinstance(document, dict) else None
    return [model for model in data if isinstance(model, dict)] if isinstance(data, list) else []


def _model(request: ModelRequest) -> str:
    """The model that the body names, or the path does."""
    path = request.path.partition("?")[0]
    if not request.model and path.startswith(f"{_MODELS}/"):
        return unquote(path.removeprefix(f"{_MODELS}/"))
    return request.model


def _openness(breaker: Breaker) -> float:
    return float(breaker.open)


def _order(server: Server) -> int:
    return server.order
