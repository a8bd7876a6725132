"""Several OpenAI-compatible servers as one `ChatModel`: chosen by model, tried again, replaced.

Everything here happens before the first byte of an answer is sent on. When all fail, the client
gets the last answer that came, as it came; an answer says more than a lost connection does, so an
error is told only where none came.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from functools import partial

from gateway.adapters.breaker import Breaker
from gateway.adapters.model_list import models_of
from gateway.adapters.retries import backoff, failed, wait_after
from gateway.adapters.servers import Server, asks_for_models, chosen, model_of
from gateway.errors import (
    NoSuchModelError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from gateway.memory.ports import ModelRequest, ModelResponse
from gateway.metrics import Metrics

NAMED = b"x-gateway-upstream"


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
        self._servers = sorted(servers, key=lambda server: server.order)
        self._metrics = metrics
        self._retries = retries
        self._chance = chance
        for server in self._servers:
            metrics.breakers.labels(server.name).set_function(partial(_openness, server.breaker))

    async def send(self, request: ModelRequest) -> ModelResponse:
        """Returns when the headers of the answer that is passed on are there.

        Raises NoSuchModelError, UpstreamUnreachableError, UpstreamTimeoutError.
        """
        if len(self._servers) > 1 and asks_for_models(request):
            return await models_of(self._servers, request)
        model = model_of(request)
        servers = chosen(self._servers, model, self._chance)
        if not servers:
            raise NoSuchModelError(model)
        said = _Said()
        try:
            for place, server in enumerate(servers):
                if place:
                    self._metrics.fallbacks.labels(servers[place - 1].name).inc()
                await self._ask(server, request, said)
                if said.settled or not isinstance(request.body, bytes):
                    break
            return said.last_word()
        except BaseException:  # who leaves meanwhile leaves nothing open
            await said.aclose()
            raise

    async def _ask(self, server: Server, request: ModelRequest, said: "_Said") -> None:
        """Ask one server, and again where that is worth the wait."""
        for attempt in range(self._retries + 1):
            if attempt:
                self._metrics.retries.labels(server.name).inc()
            wait = None
            try:
                response = await self._once(server, request)
            except UpstreamTimeoutError as error:  # nobody waits so long twice
                said.failed(error)
            except UpstreamUnreachableError as error:
                said.failed(error)
                wait = backoff(attempt, chance=self._chance())
            else:
                await said.answered(response)
                status, headers = response.status, response.headers
                wait = wait_after(status, headers, attempt, chance=self._chance())
            last = attempt == self._retries or not isinstance(request.body, bytes)
            if wait is None or last:
                return
            await asyncio.sleep(wait)

    async def _once(self, server: Server, request: ModelRequest) -> ModelResponse:
        try:
            response = await server.model.send(request)
        except (UpstreamUnreachableError, UpstreamTimeoutError) as error:
            server.breaker.failed()
            self._metrics.upstream_requests.labels(server.name, type(error).__name__).inc()
            raise
        if response.status >= 500:  # noqa: PLR2004  a refusal such as 429 says that it is well
            server.breaker.failed()
        else:
            server.breaker.succeeded()
        self._metrics.upstream_requests.labels(server.name, f"{response.status // 100}xx").inc()
        if len(self._servers) == 1:
            return response
        return _Named(response, server.name)


class _Said:
    """What has come of one request so far: the last answer, held open unread, and the first error.

    A refusal is a few bytes that are there with its head; and should it break off, then for the
    client as it did for us.
    """

    def __init__(self) -> None:
        self._answer: ModelResponse | None = None
        self._error: UpstreamError | None = None

    @property
    def settled(self) -> bool:
        """Whether there is an answer that no other server could better."""
        return self._answer is not None and not failed(self._answer.status)

    async def answered(self, response: ModelResponse) -> None:
        before, self._answer = self._answer, response
        if before is not None:
            await before.aclose()

    def failed(self, error: UpstreamError) -> None:
        self._error = self._error or error

    def last_word(self) -> ModelResponse:
        if self._answer is not None:
            return self._answer
        assert self._error is not None  # noqa: S101  one at least was asked
        raise self._error

    async def aclose(self) -> None:
        if self._answer is not None:
            await self._answer.aclose()


class _Named:
    """An answer that says which server gave it."""

    def __init__(self, response: ModelResponse, name: str) -> None:
        self.status = response.status
        self.headers = [*response.headers, (NAMED, name.encode())]
        self.body = response.body
        self.aclose = response.aclose


def _openness(breaker: Breaker) -> float:
    return float(breaker.open)
