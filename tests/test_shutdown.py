"""SIGTERM lets streams finish for the grace time; what is cut then is recorded as it came."""

import asyncio
import signal
from contextlib import asynccontextmanager

import httpx
import pytest

from gateway.adapters.edge import EdgeStore
from gateway.adapters.minilm import MODEL
from gateway.memory.model import Ending, Scope
from tests import process
from tests.scripted_responses import closed, opened, piece
from tests.scripted_upstream import DONE, delta, scripted_upstream

pytestmark = [pytest.mark.anyio, pytest.mark.process]

WHO = {"model": "m", "stream": True, "user": "ann", "metadata": {"conversation_id": "c"}}
SAID = [{"role": "user", "content": "I live in Lisbon."}]
ASK = WHO | {"messages": SAID}
# For each API: its path, a request, how an answer begins, how it goes on to its end.
APIS = pytest.mark.parametrize(
    ("path", "ask", "begun", "rest"),
    [
        ("chat/completions", ASK, delta("Hel"), delta("lo.", "stop") + DONE),
        (
            "responses",
            WHO | {"input": SAID},
            b"".join(opened()),
            piece("Hello.") + closed("Hello."),
        ),
    ],
    ids=["chat completions", "responses"],
)


def beginning(begun, until, *rest):
    """The script of an answer that begins, waits and goes on, if there is a rest, to its end."""

    async def script(exchange):
        await exchange.head(200, [("content-type", "text/event-stream")])
        await exchange.chunk(begun)
        await (until or exchange.closed).wait()
        for chunk in rest:
            await exchange.chunk(chunk)
            await exchange.end()

    return script


@asynccontextmanager
async def streaming(folder, model_folder, script, *, grace, path="chat/completions", ask=ASK):
    """A gateway in a process of its own, a client, and the answer that it is being streamed."""
    cache = model_folder.parent.parent
    async with scripted_upstream(script) as upstream:
        with process.gateway(
            folder, cache, upstream_base_url=upstream.url, shutdown_grace=grace
        ) as gateway:
            async with (
                httpx.AsyncClient(trust_env=False) as client,
                client.stream("POST", f"{gateway.url}/v1/{path}", json=ask) as response,
            ):
                yield gateway, client, response
            assert await ended(gateway) == 0


async def not_ready(gateway: process.Process, client: httpx.AsyncClient) -> httpx.Response:
    """What /readyz answers once the gateway has seen the signal."""
    async with asyncio.timeout(5):
        while (ready := await client.get(f"{gateway.url}/readyz")).status_code == httpx.codes.OK:
            pass
    return ready


async def ended(gateway: process.Process) -> int:
    async with asyncio.timeout(20):
        while (code := gateway.child.poll()) is None:  # noqa: ASYNC110  another process's end
            await asyncio.sleep(0.02)
    return code


async def recorded(folder) -> list[Ending]:
    store = EdgeStore.open(folder / "data", model=MODEL, dimension=384)
    turns = await store.get_turns(Scope("default", "ann"), "c", 5)
    store.close()
    return [turn.ending for turn in turns]


@APIS
@pytest.mark.fault("F49")
async def test_a_stream_that_is_open_at_sigterm_is_finished(
    tmp_path, default_model_folder, path, ask, begun, rest
):
    seen = asyncio.Event()
    script = beginning(begun, seen, rest)
    async with streaming(
        tmp_path, default_model_folder, script, grace="10", path=path, ask=ask
    ) as (gateway, client, response):
        got = b""
        async for chunk in response.aiter_raw():
            got += chunk
            if not seen.is_set():
                gateway.child.send_signal(signal.SIGTERM)
                await not_ready(gateway, client)
                seen.set()
        assert got == begun + rest
    assert await recorded(tmp_path) == [Ending.COMPLETE]


@APIS
@pytest.mark.fault("F49")
async def test_a_stream_that_outlasts_the_grace_time_is_cut_and_recorded(
    tmp_path, default_model_folder, path, ask, begun, rest
):
    script = beginning(begun, None)
    async with streaming(tmp_path, default_model_folder, script, grace="1", path=path, ask=ask) as (
        gateway,
        _,
        response,
    ):
        got = b""
        async for chunk in response.aiter_raw():
            if not got:
                gateway.child.send_signal(signal.SIGTERM)
            got += chunk
        told = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - told < 10  # two seconds, and a busy machine
    assert got.startswith(begun)
    assert b'"code":"shutting_down"' in got[len(begun) :]
    assert rest not in got
    assert await recorded(tmp_path) == [Ending.SHUTDOWN]


@pytest.mark.fault("F49")
async def test_while_streams_finish_new_requests_are_refused_and_told_when_to_try_again(
    tmp_path, default_model_folder
):
    finish = asyncio.Event()
    rest = delta("lo.", "stop") + DONE
    script = beginning(delta("Hel"), finish, rest)
    async with streaming(tmp_path, default_model_folder, script, grace="10") as (
        gateway,
        client,
        response,
    ):
        got = b""
        async for chunk in response.aiter_raw():
            got += chunk
            if finish.is_set():
                continue
            gateway.child.send_signal(signal.SIGTERM)
            ready = await not_ready(gateway, client)
            refused = await client.post(f"{gateway.url}/v1/chat/completions", json=ASK)
            alive = await client.get(f"{gateway.url}/healthz")
            finish.set()
    assert got == delta("Hel") + rest
    assert ready.json()["status"] == "shutting down"
    assert alive.status_code == httpx.codes.OK
    assert refused.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert refused.json()["error"]["code"] == "shutting_down"
    assert refused.headers["retry-after"] == "1"
    assert await recorded(tmp_path) == [Ending.COMPLETE]


@pytest.mark.fault("F50")
async def test_a_second_signal_ends_it_at_once(tmp_path, default_model_folder):
    script = beginning(delta("Hel"), None)
    async with streaming(tmp_path, default_model_folder, script, grace="60") as (
        gateway,
        client,
        response,
    ):
        got = b""
        async for chunk in response.aiter_raw():
            if not got:
                gateway.child.send_signal(signal.SIGTERM)
                await not_ready(gateway, client)
                gateway.child.send_signal(signal.SIGTERM)
            got += chunk
    assert b'"code":"shutting_down"' in got
    assert await recorded(tmp_path) == [Ending.SHUTDOWN]
