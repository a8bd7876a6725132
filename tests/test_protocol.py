"""What is not well-formed HTTP is refused or cut off, goes nowhere, and harms nobody else."""

import asyncio

import pytest

from gateway.http.protocol import Http
from tests.conformance.parties import connected
from tests.conformance.wire import EndedError, Inbox
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.security("B18")]

BODY = b'{"model":"m","messages":[{"role":"user","content":"Hello?"}]}'
LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"Host: g\r\nX-Memory: off\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
WHOLE = LINE + HOST + LENGTH + b"\r\n" + BODY
HIDDEN = b"GET /v1/hidden HTTP/1.1\r\nHost: g\r\n\r\n"


async def status_of(inbox: Inbox) -> int:
    """The status of the next answer; 0 when the connection ends without one."""
    try:
        async with asyncio.timeout(5):
            head = await inbox.until(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            )
            await inbox.exactly(length)
    except (EndedError, StopIteration):
        return 0
    return int(head.split(b" ", 2)[1])


REFUSED = {
    "random bytes": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "HTTP/0.9": b"GET /v1/models\r\n\r\n",
    "no version": b"POST /v1/chat/completions\r\n" + HOST + LENGTH + b"\r\n" + BODY,
    "a version of the future": LINE.replace(b"1.1", b"9.9") + HOST + LENGTH + b"\r\n" + BODY,
    "a header without a colon": LINE + HOST + b"nonsense\r\n" + LENGTH + b"\r\n" + BODY,
    "a name with a space": LINE + HOST + b"X A: 1\r\n" + LENGTH + b"\r\n" + BODY,
    "a space before the colon": LINE + HOST + b"Content-Length : 5\r\n\r\n" + BODY,
    "a length and chunks": LINE + HOST + LENGTH + CHUNKED + b"\r\n" + CHUNKS + HIDDEN,
    "two lengths": LINE + HOST + LENGTH + b"Content-Length: 5\r\n\r\n" + BODY + HIDDEN,
    "a negative length": LINE + HOST + b"Content-Length: -1\r\n\r\n" + BODY,
    "a length that is none": LINE + HOST + b"Content-Length: 1e2\r\n\r\n" + BODY,
    "a length beyond counting": LINE + HOST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n" + BODY,
    "a coding that is not chunked": LINE + HOST + b"Transfer-Encoding: x\r\n\r\n" + CHUNKS + HIDDEN,
    "chunks of no size": LINE + HOST + CHUNKED + b"\r\nzz\r\n" + BODY + b"\r\n0\r\n\r\n",
    "chunks of a negative size": LINE + HOST + CHUNKED + b"\r\n-5\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a NUL in a header": LINE + HOST + b"X-A: a\0b\r\n" + LENGTH + b"\r\n" + BODY,
}


@pytest.mark.fault("F28")
@pytest.mark.parametrize("request_", REFUSED.values(), ids=list(REFUSED))
async def test_what_is_no_request_is_refused_or_cut_and_goes_nowhere(request_):
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        async with connected(it.url) as inbox:
            await inbox.write(request_)
            inbox.transport.write_eof()
            assert 400 <= (await status_of(inbox) or 400) < 500
        async with connected(it.url) as inbox:  # the next is served
            await inbox.write(WHOLE)
            assert await status_of(inbox) == 200
    assert [request.body for request in upstream.received] == [BODY]


OFFERS = {
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n",
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
}


@pytest.mark.parametrize("framed", ["length", "chunks"])
@pytest.mark.parametrize("offer", OFFERS.values(), ids=list(OFFERS))
async def test_an_offer_to_upgrade_is_declined_and_the_request_served(offer, framed):
    framing, body = (LENGTH, BODY) if framed == "length" else (CHUNKED, CHUNKS)
    request = LINE + offer + HOST + b"X-A: 1\r\n" + framing + b"\r\n" + body
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        async with connected(it.url) as inbox:
            for size in (len(request), 60, 1):  # on one connection: at once, in pieces, bytewise
                for at in range(0, len(request), size):
                    await inbox.write(request[at : at + size])
                assert await status_of(inbox) == 200
            await inbox.write(WHOLE)
            assert await status_of(inbox) == 200
    assert [request.body for request in upstream.received] == [BODY] * 4
    for request in upstream.received[:3]:
        assert request.header("x-a") == "1"
        assert {request.header(name) for name in ("upgrade", "http2-settings")} == {None}


