"""Several model servers are one: chosen by model, tried again, replaced before the first byte."""

import asyncio
import random
import socket
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import openai
import psutil
import pytest

from gateway.adapters.breaker import Breaker
from gateway.adapters.servers import Server
from gateway.adapters.upstream import Timeouts, Upstream
from gateway.adapters.upstreams import Upstreams
from gateway.errors import StartupError
from gateway.metrics import Metrics
from gateway.parts import chat_model
from gateway.settings import load_settings
from tests.leaving import leave_when
from tests.scripted_upstream import DONE, ScriptedUpstream, delta, says_hello, scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}
LIMITED = b'{"error":{"message":"slow down","type":"t","param":null,"code":"rate"}}'


def refuses(status, *headers, body=LIMITED):
    async def script(exchange):
        await exchange.head(
            status, [("content-type", "application/json"), *headers], length=len(body)
        )
        await exchange.raw(body)

    return script


async def aborts(exchange):
    exchange.abort()


def first_then(first, later=says_hello):
    async def script(exchange):
        nonlocal first
        this, first = first, later
        await this(exchange)

    return script


class Party:
    """A gateway before scripted servers; `asked` counts the requests of each."""

    def __init__(self, it, servers, metrics):
        self.it, self.servers, self.metrics = it, servers, metrics

    def asked(self):
        return [len(server.received) for server in self.servers.values()]

    async def post(self, path="/v1/chat/completions", **body):
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            return await client.post(self.it.url + path, json=ASK | body)

    async def get(self, path):
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            return await client.get(self.it.url + path)

    def counted(self, name, **labels):
        return self.metrics.registry.get_sample_value(f"gateway_upstream_{name}", labels)


@asynccontextmanager
async def party(*scripts, retries=0, chance=lambda: 0.5, timeouts=None, **places):
    """Servers a, b, c ... with these scripts; `places` gives more of each."""
    async with AsyncExitStack() as stack:
        servers: dict[str, ScriptedUpstream] = {}
        made: list[Server] = []
        metrics = Metrics()
        for name, script in zip("abcdef", scripts, strict=False):
            server = await stack.enter_async_context(scripted_upstream(script))
            upstream = Upstream(
                server.url, timeouts=timeouts or Timeouts(connect=2, first_byte=5, idle=5)
            )
            stack.push_async_callback(upstream.aclose)
            servers[name] = server
            made.append(Server(name=name, model=upstream, **places.get(name, {"order": len(made)})))
        model = Upstreams(made, metrics, retries=retries, chance=chance)
        it = await stack.enter_async_context(served(model=model))
        yield Party(it, servers, metrics)


async def test_the_model_decides_who_is_asked():
    async with party(
        says_hello,
        says_hello,
        a={"models": ("gpt-*", "o?")},
        b={"models": ("llama/*",)},
    ) as it:
        for model in ("gpt-5", "o3", "llama/8b"):
            response = await it.post(model=model)
            assert response.status_code == httpx.codes.OK
        assert it.asked() == [2, 1]
        assert response.headers["x-gateway-upstream"] == "b"
        unknown = await it.post(model="claude")
    assert unknown.status_code == httpx.codes.NOT_FOUND
    assert unknown.json()["error"]["code"] == "model_not_found"
    assert unknown.json()["error"]["param"] == "model"
    assert "'claude'" in unknown.json()["error"]["message"]


async def test_with_memory_off_the_model_decides_too():
    async with party(says_hello, says_hello, a={"models": ("x",)}, b={"models": ("m",)}) as it:
        await it.post(memory={"mode": "off"})
        assert it.asked() == [0, 1]


async def test_the_lowest_order_is_asked_first_and_weights_share_out_the_rest():
    async with party(
        says_hello,
        says_hello,
        says_hello,
        chance=random.Random(7).random,
        a={"order": 1, "weight": 3},
        b={"order": 1},
        c={"order": 2},
    ) as it:
        for _ in range(80):
            await it.post(memory={"mode": "off"})
        first, second, third = it.asked()
    assert third == 0
    assert first + second == 80
    assert 50 <= first <= 70


