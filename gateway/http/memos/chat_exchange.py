"""One chat under way: its prompt is composed, the model asked, the answer heard, the turn kept."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from gateway.errors import EmbeddingError, ExtractionBusyError, NoSuchModelError, StoreError
from gateway.http.errors import MOST_NAME
from gateway.http.gateway import Gateway
from gateway.http.headers import RawHeaders
from gateway.http.memos.chat_prompt import Chat, Composed, compose
from gateway.http.memos.chat_reading import read, whole
from gateway.http.memos.chat_refusals import refusal
from gateway.http.memos.chat_sampling import ADAPTED, adapted
from gateway.http.memos.codes import Code
from gateway.http.tee import MAX_TEXT
from gateway.memory.model import Ending, Message, Turn
from gateway.memory.ports import ModelRequest, ModelResponse
from gateway.memory.thinking import Said
from gateway.memory.turn_log import Recorded

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_OK, _BAD_REQUEST = 200, 400


class Exchange:
    """`turn` is the id of the turn that it becomes, `headers` go to the model's server."""

    def __init__(
        self, gateway: Gateway, chat: Chat, *, model: str, headers: RawHeaders, turn: str
    ) -> None:
        self._gateway = gateway
        self._chat = chat
        self._model = model
        self._headers = headers
        self._turn = turn
        self._composed: Composed | None = None
        self._response: ModelResponse | None = None
        self._said: dict[str, list[str]] = {"text": [], "reasoning": []}
        self._usage: dict[str, Any] = {}
        self._room = MAX_TEXT
        self._begun = gateway.clock()
        self._ended = False
        self._kept: asyncio.Task[None] | None = None

    @property
    def text(self) -> str:
        """What was said so far, without what was thought."""
        return "".join(self._said["text"])

    @property
    def reasoning(self) -> str:
        return "".join(self._said["reasoning"])

    @property
    def memories(self) -> list[str]:
        """The ids of what was recalled."""
        return list(self._composed.memories) if self._composed else []

    @property
    def status(self) -> str:
        """How recall went, as in `X-Memory-Status`."""
        return self._composed.status if self._composed else "empty"

    @property
    def account(self) -> dict[str, Any]:
        """What is told with an answer beside it, each where there is such a thing.

        The ids of what was recalled, the id by which the turn's learning can be asked about, and
        the tokens that the model's server counted.
        """
        task = {} if self._kept is None else {"task_id": self._turn}
        counts = {key: self._usage[key] for key in _COUNTS if isinstance(self._usage.get(key), int)}
        return {"memories": self.memories, **task, **({"usage": counts} if counts else {})}

    async def said(self) -> AsyncGenerator[Said]:
        """The answer, as it comes. Raises UpstreamError, ApiError."""
        composed = await compose(self._gateway, self._chat, self._model, self._headers)
        self._composed = composed
        response = await self._ask(composed.request)
        async with aclosing(read(response, self._usage.update)) as pieces:
            async for piece in pieces:
                if piece.kind == "unsaid":
                    self._said["reasoning"] += self._said["text"]
                    self._said["text"] = []
                    continue
                kept = piece.text[: self._room]
                self._room -= len(kept)
                self._said[piece.kind].append(kept)
                yield piece

    async def _ask(self, request: ModelRequest) -> ModelResponse:
        """What the model's server answers. Raises UpstreamError, ApiError."""
        for _ in range(ADAPTED + 1):
            begun = time.perf_counter()
            try:
                response = self._response = await self._gateway.model.send(request)
            except NoSuchModelError as error:
                message = f"model_name: no upstream serves {str(error)[:MOST_NAME]!r}"
                raise Code.INVALID.error(message, param="model_name") from None
            self._gateway.metrics.first_byte_seconds.observe(time.perf_counter() - begun)
            if response.status != _BAD_REQUEST:
                break
            said = await whole(response)
            another = adapted(request, said)
            if another is None:
                raise refusal(response.status, said)
            await response.aclose()
            request = another
        return response

    @property
    def answered(self) -> bool:
        """Whether the model's side began an answer."""
        return self._response is not None and self._response.status == _OK

    def end(self, ending: Ending) -> None:
        """Settle how it ended and begin to keep the turn; only the first call counts."""
        if self._ended:
            return
        self._ended = True
        self._gateway.metrics.endings.labels(ending.value).inc()
        if self._chat.record:
            self._kept = self._gateway.background.spawn(self._keep(ending))

    def refused(self) -> None:
        """Settle that there is no answer, and nothing to keep."""
        if not self._ended:
            self._ended = True
            self._gateway.metrics.endings.labels(Ending.UPSTREAM_BROKE.value).inc()

    async def kept(self) -> None:
        """Wait for the turn to be kept: as long as the end of an answer may wait for it.

        Where it is to be learned first, until it is.
        """
        if self._kept is not None:
            patience = self._gateway.settings.record_timeout_ms / 1000
            limit = None if self._chat.learn_first else patience
            await asyncio.wait({self._kept}, timeout=limit)

    async def aclose(self) -> None:
        """End the model's part; of what has ended it changes nothing."""
        if self._response is not None:
            await self._response.aclose()

    async def _keep(self, ending: Ending) -> None:
        gateway, chat = self._gateway, self._chat
        recorded = await gateway.turn_log.record(self._as_turn(ending), queued=not chat.learn_first)
        if recorded is Recorded.STORED and chat.learn_first:
            # What fails is pending in the ledger, and will be learned from there.
            with suppress(StoreError, EmbeddingError, ExtractionBusyError):
                await gateway.learner.learn(self._turn)

    def _as_turn(self, ending: Ending) -> Turn:
        chat, now = self._chat, self._gateway.clock()
        messages = [Message(role="user", content=chat.query, time=self._begun)]
        if self.text:
            repeats = not self._gateway.model.memorable
            answer = Message(role="assistant", content=self.text, time=now, repeats=repeats)
            messages.append(answer)
        return Turn(
            id=self._turn,
            scope=chat.scope,
            conversation=chat.conversation,
            messages=tuple(messages),
            created=now,
            preceding=self._composed.preceding if self._composed else "",
            labels=chat.labels,
            public=chat.public,
            bases=chat.bases,
            ending=ending,
        )
