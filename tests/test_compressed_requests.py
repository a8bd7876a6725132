"""A request's body may come compressed: it is decoded under a cap, and goes on plain."""

import gzip
import sys
import zlib
from collections.abc import Callable

import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.coding import PIECE, Decoded
from gateway.http.errors import ApiError
from tests.scripted_upstream import scripted_upstream
from tests.served import served

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOST = 2**20  # bytes of a body, in these tests
ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello, I live in Lisbon. é"}]}
PLAIN = orjson.dumps(ASK)
ENCODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
}


async def post(url, body, coding, path="/v1/chat/completions", **headers):
    async with httpx.AsyncClient(trust_env=False) as client:
        given = {"content-encoding": coding, "content-type": "application/json"} | headers
        return await client.post(f"{url}{path}", content=body, headers=given)


def assert_refused(response, status):
    assert response.status_code == status
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["on", "off"])
@pytest.mark.parametrize("coding", [*ENCODE, "GZIP"])
async def test_a_compressed_body_goes_on_decoded_and_says_so(coding, mode):
    body = ENCODE[coding.lower()](PLAIN)
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        response = await post(it.url, body, coding, **{"x-memory": mode})
    assert response.status_code == httpx.codes.OK
    assert upstream.last.body == PLAIN
    assert upstream.last.header("content-encoding") is None
    assert upstream.last.header("content-length") == str(len(PLAIN))


@pytest.mark.anyio
async def test_what_a_compressed_request_said_is_remembered():
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        await post(it.url, gzip.compress(PLAIN), "gzip")
        await it.learned()
        question = {"role": "user", "content": "Which city do I live in?"}
        body = zstd.compress(orjson.dumps({"model": "m", "messages": [question]}))
        await post(it.url, body, "zstd")
    assert b"I live in Lisbon" in upstream.last.body


@pytest.mark.anyio
async def test_the_memory_api_takes_compressed_bodies_too():
    document = {"user_id": "ann", "messages": [{"role": "user", "content": "I like figs."}]}
    body = gzip.compress(orjson.dumps(document))
    async with served() as it:
        response = await post(it.url, body, "gzip", "/api/openmem/v1/add/message")
    assert response.json()["code"] == 0


@pytest.mark.anyio
@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
async def test_a_bomb_is_refused_before_it_goes_off(coding):
    bomb = ENCODE[coding](b" " * (400 * MOST))
    assert len(bomb) < MOST
    async with scripted_upstream() as upstream, served(upstream.url, max_body_bytes=MOST) as it:
        assert_refused(await post(it.url, bomb, coding), 413)
    assert upstream.received == []


@pytest.mark.anyio
@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
async def test_the_cap_is_on_the_decoded_bytes(coding):
    def of(size):
        frame = orjson.dumps(ASK | {"x": ""})
        return frame[:-2] + b"y" * (size - len(frame)) + frame[-2:]

    async with scripted_upstream() as upstream, served(upstream.url, max_body_bytes=MOST) as it:
        assert (await post(it.url, ENCODE[coding](of(MOST)), coding)).status_code == httpx.codes.OK
        assert_refused(await post(it.url, ENCODE[coding](of(MOST + 1)), coding), 413)
    assert len(upstream.last.body) == MOST


@pytest.mark.anyio
@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
async def test_a_damaged_body_is_refused(coding):
    whole = ENCODE[coding](PLAIN)
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        for body in (whole[:-1], whole[:5], PLAIN, whole + b"tail", b"\0" * 50):
            assert_refused(await post(it.url, body, coding), 400)
    assert upstream.received == []


@pytest.mark.anyio
@pytest.mark.parametrize("coding", ["br", "compress", "x", "gzip, gzip"])
async def test_a_coding_that_is_not_known_is_refused_and_named(coding):
    async with scripted_upstream() as upstream, served(upstream.url) as it:
        response = await post(it.url, PLAIN, coding)
    assert_refused(response, 415)
    assert response.json()["error"]["param"] == "Content-Encoding"
    assert upstream.received == []


@pytest.mark.anyio
async def test_where_nothing_is_read_a_compressed_body_passes_as_it_came():
    body = gzip.compress(b'{"input":"Hello"}')
    async with scripted_upstream() as upstream, served(upstream.url) as it:

        async def script(exchange):
            await exchange.json({"data": []})

        upstream.script = script
        await post(it.url, body, "gzip", "/v1/embeddings")
    assert upstream.last.body == body
    assert upstream.last.header("content-encoding") == "gzip"


def decoded(coding, *chunks):
    decoder = Decoded(coding)
    pieces = [piece for chunk in chunks for piece in decoder.feed(chunk)]
    decoder.end()
    return pieces


@settings(max_examples=300, deadline=2000)
@given(
    st.sampled_from(["gzip", "deflate", "zstd"]),
    st.lists(st.binary(max_size=300), min_size=1, max_size=3),
    st.integers(1, 400),
)
def test_any_bytes_in_any_pieces_and_several_frames_come_out_whole(coding, texts, size):
    encoded = b"".join(map(ENCODE[coding], texts))
    chunks = [encoded[at : at + size] for at in range(0, len(encoded), size)]
    assert b"".join(decoded(coding, *chunks)) == b"".join(texts)


@settings(max_examples=300, deadline=2000)
@given(st.sampled_from(["gzip", "deflate", "zstd"]), st.binary(max_size=200))
def test_junk_is_refused_and_nothing_worse(coding, junk):
    try:
        decoded(coding, junk)
    except ApiError as error:
        assert error.status == 400  # noqa: PT017  the other outcome is that it is whole


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_much_is_decoded_a_piece_at_a_time(coding):
    pieces = decoded(coding, ENCODE[coding](b"a" * (5 * PIECE + 3)))
    assert sum(map(len, pieces)) == 5 * PIECE + 3
    assert max(map(len, pieces)) <= PIECE


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_nothing_is_nothing(coding):
    assert decoded(coding) == decoded(coding, b"") == []
