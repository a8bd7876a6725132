"""A key takes no more than it may, and what is too much is told with a time to come again."""

import asyncio
import math

import pytest

from gateway.adapters.arq_queue import connection
from gateway.adapters.local_counter import MOST, LocalCounter
from gateway.adapters.redis_counter import PAUSE, PREFIX, RedisCounter
from gateway.errors import OverBudgetError
from gateway.http.budgets import Meter
from gateway.keys.budget import DAY, MINUTE, Budget
from gateway.keys.key import Allowance, Key
from tests.process import free_port
from tests.redis_server import redis_server
from tests.scripted_upstream import scripted_upstream
from tests.served import served
from tests.test_keys import ADMIN, SEARCH, TOLD, Clock, as_, made

pytestmark = [pytest.mark.anyio, pytest.mark.security("S10")]

NONE = Allowance()


def key(**allowance: int) -> Key:
    return Key(id="k", digest="d", project="p", allowance=Allowance(**allowance))


def budget(clock, usual=NONE) -> Budget:
    return Budget(LocalCounter(clock=lambda: clock() / 1000), usual, clock=clock)


async def test_a_key_without_limits_takes_what_it_likes():
    it = budget(Clock())
    for _ in range(1000):
        await it.admit(key())
    with it.one_more(key()), it.one_more(key()):
        pass


async def test_requests_within_a_minute_are_counted_and_the_next_minute_begins_anew():
    clock = Clock()
    clock.now = MINUTE * 1000 * 10 + 45_000
    it = budget(clock)
    for _ in range(3):
        await it.admit(key(requests_per_minute=3))
    with pytest.raises(OverBudgetError) as refused:
        await it.admit(key(requests_per_minute=3))
    assert (refused.value.what, refused.value.most) == ("requests_per_minute", 3)
    assert refused.value.wait == 15
    clock.passes(15)
    await it.admit(key(requests_per_minute=3))


@pytest.mark.parametrize(
    ("what", "length"), [("tokens_per_minute", MINUTE), ("tokens_per_day", DAY)]
)
async def test_no_request_is_taken_once_the_tokens_are_spent(what, length):
    clock = Clock()
    clock.now = DAY * 1000 * 10
    it, spender = budget(clock), key(**{what: 100})
    for tokens in (60, 60):
        await it.admit(spender)
        await it.spend(spender, tokens)
    with pytest.raises(OverBudgetError) as refused:
        await it.admit(spender)
    assert refused.value.wait == length
    clock.passes(length)
    await it.admit(spender)


async def test_what_is_usual_holds_for_keys_that_have_no_limits_of_their_own():
    clock = Clock()
    it = budget(clock, Allowance(requests_per_minute=1, in_flight=1))
    await it.admit(key())
    with pytest.raises(OverBudgetError):
        await it.admit(key())
    with it.one_more(key(in_flight=2)), it.one_more(key(in_flight=2)):
        with pytest.raises(OverBudgetError) as refused:
            with it.one_more(key(in_flight=2)):
                pass
    assert refused.value.what == "in_flight"
    with it.one_more(key()):
        pass


async def test_counts_that_are_over_are_forgotten():
    clock = Clock()
    counter = LocalCounter(clock=lambda: clock() / 1000)
    for number in range(1000):
        await counter.add(f"n{number}", 1, MINUTE)
    assert len(counter) == 1000
    clock.passes(MINUTE)
    assert await counter.add("n1", 1, MINUTE) == 1
    assert len(counter) == 1


async def test_there_are_never_more_counts_than_may_be():
    counter = LocalCounter(clock=lambda: 0.0)
    for number in range(MOST + 10):
        await counter.add(f"n{number}", 1, MINUTE)
    assert len(counter) == MOST


LIMITS = [
    ({"requests_per_minute": 1}, "rate_limit_exceeded", 40300),
    ({"tokens_per_minute": 5}, "token_limit_exceeded", 40309),
    ({"tokens_per_day": 5}, "insufficient_quota", 40304),
]


@pytest.mark.parametrize(("limits", "code", "memos"), LIMITS, ids=str)
async def test_a_request_too_many_is_a_429_in_the_shape_of_the_api_that_was_called(
    limits, code, memos
):
    async def answers(exchange):
        usage = {"prompt_tokens": 6, "completion_tokens": 4, "total_tokens": 10}
        await exchange.json({"choices": [], "usage": usage})

    async with (
        scripted_upstream(answers) as upstream,
        served(upstream.url, admin_keys=ADMIN) as it,
    ):
        limited = await made(it, **limits)
        first = await as_(it, limited["key"], "POST", "/v1/chat/completions", TOLD)
        refused = await as_(it, limited["key"], "POST", "/v1/chat/completions", TOLD)
        searched = await as_(it, limited["key"], "POST", "/api/openmem/v1/search/memory", SEARCH)
        other = await made(it)
        untouched = await as_(it, other["key"], "POST", "/v1/chat/completions", TOLD)
    assert (first.status_code, untouched.status_code) == (200, 200)
    assert refused.status_code == searched.status_code == 429
    assert refused.json()["error"]["code"] == code
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert searched.json()["code"] == memos
    assert 1 <= int(refused.headers["retry-after"]) <= DAY
    assert len(upstream.received) == 2


