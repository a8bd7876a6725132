"""`make bench`: what the gateway adds to a request, beside the same load without it, in one run.

The gateway runs alone on one core, the model server and the load on another. Every figure is the
median over rounds in which the ways take turns, so that a noisy machine disturbs all alike. One
client shows the latency that is added; 16 and 64 in a closed loop show where it saturates.
"""

import argparse
import asyncio
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import psutil
import uvloop

from gateway.settings import Settings
from tests.bench import sizes
from tests.bench.load import Sample, load, median, percentile
from tests.bench.seed import seed, sentence

MEMORIES = 10_000
QUESTIONS = random.Random(7)
CLIENTS = {1: 300, 16: 1200, 64: 1600}  # requests of each round

OFF, READ, ON = "memory off", "memory read", "memory on"
MODES = {OFF: "x-memory: off\r\n", READ: "x-memory: read\r\n", ON: ""}


def body(stream: bool, model: str = "m"):
    """A request maker: every question is new, so that no cache of embeddings helps."""
    chance = QUESTIONS

    def make(number: int) -> bytes:
        document = {
            "model": model,
            "stream": stream,
            "user": "user-0",
            "metadata": {"conversation_id": f"c{chance.random()}"},
            "messages": [
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": f"{sentence(chance)} {number}?"},
            ],
        }
        return orjson.dumps(document)

    return make


@contextmanager
def process(*command: str, core: int, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A child pinned to a core, stopped by its id at the end."""
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # the gateway's log, a line for each request
        text=True,
        env=os.environ | environment,
    )
    os.sched_setaffinity(child.pid, {core})
    try:
        yield child
    finally:
        child.terminate()
        child.wait(30)


@contextmanager
def gateway(folder: Path, upstream: str, core: int) -> Iterator[tuple[str, psutil.Process]]:
    port = _free_port()
    settings = {
        "GATEWAY_PORT": str(port),
        "GATEWAY_DATA_DIR": str(folder),
        "GATEWAY_UPSTREAM_BASE_URL": upstream,
    }
    with process(sys.executable, "-m", "gateway", "serve", core=core, **settings) as child:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url + "/readyz")
        yield url + "/v1", psutil.Process(child.pid)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _wait_for(url: str) -> None:
    for _ in range(600):
        try:
            if httpx.get(url, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer")


async def measure(direct: str, url: str, child: psutil.Process, rounds: int) -> None:
    # With memory on every request adds two memories: so that comes last.
    for modes in ((OFF, READ), (ON,)):
        for stream in (False, True):
            kind = "20-chunk stream, to its first chunk" if stream else "not streamed"
            print(f"\n{kind}: p50 / p99 ms, (added), requests a second, CPU-ms a request")
            for clients, requests in CLIENTS.items():
                await _row(direct, url, child, rounds, clients, requests, modes, stream=stream)


async def _row(direct, url, child, rounds, clients, requests, modes, *, stream) -> None:
    times: dict[str, list[Sample]] = defaultdict(list)
    rates: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    ways = [("direct", direct, "")] + [(name, url, MODES[name]) for name in modes]
    for _ in range(rounds):
        for name, target, header in ways:
            # A chat that recalls embeds its question, a few milliseconds of a core each.
            count = requests if name in {"direct", OFF} else max(clients * 4, requests // 4)
            used, begun = sum(child.cpu_times()[:2]), time.perf_counter()
            times[name].append(
                await load(target, body(stream), clients=clients, requests=count, headers=header)
            )
            rates[name].append(count / (time.perf_counter() - begun))
            if name == ON:  # what it queued must not slow what is measured next, and is its cost
                await _learned(url)
            cpu[name].append((sum(child.cpu_times()[:2]) - used) * 1000 / count)
    base = {
        share: [percentile(sample.first, share) * 1000 for sample in times["direct"]]
        for share in (0.5, 0.99)
    }
    for name, _, _ in ways:
        cells = []
        for share in (0.5, 0.99):
            mine = [percentile(sample.first, share) * 1000 for sample in times[name]]
            added = median([m - b for m, b in zip(mine, base[share], strict=True)])
            cells.append(f"{median(mine):7.2f} ({added:+7.2f})")
        spent = "" if name == "direct" else f"{median(cpu[name]):6.2f}"
        rate = f"{median(rates[name]):6.0f}"
        print(f"{clients:3} clients  {name:12} {' / '.join(cells)}  {rate}  {spent}")
        recalls = [ms for sample in times[name] for ms in sample.recall_ms]
        if recalls and name == READ:
            print(
                f"             recall alone: p50 {percentile(recalls, 0.5):.1f} ms,"
                f" p99 {percentile(recalls, 0.99):.1f} ms"
            )


async def forwarding(direct: str, url: str, rounds: int) -> None:
    """How long what the model says takes to the client, with memory on and one client."""
    print("\nfrom a piece's being sent to its arrival, memory on, one client: p50 / p99 ms")
    for stream in (False, True):
        times: dict[str, list[float]] = defaultdict(list)
        for _ in range(rounds):
            for name, target in (("direct", direct), (ON, url)):
                sample = await load(target, body(stream, "stamp"), clients=1, requests=100)
                times[name] += sample.forwarded
                await _learned(url)
        for name, values in times.items():
            kind = "first chunk of a stream" if stream else "answer not streamed"
            p50, p99 = (percentile(values, share) * 1000 for share in (0.5, 0.99))
            print(f"{kind:24} {name:12} {p50:6.2f} / {p99:6.2f}")


async def _learned(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            page = (await client.get(url.removesuffix("/v1") + "/metrics")).text
            if "\ngateway_queue_length 0.0\n" in page:
                return
            await asyncio.sleep(0.1)


async def main(rounds: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    model = Settings().embedding_model
    with process(sys.executable, "-m", "tests.bench.upstream", core=cores[-1]) as upstream:
        assert upstream.stdout is not None
        direct = f"http://127.0.0.1:{upstream.stdout.readline().strip()}/v1"
        for users in (1, 20):
            whose = "all of one user" if users == 1 else f"of {users} users alike"
            print(f"\n== {MEMORIES} memories, {whose}")
            with tempfile.TemporaryDirectory() as folder:
                await seed(Path(folder) / "data", model, MEMORIES, users)
                with gateway(Path(folder) / "data", direct, cores[0]) as (url, child):
                    await load(url, body(stream=False), clients=1, requests=20)  # warm
                    await measure(direct, url, child, rounds)
                    await forwarding(direct, url, rounds)
                    print(f"resident memory {child.memory_info().rss / 2**20:.0f} MiB")
    await sizes.main()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    uvloop.run(main(parser.parse_args().rounds))