async def test_a_tunnel_is_refused():
    async with served() as it, connected(it.url) as inbox:
        await inbox.write(b"CONNECT 169.254.1.1:80 HTTP/1.1\r\nHost: g\r\n\r\n")
        assert await status_of(inbox) == 400


@pytest.mark.fault("F28")
async def test_requests_that_are_sent_ahead_are_answered_in_their_order():
    async def script(exchange):
        await exchange.json({"said": exchange.request.path})

    paths = [f"/v1/things/{number}" for number in range(5)]
    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        async with connected(it.url) as inbox:
            await inbox.write(
                b"".join(f"GET {path} HTTP/1.1\r\nHost: g\r\n\r\n".encode() for path in paths)
            )
            for path in paths:
                async with asyncio.timeout(5):
                    await inbox.until(path.encode() + b'"}')
    assert [request.path for request in upstream.received] == paths


async def test_an_address_in_absolute_form_is_still_the_upstreams():
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        async with connected(it.url) as inbox:
            await inbox.write(b"GET http://169.254.1.1/v1/models HTTP/1.1\r\nHost: g\r\n\r\n")
            status = await status_of(inbox)
    assert status in {200, 404}
    assert [request.path for request in upstream.received] in ([], ["/v1/models"])


async def test_a_body_that_is_half_sent_goes_nowhere():
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        async with connected(it.url) as inbox:
            await inbox.write(WHOLE[:-10])
            inbox.transport.write_eof()
            assert 400 <= (await status_of(inbox) or 400) < 500
    assert upstream.received == []


async def test_a_client_that_has_said_all_and_closes_its_side_is_still_answered():
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        async with connected(it.url) as inbox:
            await inbox.write(WHOLE)
            inbox.transport.write_eof()
            status = await status_of(inbox)
    assert status in {0, 200}


async def test_many_and_long_headers_go_on():
    many = b"".join(b"X-%d: %d\r\n" % (number, number) for number in range(200))
    long = b"X-Long: " + b"v" * 40_000 + b"\r\n"
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        async with connected(it.url) as inbox:
            await inbox.write(LINE + HOST + many + long + LENGTH + b"\r\n" + BODY)
            assert await status_of(inbox) == 200
    assert upstream.last.header("x-199") == "199"
    assert upstream.last.header("x-long") == "v" * 40_000


@pytest.mark.fault("F28")
@pytest.mark.parametrize("line", [b"X-Long: " + b"v" * 10_000_000, b"X-A: 1\r\n" * 100_000])
async def test_a_head_beyond_the_limit_is_refused_while_it_arrives(line):
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        async with connected(it.url) as inbox:
            sending = asyncio.create_task(inbox.write(LINE + HOST + line))
            assert await status_of(inbox) in {0, 431}  # 0: the reset overtook it
            sending.cancel()
        async with connected(it.url) as inbox:
            await inbox.write(LINE + HOST)
            answer = asyncio.create_task(status_of(inbox))
            while not answer.done():
                await inbox.write(b"X-A: " + b"v" * 1000 + b"\r\n")
            assert await answer in {0, 431}
    assert upstream.received == []


@pytest.mark.security("S11")
@pytest.mark.fault("F28")
@pytest.mark.parametrize("said", [LINE, LINE + HOST + b"X-A: 1\r\n", b"P"])
async def test_a_head_that_does_not_come_to_its_end_is_given_up(said, monkeypatch):
    monkeypatch.setattr(Http, "head_seconds", 0.2)
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        async with connected(it.url) as inbox:
            await inbox.write(said)
            assert await status_of(inbox) == 408
        async with connected(it.url) as inbox:  # nor on a connection that was used before
            await inbox.write(WHOLE)
            assert await status_of(inbox) == 200
            await asyncio.sleep(0.3)  # between two requests it may stay silent for longer
            await inbox.write(said)
            assert await status_of(inbox) == 408
        async with connected(it.url) as inbox:
            await asyncio.wait_for(inbox.ended.wait(), 5)
            assert not inbox.data  # nothing was asked and nothing is said
    assert len(upstream.received) == 1
