"""One server and one gateway for all comparisons, on one event loop."""

import pytest

from gateway.adapters.upstream import Timeouts
from tests.conformance.comparing import Comparing
from tests.conformance.parties import Parties, Server, plain_environment
from tests.served import served


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
async def comparing(anyio_backend):  # noqa: ARG001  it decides on which loop these live
    timeouts = Timeouts(connect=2, first_byte=5, idle=1)
    with plain_environment():
        async with Server().running() as server:
            async with served(server.url, timeouts=timeouts) as gateway:
                yield Comparing(Parties(server, gateway.url))
