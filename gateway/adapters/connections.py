"""aiohttp's connections, and which of them was lost through no fault of the request.

A server may close an idle connection at the moment in which a request takes it out of the pool. The
request then fails without a byte of an answer, though nothing is wrong with it or with the server;
it may be sent again, on a connection that is certainly new.
"""

import functools
from contextvars import ContextVar
from typing import TYPE_CHECKING, Self, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    from aiohttp.client import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace


class Exchange:
    """One request to one server: over which connections it was tried."""

    __slots__ = ("_connection", "_idle_before")

    def __init__(self) -> None:
        self._connection: _Connection | None = None
        self._idle_before = False

    @property
    def found_closed(self) -> bool:
        """Whether it was tried on a pooled connection that gave not a byte of an answer."""
        return self._idle_before and self._connection is not None and not self._connection.heard

    @classmethod
    def begin(cls) -> Self:
        """The exchange of this task from now on."""
        exchange = cls()
        _EXCHANGE.set(exchange)
        return exchange

    def takes(self, connection: "_Connection") -> bool:
        """Whether it can go over this one: after the first, only over one that is new."""
        if self._connection is not None and connection.used:
            return False
        self._connection, self._idle_before = connection, connection.used
        connection.used, connection.heard = True, False
        return True


_EXCHANGE: ContextVar[Exchange] = ContextVar("exchange")


class _Connection(ResponseHandler):
    """One that remembers whether it was `used` before, and has `heard` anything since."""

    used = False
    heard = False

    def data_received(self, data: bytes) -> None:
        self.heard = True
        super().data_received(data)


class Connections(aiohttp.TCPConnector):
    """As many connections as there are requests.

    A pool that queues is a pool that can wedge when its waiters are cancelled
    (https://github.com/encode/httpcore/issues/1093).
    """

    def __init__(self) -> None:
        super().__init__(limit=0)
        # What aiohttp makes a connection's protocol with.
        made = functools.partial(_Connection, loop=self._loop)
        self._factory = cast("functools.partial[ResponseHandler]", made)

    async def connect(
        self,
        req: "ClientRequest",
        traces: "list[Trace]",
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  the signature is aiohttp's
    ) -> "Connection":
        """A connection for the exchange of this task.

        Those that idle beside one which was found closed are as likely to be, so they go too.
        """
        exchange = _EXCHANGE.get()
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            assert isinstance(protocol, _Connection)  # noqa: S101  made by our own factory
            if exchange.takes(protocol):
                return connection
            connection.close()