@pytest.mark.parametrize("failing", [aborts, refuses(429), refuses(500), refuses(503)])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_server_that_fails_is_replaced_by_the_next(failing, stream):
    async with party(failing, says_hello) as it:
        response = await it.post(stream=stream)
        assert response.status_code == httpx.codes.OK
        assert response.headers["x-gateway-upstream"] == "b"
        assert it.asked() == [1, 1]
        assert it.counted("fallbacks_total", upstream="a") == 1
        if stream:
            assert response.content == delta("Hel") + delta("lo.") + delta("", "stop") + DONE


async def test_a_server_that_does_not_answer_in_time_is_replaced():
    async def hangs(exchange):
        await exchange.closed.wait()

    short = Timeouts(connect=1, first_byte=0.1, idle=1)
    async with party(hangs, says_hello, timeouts=short) as it:
        assert (await it.post()).status_code == httpx.codes.OK
        async with asyncio.timeout(5):
            await it.servers["a"].exchanges[0].closed.wait()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_what_is_the_requests_fault_is_nobody_elses_to_answer(status):
    async with party(refuses(status), says_hello) as it:
        response = await it.post()
        assert response.status_code == status
        assert response.content == LIMITED
        assert it.asked() == [1, 0]


async def test_when_all_fail_the_last_answer_is_passed_on_as_it_came():
    async with party(refuses(500), refuses(429, ("retry-after-ms", "7")), aborts) as it:
        response = await it.post()
        assert response.status_code == httpx.codes.TOO_MANY_REQUESTS
        assert response.content == LIMITED
        assert response.headers["retry-after-ms"] == "7"
        assert response.headers["x-gateway-upstream"] == "b"
        assert it.asked() == [1, 1, 1]


async def test_when_none_can_be_reached_it_is_a_502():
    async with party(aborts, aborts) as it:
        response = await it.post()
    assert response.status_code == httpx.codes.BAD_GATEWAY
    assert response.json()["error"]["code"] == "upstream_unreachable"


async def test_once_an_answer_has_begun_nobody_else_is_asked():
    async def breaks(exchange):
        await exchange.head(200, [("content-type", "text/event-stream")])
        await exchange.chunk(delta("Hel"))
        await asyncio.sleep(0.05)
        exchange.abort()

    async with party(breaks, says_hello) as it:
        response = await it.post(stream=True)
        assert b'"code":"upstream_broken"' in response.content
        assert it.asked() == [1, 0]


async def test_by_default_nothing_is_asked_twice():
    async with party(refuses(503, ("x-should-retry", "true"))) as it:
        assert (await it.post()).status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert it.asked() == [1]


async def test_a_refusal_is_tried_again_as_the_server_says():
    async with party(first_then(refuses(429, ("retry-after-ms", "1"))), retries=2) as it:
        assert (await it.post()).status_code == httpx.codes.OK
        assert it.asked() == [2]
        assert it.counted("retries_total", upstream="a") == 1


@pytest.mark.parametrize(
    "headers", [[("x-should-retry", "false")], [("retry-after", "3600")]], ids=["no", "too long"]
)
async def test_a_server_that_will_not_be_asked_again_is_not(headers):
    async with party(refuses(429, *headers), retries=3) as it:
        response = await it.post()
        assert response.status_code == httpx.codes.TOO_MANY_REQUESTS
        assert response.headers[headers[0][0]] == headers[0][1]
        assert it.asked() == [1]


async def test_the_next_server_is_asked_when_all_tries_are_used_up():
    busy = refuses(503, ("retry-after-ms", "1"))
    async with party(busy, says_hello, retries=2) as it:
        assert (await it.post()).status_code == httpx.codes.OK
        assert it.asked() == [3, 1]


