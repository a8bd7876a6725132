"""The doctor says of Redis whether it takes jobs and keeps them, and whether a worker lives."""

import asyncio

import pytest

from gateway.adapters.arq_queue import ALIVE, connection
from gateway.doctor.jobs import check_jobs
from gateway.settings import Settings
from tests.process import free_port
from tests.redis_server import redis_server
from tests.scripted_upstream import scripted_upstream

pytestmark = [pytest.mark.anyio, pytest.mark.process]

PASSWORD = "hunter2hunter2"
WELL = ("--appendonly", "yes", "--maxmemory", "64mb", "--maxmemory-policy", "noeviction")


async def look(url: str, patience: float = 5):
    """What it finds of Redis and of the workers."""
    settings = Settings(redis_url=url, qdrant_url="http://127.0.0.1:1" if url else "")
    findings = await check_jobs(settings, patience)
    assert not any(PASSWORD in f"{each.says} {each.mend}" for each in findings)
    return {each.part: each for each in findings}


async def alive(server) -> None:
    """What a worker leaves in Redis every 15 seconds, for one more."""
    client = connection(server.url)
    await client.psetex(ALIVE, 16_000, "j_complete=0")
    await client.aclose(close_connection_pool=True)


async def test_without_a_redis_none_is_needed():
    found = await look("")
    assert found.keys() == {"workers"}
    assert found["workers"].state == "ok"


async def test_a_redis_that_is_set_as_it_should_be_is_well_and_so_is_a_worker():
    with redis_server(*WELL, password=PASSWORD) as server:
        await alive(server)
        found = await look(server.url)
    assert {part: each.state for part, each in found.items()} == {"redis": "ok", "workers": "ok"}
    assert "0 turns queued" in found["redis"].says


async def test_a_redis_that_forgets_is_noted_with_what_to_set():
    with redis_server("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru") as server:
        found = await look(server.url)
    assert found["redis"].state == "note"
    assert "appendonly yes" in found["redis"].mend
    assert "maxmemory-policy noeviction" in found["redis"].mend


async def test_that_no_worker_lives_is_wrong_and_told_with_how_much_waits():
    with redis_server(*WELL) as server:
        client = connection(server.url)
        await client.enqueue_job("learn_turn", "t1", _job_id="t1")
        await client.aclose(close_connection_pool=True)
        found = await look(server.url)
    assert found["workers"].state == "wrong"
    assert "1 turns are queued" in found["workers"].says
    assert "memory-gateway worker" in found["workers"].mend


async def test_a_wrong_password_is_told_and_none_is_printed():
    with redis_server(password="right") as server:
        wrong = await look(server.url.replace("right", PASSWORD))
        none = await look(server.url.replace(":right@", ""))
    for found in (wrong, none):
        assert found["redis"].state == "wrong"
        assert "unauthorised" in found["redis"].says
        assert found["workers"].state == "note"


async def test_a_redis_that_is_full_or_a_replica_is_wrong():
    with redis_server(*WELL) as server:
        server.fill()
        full = await look(server.url)
        server.make_room()
        server.follow(free_port())
        replica = await look(server.url)
    assert full["redis"].state == replica["redis"].state == "wrong"
    assert "full" in full["redis"].says
    assert "replica" in replica["redis"].says


async def test_a_redis_that_is_frozen_or_gone_is_told_in_time():
    with redis_server(*WELL) as server:
        server.freeze()
        async with asyncio.timeout(10):
            frozen = await look(server.url, patience=0.5)
        server.thaw()
    gone = await look(server.url)
    assert frozen["redis"].state == gone["redis"].state == "wrong"
    assert "timeout" in frozen["redis"].says
    assert "unreachable" in gone["redis"].says


async def test_what_is_no_redis_is_told():
    async with scripted_upstream() as other:
        found = await look(other.url.replace("http:", "redis:").removesuffix("/v1"))
    assert found["redis"].state == "wrong"
