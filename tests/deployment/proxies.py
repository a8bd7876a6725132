"""nginx and Caddy with the files of deploy/, before a gateway whose upstream is scripted.

What changes in a file is its addresses alone: the site's, the gateway's, the certificate's.
"""

import asyncio
import os
import re
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx

import gateway
from tests.process import free_port
from tests.scripted_upstream import DONE, Exchange, ScriptedUpstream, delta, scripted_upstream
from tests.served import served

DEPLOY = Path(gateway.__file__).parent.parent / "deploy"
ASK = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hello?"}]}
CLOSED = 1.0  # seconds until an upstream must know that the client left
SLOW_HEADERS = 10.0  # seconds that both files give a client for its headers

Render = Callable[[Path, int, str], list[str]]


def nginx(folder: Path, port: int, gateway_address: str) -> list[str]:
    """Its command line, for the rendered file in `folder`."""
    site = (DEPLOY / "nginx.conf").read_text()
    site = site.replace("127.0.0.1:8080", gateway_address)
    site = re.sub(r"^\s*listen \[::\].*\n", "", site, flags=re.MULTILINE)
    site = site.replace("listen 443 ", f"listen 127.0.0.1:{port} ")
    site = site.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    (folder / "site.conf").write_text(site)
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""  # its workers may read the folder then
    (folder / "main.conf").write_text(
        f"{user} daemon off; pid {folder}/pid; error_log stderr; events {{}}"
        f" http {{ access_log off; {temporary} include {folder}/site.conf; }}"
    )
    return ["nginx", "-c", str(folder / "main.conf")]


def caddy(folder: Path, port: int, gateway_address: str) -> list[str]:
    """Its command line, for the rendered file in `folder`."""
    site = (DEPLOY / "Caddyfile").read_text()
    site = site.replace("127.0.0.1:8080", gateway_address)
    site = site.replace("\n{\n", "\n{\n\tadmin off\n\tauto_https disable_redirects\n", 1)
    tls = f"\ttls {folder}/tls/memory-gateway.crt {folder}/tls/memory-gateway.key\n"
    site = site.replace("memory.example.com {\n", f"https://127.0.0.1:{port} {{\n{tls}")
    (folder / "Caddyfile").write_text(site)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def certificate(folder: Path) -> None:
    """A self-signed one, where the files of deploy/ look for theirs."""
    (folder / "tls").mkdir()
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / "tls/memory-gateway.key")),
            *("-out", str(folder / "tls/memory-gateway.crt")),
        ],
        check=True,
        capture_output=True,
    )


class Proxied:
    """A client of the proxy, and the upstream behind the gateway behind it."""

    def __init__(self, folder: Path, port: int, upstream: ScriptedUpstream) -> None:
        self.port = port
        self.upstream = upstream
        self.trusted = ssl.create_default_context(cafile=str(folder / "tls/memory-gateway.crt"))
        self.client = httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{port}", verify=self.trusted, trust_env=False, timeout=30
        )


@asynccontextmanager
async def proxied(render: Render, upstream: ScriptedUpstream) -> AsyncIterator[Proxied]:
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate(folder)
        async with served(upstream.url) as it:
            command = render(folder, port, urlsplit(it.url).netloc)
            child = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
            )
            try:
                proxy = Proxied(folder, port, upstream)
                async with proxy.client:
                    await _answers(proxy.client)
                    yield proxy
            finally:
                child.terminate()
                await child.wait()


async def _answers(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await client.get("/healthz")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


async def a_piece_is_passed_on_before_the_next_is_there(render: Render) -> None:
    seen = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.head(200, [("content-type", "text/event-stream")])
        await exchange.chunk(delta("Hel"))
        await seen.wait()
        await exchange.chunk(delta("lo.", "stop") + DONE)
        await exchange.end()

    async with scripted_upstream(script) as upstream, proxied(render, upstream) as proxy:
        got = b""
        async with (
            asyncio.timeout(5),
            proxy.client.stream("POST", "/v1/chat/completions", json=ASK) as answer,
        ):
            async for piece in answer.aiter_raw():
                got += piece
                seen.set()
        assert got == delta("Hel") + delta("lo.", "stop") + DONE


async def a_client_that_leaves_ends_the_upstream_s_work(render: Render) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.head(200, [("content-type", "text/event-stream")])
        await exchange.chunk(delta("Hel"))
        await exchange.closed.wait()

    async with scripted_upstream(script) as upstream, proxied(render, upstream) as proxy:
        async with proxy.client.stream("POST", "/v1/chat/completions", json=ASK) as answer:
            await anext(answer.aiter_raw())
        async with asyncio.timeout(CLOSED):
            await upstream.exchanges[-1].closed.wait()


async def an_upload_arrives_while_it_is_sent(render: Render) -> None:
    arrived = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a" * 65536
        async with asyncio.timeout(5):
            await arrived.wait()
        yield b"b"

    async with scripted_upstream() as upstream:
        # The scripted server reads a request whole before its script runs; this one looks sooner.
        async def peek(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"a" * 1000)
            arrived.set()
            await reader.readuntil(b"b\r\n0\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(peek, "127.0.0.1", 0, limit=2**22)
        upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with server, proxied(render, upstream) as proxy:
            answer = await proxy.client.post(
                "/v1/files", content=pieces(), headers={"content-type": "multipart/form-data"}
            )
        assert answer.status_code == httpx.codes.OK, answer.status_code


async def a_client_whose_headers_do_not_come_is_cut(render: Render) -> None:
    async with scripted_upstream() as upstream, proxied(render, upstream) as proxy:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", proxy.port, ssl=proxy.trusted, server_hostname="127.0.0.1"
        )
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ")
        begun = time.monotonic()
        async with asyncio.timeout(SLOW_HEADERS + 5):
            with suppress(ConnectionResetError):
                await reader.read()
        assert time.monotonic() - begun >= SLOW_HEADERS - 1
        writer.close()
        assert upstream.received == []


async def the_gateway_s_own_pages_are_closed(render: Render) -> None:
    async with scripted_upstream() as upstream, proxied(render, upstream) as proxy:
        for path in ("/metrics", "/readyz"):
            answer = await proxy.client.get(path)
            assert answer.status_code == httpx.codes.NOT_FOUND, path
            assert b"gateway" not in answer.content, path
        assert (await proxy.client.get("/healthz")).status_code == httpx.codes.OK


async def a_body_of_8_mib_goes_through_as_it_is(render: Render) -> None:
    body = b'{"model": "m", "messages": [{"role": "user", "content": "' + b"a" * 2**23 + b'"}]}'
    async with scripted_upstream() as upstream, proxied(render, upstream) as proxy:
        answer = await proxy.client.post(
            "/v1/chat/completions",
            content=body,
            headers={"x-memory": "off", "content-type": "application/json"},
        )
        assert answer.status_code == httpx.codes.OK
        assert upstream.last.body == body


PROXIES: dict[str, Render] = {"nginx": nginx, "caddy": caddy}
PROMISES: list[Callable[[Render], Awaitable[None]]] = [
    a_piece_is_passed_on_before_the_next_is_there,
    a_client_that_leaves_ends_the_upstream_s_work,
    an_upload_arrives_while_it_is_sent,
    a_client_whose_headers_do_not_come_is_cut,
    the_gateway_s_own_pages_are_closed,
    a_body_of_8_mib_goes_through_as_it_is,
]