async def test_who_leaves_during_a_wait_ends_it():
    arrived = asyncio.Event()

    async def script(exchange):
        await refuses(503, ("retry-after", "15"))(exchange)
        arrived.set()

    async with party(script, retries=5) as it:
        await leave_when(arrived, it.post())
        async with asyncio.timeout(5):
            await it.it.gateway.drain.finished(within=5)
        assert len(it.it.gateway.drain) == 0
        assert it.asked() == [1]


async def test_a_server_that_keeps_failing_is_asked_last_and_now_and_then():
    now = 0.0
    breaker = Breaker(threshold=2, rest=10, clock=lambda: now)
    script = first_then(refuses(500), first_then(refuses(500), says_hello))
    async with party(script, says_hello, a={"order": 0, "breaker": breaker}, b={"order": 1}) as it:
        for _ in range(5):
            assert (await it.post()).status_code == httpx.codes.OK
        assert it.asked() == [2, 5]
        assert it.counted("breaker_open", upstream="a") == 1
        now = 10.0
        await it.post()
        assert it.asked() == [3, 5]
        assert it.counted("breaker_open", upstream="a") == 0


@pytest.mark.parametrize("several", [False, True])
async def test_a_429_never_keeps_anybody_from_being_asked(several):
    busy = [refuses(429)] * (2 if several else 1)
    async with party(*busy) as it:
        for _ in range(12):
            response = await it.post()
            assert response.content == LIMITED
        assert it.asked() == [12] * len(busy)
        assert it.counted("breaker_open", upstream="a") == 0


async def test_the_only_server_is_asked_whatever_its_breaker_says():
    async with party(aborts) as it:
        for _ in range(8):
            await it.post()
        assert it.counted("breaker_open", upstream="a") == 1
        it.servers["a"].script = says_hello
        assert (await it.post()).status_code == httpx.codes.OK
        assert it.asked() == [9]


async def test_the_list_of_models_is_that_of_all_who_tell_theirs():
    def lists(*names):
        async def script(exchange):
            models = [{"id": name, "object": "model", "x": 1} for name in names]
            await exchange.json({"object": "list", "data": models})

        return script

    async def nonsense(exchange):
        await exchange.json([1])

    async with party(lists("m", "n"), refuses(500), lists("o", "m"), aborts, nonsense) as it:
        async with openai.AsyncOpenAI(base_url=f"{it.it.url}/v1", api_key="k") as client:
            models = [model.id async for model in client.models.list()]
    assert models == ["m", "n", "o"]


def lists(*names):
    async def script(exchange):
        models = [{"id": name, "object": "model"} for name in names]
        await exchange.json({"object": "list", "data": models})

    return script


async def hangs(exchange):
    await exchange.closed.wait()


async def test_a_list_names_only_models_that_requests_are_sent_there_for():
    async with party(
        lists("gpt-1", "stray"),
        lists("llama-1", "gpt-1"),
        a={"models": ("gpt-*",)},
        b={"models": ("llama-*",)},
    ) as it:
        models = (await it.get("/v1/models")).json()["data"]
        assert [model["id"] for model in models] == ["gpt-1", "llama-1"]
        for model, count in (("gpt-1", [2, 1]), ("llama-1", [2, 2])):
            assert (await it.post(model=model)).headers["x-gateway-upstream"]
            assert it.asked() == count
        assert (await it.post(model="stray")).status_code == httpx.codes.NOT_FOUND


async def test_a_list_does_not_wait_long_for_who_hangs(monkeypatch):
    monkeypatch.setattr("gateway.adapters.model_list.PATIENCE", 0.2)

    async def begins(exchange):
        await exchange.head(200, [("content-type", "application/json")])
        await hangs(exchange)

    async with party(hangs, begins, lists("m")) as it:
        begun = time.monotonic()
        models = (await it.get("/v1/models")).json()["data"]
        assert time.monotonic() - begun < 2
        assert [model["id"] for model in models] == ["m"]
        async with asyncio.timeout(5):
            for name in "ab":
                await it.servers[name].exchanges[0].closed.wait()