async def test_one_keys_requests_at_once_leave_anothers_alone():
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def waits(exchange):
        reached.set()
        await go_on.wait()
        await exchange.json({"choices": []})

    async with scripted_upstream(waits) as upstream, served(upstream.url, admin_keys=ADMIN) as it:
        narrow, other = await made(it, in_flight=1), await made(it, project="q")
        chat = ("POST", "/v1/chat/completions", TOLD)
        first = asyncio.create_task(as_(it, narrow["key"], *chat))
        await asyncio.wait_for(reached.wait(), 5)
        refused = await as_(it, narrow["key"], *chat)
        another = asyncio.create_task(as_(it, other["key"], *chat))
        go_on.set()
        assert (await first).status_code == (await another).status_code == 200
        assert (await as_(it, narrow["key"], *chat)).status_code == 200
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"


async def test_the_settings_limit_every_key_that_has_no_limits_of_its_own():
    async with served(api_keys="a:one,b:two", key_requests_per_minute=2) as it:
        statuses = {
            name: [
                (await as_(it, name, "POST", "/v1/chat/completions", TOLD)).status_code
                for _ in range(3)
            ]
            for name in ("one", "two")
        }
    assert statuses == {"one": [200, 200, 429], "two": [200, 200, 429]}


async def metered(asked: bytes, *pieces: bytes, status=200, kind=b"application/json") -> int:
    meter = Meter()

    async def receive():
        return {"type": "http.request", "body": asked}

    async def send(message):
        pass

    await meter.receiving(receive)()
    sent = meter.sending(send)
    head = {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]}
    await sent(head)
    for piece in pieces:
        await sent({"type": "http.response.body", "body": piece, "more_body": True})
    return meter.tokens


USAGE = b'{"choices":[],"usage":{"prompt_tokens":3,"total_tokens":12,"x":1}}'


@pytest.mark.parametrize(
    ("pieces", "kind", "tokens"),
    [
        ([USAGE], b"application/json", 12),
        ([USAGE[:40], USAGE[40:]], b"application/json", 12),
        (
            [b"data: {}\n\n" * 900, b"data: " + USAGE + b"\n\ndata: [DONE]\n\n"],
            b"text/event-stream",
            12,
        ),
        ([b'{"content":"say \\"total_tokens\\": 99"}' + b" " * 4], b"application/json", 20),
        ([b"data: {}\n\n"] * 7, b"text/event-stream; charset=utf-8", 17),
        ([], b"application/json", 10),
    ],
    ids=range(6),
)
async def test_tokens_are_those_that_the_upstream_tells_or_else_are_estimated(pieces, kind, tokens):
    assert await metered(b"x" * 40, *pieces, kind=kind) == tokens


async def test_what_was_refused_takes_no_tokens():
    assert await metered(b"x" * 40, USAGE, status=400) == 0


async def test_gateways_that_share_a_redis_count_together():
    with redis_server() as server:
        one, other = RedisCounter(connection(server.url)), RedisCounter(connection(server.url))
        assert [await each.add("k:x:1", 2, 60) for each in (one, other, one)] == [2, 4, 6]
        seen = connection(server.url)
        assert await seen.keys("*") == [f"{PREFIX}k:x:1".encode()]
        assert 0 < await seen.ttl(f"{PREFIX}k:x:1") <= 60
        for each in (one, other):
            await each.aclose()
        await seen.aclose(close_connection_pool=True)


async def test_while_redis_is_away_each_counts_by_itself_and_nobody_waits():
    clock = Clock()
    counter = RedisCounter(
        connection(f"redis://127.0.0.1:{free_port()}"), clock=lambda: clock() / 1000
    )
    began = asyncio.get_running_loop().time()
    assert [await counter.add("k:x:1", 1, 60) for _ in range(100)] == list(range(1, 101))
    assert asyncio.get_running_loop().time() - began < 5
    clock.passes(math.ceil(PAUSE))
    assert await counter.add("k:x:1", 1, 60) == 101
    await counter.aclose()
