"""Nothing secret or personal reaches a log line, a metric, an error body or Redis."""

import logging

import httpx
import pytest
import structlog

from gateway.adapters.arq_queue import ArqQueue, Redis, connection
from gateway.adapters.fake_store import FakeStore
from gateway.adapters.redis_counter import RedisCounter
from gateway.errors import StoreError
from gateway.keys.budget import Budget
from gateway.keys.key import Allowance
from gateway.memory.model import now
from gateway.metrics import Metrics
from tests.redis_server import redis_server
from tests.scripted_upstream import delta, scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

WORDS = "heron-of-the-lighthouse"
USER = "ann.of.lisbon@example.org"
GATEWAY_KEY, UPSTREAM_KEY, ADMIN_KEY = "gw-key-4711", "sk-upstream-0815", "gw-admin-1234"
SECRETS = (WORDS, USER, GATEWAY_KEY, UPSTREAM_KEY, ADMIN_KEY)


async def _fail(*_args, **_kwargs):
    raise StoreError(f"a message with {WORDS} and {USER} in it")


async def answers_by_request(exchange):
    if b"break" in exchange.request.body:
        await exchange.stream(delta(WORDS))
    elif b"refuse" in exchange.request.body:
        await exchange.json({"error": {"message": "no"}}, 401)
    else:
        await exchange.stream(delta(WORDS, "stop"), b"data: [DONE]\n\n")


def ask(text: str, **more: object) -> dict[str, object]:
    messages = [{"role": "user", "content": f"{text} {WORDS}"}]
    return {"model": "m", "user": USER, "messages": messages} | more


@pytest.mark.parametrize("broken", [False, True], ids=["sound", "broken store"])
async def test_requests_of_every_fate_leave_no_trace_of_what_was_said(broken, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    store = FakeStore()
    if broken:
        for method in ("put_turn", "search"):
            setattr(store, method, _fail)
    settings = {
        "upstream_api_key": UPSTREAM_KEY,
        "api_keys": f"acme:{GATEWAY_KEY}",
        "admin_keys": ADMIN_KEY,
    }
    bodies: list[object] = [
        ask("hello"),
        ask("break"),
        ask("refuse"),
        ask("hello", memory={"limit": WORDS}),
        ask("hello", memory={"filter": {"and": [{"tags": {WORDS: WORDS}}]}}),
        ask("hello", memory={WORDS: 1}),
        ask("hello", metadata={"conversation_id": WORDS * 20}),
    ]
    errors = []
    with structlog.testing.capture_logs() as logged:
        async with (
            scripted_upstream(answers_by_request) as upstream,
            served(upstream.url, store=store, **settings) as it,
            httpx.AsyncClient(
                trust_env=False, headers={"authorization": f"Bearer {GATEWAY_KEY}"}
            ) as client,
        ):
            for body in bodies:
                response = await client.post(f"{it.url}/v1/chat/completions", json=body)
                if response.status_code >= httpx.codes.BAD_REQUEST:
                    errors.append(response.text)
            for path, body in (
                ("search/memory", {"user_id": USER, "query": WORDS, "relativity": WORDS}),
                ("add/message", {"user_id": USER, "messages": [{"role": WORDS}]}),
                ("search/memory", {"user_id": USER, "query": WORDS}),
            ):
                response = await client.post(f"{it.url}/api/openmem/v1/{path}", json=body)
                if response.status_code >= httpx.codes.BAD_REQUEST:
                    errors.append(response.text)
            truncated = await client.post(
                f"{it.url}/v1/chat/completions", content=f'{{"user":"{WORDS}'
            )
            errors.append(truncated.text)
            await it.learned()
            metrics = (
                await client.get(f"{it.url}/metrics", headers={"x-gateway-key": ADMIN_KEY})
            ).text
            assert "gateway_requests_total" in metrics
    assert len(errors) >= 7
    assert len(logged) >= len(bodies)
    printed = "".join(capfd.readouterr())
    sinks = {
        "structured logs": str(logged),
        "logging": caplog.text,
        "printed": printed,
        "metrics": metrics,
        "errors": "\n".join(errors),
    }
    found = {(sink, secret) for sink, text in sinks.items() for secret in SECRETS if secret in text}
    # A filter's error names the place in the caller's own words; nothing else repeats them.
    assert found <= {("errors", WORDS)}, found
    assert sum(WORDS in error for error in errors) <= 2


def test_settings_print_stars_for_keys():
    from gateway.settings import Settings  # noqa: PLC0415  beside its only use

    settings = Settings(upstream_api_key=UPSTREAM_KEY, api_keys=f"acme:{GATEWAY_KEY}")
    for shown in (repr(settings), str(settings), str(settings.model_dump())):
        assert UPSTREAM_KEY not in shown
        assert GATEWAY_KEY not in shown


async def test_redis_holds_ids_and_numbers_alone():
    """Both of what goes there: turns to be learned, and what keys have taken."""
    with redis_server() as server:
        queue = ArqQueue(connection(server.url), Metrics())
        counter = RedisCounter(connection(server.url))
        limits = Allowance(requests_per_minute=100, tokens_per_minute=1000, tokens_per_day=1000)
        budget = Budget(counter, limits, clock=now)
        queue.start()
        async with (
            scripted_upstream(answers_by_request) as upstream,
            served(upstream.url, queue=queue, budget=budget, api_keys=f"acme:{GATEWAY_KEY}") as it,
            httpx.AsyncClient(
                trust_env=False, headers={"authorization": f"Bearer {GATEWAY_KEY}"}
            ) as client,
        ):
            for text in ("hello", "break", "again"):
                await client.post(f"{it.url}/v1/chat/completions", json=ask(text))
            added = {"user_id": USER, "messages": [{"role": "user", "content": WORDS}]}
            await client.post(f"{it.url}/api/openmem/v1/add/message", json=added)
            await it.gateway.background.join()
            await queue.aclose()
        held = await everything_in(connection(server.url))
        await counter.aclose()
    assert len(held) > 5
    assert not [each for each in held for secret in (*SECRETS, "acme") if secret in each]


async def everything_in(redis: Redis) -> list[str]:
    """Every name and every value of a Redis, as text."""
    held: list[str] = []
    for name in await redis.keys("*"):
        kind = await redis.type(name)
        value = await (redis.get(name) if kind == b"string" else redis.zrange(name, 0, -1))
        held += [str(name), str(value)]
    await redis.aclose(close_connection_pool=True)
    return held