async def test_a_server_without_a_list_is_not_set_aside_for_it():
    async def script(exchange):
        await (refuses(500) if exchange.request.method == "GET" else says_hello)(exchange)

    async with party(script, lists("m")) as it:
        for _ in range(6):
            await it.get("/v1/models")
        assert it.counted("breaker_open", upstream="a") == 0


async def test_who_leaves_during_a_list_closes_all_that_is_open_for_it():
    async def begins(exchange):
        await exchange.head(200, [("content-type", "application/json")])
        await hangs(exchange)

    async with party(begins, hangs) as it:
        asking = asyncio.create_task(it.get("/v1/models"))
        for name in "ab":
            await asyncio.wait_for(it.servers[name].arrived.wait(), 5)
        await asyncio.sleep(0.1)  # so that the head of the one is there
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        async with asyncio.timeout(5):
            for name in "ab":
                await it.servers[name].exchanges[0].closed.wait()


async def test_what_names_no_model_always_goes_to_the_first():
    chance = random.Random(1).random
    places = {"a": {"order": 1}, "b": {"order": 0}, "c": {"order": 0}}
    async with party(aborts, refuses(503), says_hello, chance=chance, **places) as it:
        for _ in range(5):
            response = await it.get("/v1/files/f-1")
            assert response.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert it.asked() == [0, 5, 0]


async def test_a_refusal_is_told_rather_than_a_connection_lost_after_it():
    script = first_then(refuses(503, ("retry-after-ms", "5"), ("connection", "close")), aborts)
    async with party(script, retries=1) as it:
        response = await it.post()
        assert it.asked() == [2]
    assert (response.status_code, response.content) == (503, LIMITED)


async def test_a_refusal_that_does_not_end_holds_up_nobody_and_is_closed():
    async def begins(exchange):
        await exchange.head(503, length=100)
        await exchange.raw(b"half of it")
        await exchange.closed.wait()

    async with party(begins, says_hello) as it:
        begun = time.monotonic()
        assert (await it.post()).status_code == httpx.codes.OK
        assert time.monotonic() - begun < 2
        await asyncio.wait_for(it.servers["a"].exchanges[0].closed.wait(), 5)


async def test_who_leaves_closes_the_refusal_and_the_server_that_is_asked_instead():
    async def begins(exchange):
        await exchange.head(503, length=100)
        await exchange.closed.wait()

    async with party(begins, hangs) as it:
        posting = asyncio.create_task(it.post())
        await asyncio.wait_for(it.servers["b"].arrived.wait(), 5)
        assert not it.servers["a"].exchanges[0].closed.is_set()
        posting.cancel()
        await asyncio.gather(posting, return_exceptions=True)
        async with asyncio.timeout(5):
            for name in "ab":
                await it.servers[name].exchanges[0].closed.wait()


async def test_several_may_stand_in_the_environment(monkeypatch):
    monkeypatch.setenv("GATEWAY_UPSTREAMS", '[{"name": "a", "base_url": "http://a/v1"}]')
    assert [server.name for server in load_settings().upstreams] == ["a"]
    monkeypatch.setenv("GATEWAY_UPSTREAMS", "http://a/v1")
    with pytest.raises(StartupError, match=r"^GATEWAY_UPSTREAMS: in the environment it is a list"):
        load_settings()


async def test_a_list_that_nobody_tells_is_the_first_ones_answer():
    async with party(aborts, refuses(401), refuses(500)) as it:
        response = await it.get("/v1/models")
        assert (response.status_code, response.content) == (401, LIMITED)
    async with party(aborts, aborts) as it:
        assert (await it.get("/v1/models")).status_code == httpx.codes.BAD_GATEWAY


