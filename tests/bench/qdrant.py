"""`python -m tests.bench.qdrant`: what a call to a Qdrant server costs its client, by each way.

A server in a process of its own gives the same answer to each search at once, over REST and over
gRPC: a hundred and twenty records, and as many scores. The ways take turns, and the median is told.
"""

import asyncio
import multiprocessing
import statistics
import time
import uuid
import warnings
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
import grpc  # type: ignore[import-untyped]  # it has no stubs
import httpx
import orjson
import uvicorn
from httpx_aiohttp import AiohttpTransport
from qdrant_client import AsyncQdrantClient, models
from qdrant_client import grpc as wire
from qdrant_client.grpc.points_service_pb2_grpc import (
    PointsServicer,
    add_PointsServicer_to_server,
)
from qdrant_client.http.models import QueryResponse

from gateway.adapters.bm25 import Words
from gateway.adapters.qdrant import server_client
from gateway.adapters.qdrant_search import HybridSearch
from gateway.adapters.records import OWN_FIELDS
from gateway.memory.model import Kind, Scope
from gateway.memory.ports import Search, Selection
from tests.process import free_port

FOUND = 60  # by each arm
RECORD = orjson.dumps({"id": "m", "text": "said " * 140}).decode()
SEARCHES = 200
ROUNDS = 5


def answers() -> list[QueryResponse]:
    payload = dict(zip(OWN_FIELDS, ("acme", "alice", RECORD), strict=True))
    ids = [str(uuid.uuid4()) for _ in range(FOUND)]
    records = [models.ScoredPoint(id=n, version=1, score=0.5, payload=payload) for n in ids]
    scores = [models.ScoredPoint(id=n, version=1, score=0.5) for n in ids]
    return [QueryResponse(points=each) for each in (records, records, scores, scores)]


def serve(rest: int, over_grpc: int) -> None:
    result = [each.model_dump(mode="json") for each in answers()]
    body = orjson.dumps({"result": result, "status": "ok", "time": 0.001})

    async def app(_scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def point(each):
        payload = {
            key: wire.Value(string_value=value) for key, value in (each.payload or {}).items()
        }
        known = wire.PointId(uuid=each.id)
        return wire.ScoredPoint(id=known, version=1, score=each.score, payload=payload)

    batches = [wire.BatchResult(result=map(point, each.points)) for each in answers()]
    answer = wire.QueryBatchResponse(result=batches, time=0.001)

    class Points(PointsServicer):
        async def QueryBatch(self, _request, _context):  # noqa: N802  the service's own name
            return answer

    async def both():
        server = grpc.aio.server()
        add_PointsServicer_to_server(Points(), server)
        server.add_insecure_port(f"127.0.0.1:{over_grpc}")
        await server.start()
        config = uvicorn.Config(app, port=rest, lifespan="off", log_level="error", access_log=False)
        await uvicorn.Server(config).serve()

    asyncio.run(both())


async def main(rest: int, over_grpc: int) -> None:
    url = f"http://127.0.0.1:{rest}"
    search = HybridSearch(
        Scope("acme", "alice"),
        Search(
            selection=Selection(kinds=frozenset({Kind.FACT, Kind.EPISODE})),
            words="Where does my sister Anna live since last spring?",
            vector=[0.01 * n for n in range(384)],
            limit=FOUND,
        ),
        Words(),
        shards=1,
    )
    async with aiohttp.ClientSession() as session:
        plain: dict[str, Any] = {"check_compatibility": False, "timeout": 5}
        clients = {
            "REST as the adapter does it": server_client(url),
            "REST as the client does it by default": AsyncQdrantClient(url=url, **plain),
            "REST over httpx-aiohttp": AsyncQdrantClient(
                url=url, **plain, transport=AiohttpTransport(client=session)
            ),
            "gRPC": AsyncQdrantClient(url=url, grpc_port=over_grpc, prefer_grpc=True, **plain),
        }
        spent: dict[str, list[tuple[float, float]]] = {name: [] for name in clients}
        await _until_served(url)
        for _ in range(ROUNDS):
            for name, client in clients.items():
                call = partial(client.query_batch_points, "m", search.requests)
                spent[name].append(await _timed(call))
        for name, times in spent.items():
            cpu, wall = (statistics.median(each) for each in zip(*times, strict=True))
            print(f"{name:38} {cpu:.2f} CPU-ms, {wall:.2f} ms for a search of 2 x {FOUND}")
        for client in clients.values():
            await client.close()


async def _timed(call: Callable[[], Awaitable[list[QueryResponse]]]) -> tuple[float, float]:
    """Milliseconds of this process's CPU and of time, for one of many."""
    assert len((await call())[0].points) == FOUND
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(SEARCHES):
        await call()
    taken = time.process_time() - cpu, time.perf_counter() - wall
    return taken[0] * 1000 / SEARCHES, taken[1] * 1000 / SEARCHES


async def _until_served(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(30):
        while True:
            try:
                await client.get(url)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    ports = free_port(), free_port()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=ports)
    server.start()
    try:
        asyncio.run(main(*ports))
    finally:
        server.kill()
        server.join()
