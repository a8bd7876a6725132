"""Holds each key to what it may take, and counts what an answer took."""

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.auth import KEY
from gateway.http.grants import needed
from gateway.keys.budget import Budget
from gateway.keys.key import Grant, Key

BYTES: Final = 4  # of a token, where nobody says how many tokens there were
TAIL: Final = 4096  # bytes of an answer's end in which its usage is looked for

_TOTAL = re.compile(rb'"total_tokens"\s*:\s*(\d{1,12})')


class WithinBudget:
    """Raises OverBudgetError, which becomes a 429 with `retry-after`."""

    def __init__(self, app: ASGIApp, *, budget: Budget) -> None:
        self._app = app
        self._budget = budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key: Key | None = scope.get(KEY)
        if key is None or not key.id:
            await self._app(scope, receive, send)
            return
        with self._budget.one_more(key):
            await self._budget.admit(key)
            if not self._budget.counts_tokens(key):
                await self._app(scope, receive, send)
                return
            meter = Meter()
            try:
                await self._app(scope, meter.receiving(receive), meter.sending(send))
            finally:
                if Grant.CHAT in needed(scope["method"], scope["path"]):
                    await self._budget.spend(key, meter.tokens)


class Meter:
    """The tokens of one exchange: as its answer says, or else a fourth of its bytes as they passed.

    Of a stream each event counts as one token more: what is around the words is most of it.
    """

    def __init__(self) -> None:
        self._asked = 0
        self._answered = 0
        self._events = 0
        self._status = 0
        self._streams = False
        self._tail = b""

    @property
    def tokens(self) -> int:
        if not 200 <= self._status < 300:  # noqa: PLR2004  what was refused took none
            return 0
        said = _TOTAL.findall(self._tail)
        if said:
            return int(said[-1])
        answered = self._events if self._streams else self._answered // BYTES
        return self._asked // BYTES + answered

    def receiving(self, receive: Receive) -> Receive:
        async def received() -> Message:
            message = await receive()
            self._asked += len(message.get("body", b""))
            return message

        return received

    def sending(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._status = message["status"]
                self._streams = any(
                    name == b"content-type" and value.startswith(b"text/event-stream")
                    for name, value in message["headers"]
                )
            else:
                body: bytes = message.get("body", b"")
                self._answered += len(body)
                if self._streams:
                    self._events += body.count(b"data:")
                self._tail = (self._tail + body[-TAIL:])[-TAIL:]
            await send(message)

        return sent