async def test_a_model_is_looked_up_where_it_is_served():
    async def tells(exchange):
        await exchange.json({"id": "x", "object": "model"})

    async with party(tells, tells, a={"models": ("a*",)}, b={"models": ("b/*",)}) as it:
        await it.get("/v1/models/b%2Fc")
        await it.get("/v1/models/b/c")
        assert it.asked() == [0, 2]
        await it.get("/v1/files")
        assert sum(it.asked()) == 3


async def test_an_upload_is_sent_once_and_to_one():
    async with party(refuses(500), says_hello, retries=3) as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.post(
                f"{it.it.url}/v1/files",
                content=b"x" * 1000,
                headers={"content-type": "application/octet-stream"},
            )
        assert response.status_code == httpx.codes.INTERNAL_SERVER_ERROR
        assert it.asked() == [1, 0]


async def test_a_single_server_is_not_named():
    async with party(says_hello) as it:
        assert "x-gateway-upstream" not in (await it.post()).headers


async def test_a_whole_answer_may_take_only_so_long():
    async def trickles(exchange):
        await exchange.head(200, [("content-type", "text/event-stream")])
        while not exchange.closed.is_set():
            await exchange.chunk(delta("x"))
            await asyncio.sleep(0.02)

    short = Timeouts(connect=1, first_byte=1, idle=1, total=0.3)
    async with party(trickles, timeouts=short) as it:
        begun = time.monotonic()
        response = await it.post(stream=True)
        assert time.monotonic() - begun < 10  # it would go on for ever
    assert response.content.startswith(delta("x"))
    assert b'"code":"upstream_timeout"' in response.content


# A kept connection that the server had closed.


@asynccontextmanager
async def server_that_closes(times, *, after=0.0):
    """Answers each connection's first request; of the first `times` it closes at the second."""
    counts = Counter[str]()
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"

    async def serve(reader, writer):
        counts["connections"] += 1
        first = True
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(size)
                counts["requests"] += 1
                if not first and counts["closed"] < times:
                    counts["closed"] += 1
                    await asyncio.sleep(after)
                    break
                first = False
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", counts


async def test_a_kept_connection_that_was_closed_costs_the_client_nothing():
    async with server_that_closes(1) as (url, counts), served(url) as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            for _ in range(2):
                response = await client.post(f"{it.url}/v1/chat/completions", json=ASK)
                assert response.status_code == httpx.codes.OK
    assert counts == {"connections": 2, "requests": 3, "closed": 1}


async def test_a_server_that_closes_after_it_has_worked_is_not_asked_again(monkeypatch):
    monkeypatch.setattr("gateway.adapters.upstream.STALE", 0.05)
    async with server_that_closes(1, after=0.2) as (url, counts), served(url) as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(f"{it.url}/v1/chat/completions", json=ASK)
            response = await client.post(f"{it.url}/v1/chat/completions", json=ASK)
    assert response.status_code == httpx.codes.BAD_GATEWAY
    assert counts["requests"] == 2


@pytest.mark.fault("F24")
async def test_six_thousand_requests_that_are_dropped_leave_nothing_behind():
    """A pool that queues wedges under this (https://github.com/encode/httpcore/issues/1093)."""
    process, storms, each = psutil.Process(), 60, 100

    async def slow(exchange):
        if exchange.request.json.get("stay"):
            await says_hello(exchange)
        else:
            await exchange.closed.wait()

    async with scripted_upstream(slow) as upstream, served(upstream.url) as it:
        address = it.url.removeprefix("http://").split(":")
        body = b'{"model":"m","memory":{"mode":"off"},"messages":[{"role":"user","content":"x"}]}'
        request = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s"

        async def drop(number):
            _, writer = await asyncio.open_connection(*address)
            writer.write(request % (len(body), body))
            await asyncio.sleep(number % 10 / 500)
            writer.transport.abort()

        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(f"{it.url}/v1/chat/completions", json=ASK | {"stay": True})
            before = process.num_fds()
            for _ in range(storms):
                await asyncio.gather(*(drop(number) for number in range(each)))
            async with asyncio.timeout(10):
                while len(it.gateway.drain):  # noqa: ASYNC110  the last to leave tells nobody
                    await asyncio.sleep(0.01)
            begun = time.monotonic()
            response = await client.post(f"{it.url}/v1/chat/completions", json=ASK | {"stay": True})
            assert response.status_code == httpx.codes.OK
            assert time.monotonic() - begun < 5
            async with asyncio.timeout(10):
                while process.num_fds() > before + 5:  # noqa: ASYNC110  as above
                    await asyncio.sleep(0.05)


# From the settings.

README = (Path(__file__).parent.parent / "README.md").read_text()
SAMPLE = README.split("```toml\n")[1].split("```")[0]


@pytest.fixture
def load(tmp_path, monkeypatch):
    def load(toml, **environment):
        file = tmp_path / "gateway.toml"
        file.write_text(toml)
        monkeypatch.setenv("GATEWAY_CONFIG", str(file))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return load_settings()

    return load


async def test_the_file_names_them_and_the_environment_holds_their_keys(load):
    settings = load(SAMPLE, OPENAI_KEY="sk-1", GATEWAY_UPSTREAM_RETRIES="2")
    first, second = settings.upstreams
    assert (first.name, first.models, first.api_key) == ("openai", ("gpt-*", "o*"), "sk-1")
    assert (second.order, second.weight, second.models) == (1, 2, ("*",))
    assert "sk-1" not in repr(settings)
    async with chat_model(settings, Metrics()) as model:
        assert isinstance(model, Upstreams)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (SAMPLE, "upstream openai: OPENAI_KEY, its api_key_env, is not set"),
        (SAMPLE.replace("OPENAI_KEY", "").replace('"here"', '"openai"'), "one name"),
        ('[[upstreams]]\nname="a"\nbase_url="ftp://x"', "upstream a is not an http URL"),
        ('[[upstreams]]\nname="a"\nbase_url="http://localhost:8080/v1"', "own address"),
        ('[[upstreams]]\nname="a b"\nbase_url="http://x/v1"', "NAME"),
        ('[[upstreams]]\nname="a"\nbase_url="http://x/v1"\nkey="k"', "unknown setting"),
        ('[[upstreams]]\nname="a"\nbase_url="http://x/v1"\nmodels=[]', "MODELS"),
        ('upstream_base_url="http://y"\n' + SAMPLE.replace("OPENAI_KEY", ""), "both set"),
    ],
)
async def test_what_is_not_right_about_them_is_named(load, toml, said):
    with pytest.raises(StartupError, match=said):
        load(toml)


async def test_a_key_for_one_is_not_taken_for_several(load):
    toml = SAMPLE.replace("OPENAI_KEY", "")
    with pytest.raises(StartupError, match="GATEWAY_UPSTREAM_API_KEY is for a single upstream"):
        load(toml, GATEWAY_UPSTREAM_API_KEY="sk")


async def test_a_key_of_openai_s_may_be_there_for_other_programs(load):
    assert load(SAMPLE.replace("OPENAI_KEY", ""), OPENAI_API_KEY="sk").upstreams


async def test_a_port_that_nobody_serves_is_passed_over():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gone = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    async with scripted_upstream() as there:
        timeouts = Timeouts(connect=1, first_byte=1, idle=1)
        upstreams = [Upstream(url, timeouts=timeouts) for url in (gone, there.url)]
        servers = [
            Server(name=str(order), model=upstream, order=order)
            for order, upstream in enumerate(upstreams)
        ]
        async with served(model=Upstreams(servers, Metrics())) as it:
            async with httpx.AsyncClient(trust_env=False) as client:
                response = await client.post(f"{it.url}/v1/chat/completions", json=ASK)
        for upstream in upstreams:
            await upstream.aclose()
    assert response.status_code == httpx.codes.OK
