"""A body that is none is a 400, one that is too large a 413, in the shape of the API it came to."""

import gzip
import zlib

import httpx
import pytest

from tests.conformance.parties import connected
from tests.scripted_upstream import scripted_upstream
from tests.security.target import ACME, CHAT, MARK, SEARCH, at, target
from tests.served import served
from tests.test_protocol import status_of

pytestmark = pytest.mark.anyio
__all__ = ["at"]

GOOD = b'{"model":"m","user":"u","messages":[{"role":"user","content":"Hello?"}]}'
NOT_JSON = {
    "empty": b"",
    "spaces": b"  \n ",
    "null": b"null",
    "a list": b"[]",
    "a string": b'"x"',
    "a number": b"1",
    "true": b"true",
    "cut off": GOOD[:-5] + MARK.encode(),
    "a trailing comma": GOOD[:-1] + b",}",
    "two documents": GOOD + b" " + GOOD,
    "a BOM": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "bad UTF-8": GOOD.replace(b"Hello", b"\xff\xfe\xfd"),
    "overlong UTF-8": GOOD.replace(b"Hello", b"\xc0\xaf"),
    "a lone surrogate in UTF-8": GOOD.replace(b"Hello", b"\xed\xa0\x80"),
    "NaN": GOOD.replace(b'"m"', b"NaN"),
    "Infinity": GOOD.replace(b'"m"', b"-Infinity"),
    "1,025 levels": b'{"messages":' + b"[" * 1025 + b"]" * 1025 + b"}",
    "100,000 levels": b'{"messages":' + b"[" * 100_000,
    "single quotes": GOOD.replace(b'"', b"'"),
    "a comment": b"/* hello */" + GOOD,
    "NUL": b"\0" * 100,
    "a form": b"model=m&messages=x",
    "a number that is none": GOOD.replace(b'"m"', b"01"),
}


@pytest.mark.security("B1")
@pytest.mark.parametrize("path", [CHAT, SEARCH])
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=list(NOT_JSON))
async def test_what_is_no_object_of_json_is_a_400(at, path, body):
    assert (await at.post(path, body)).status_code == 400
    assert at.upstream.received == []


ODD = {
    "a key twice": GOOD[:-1] + b',"model":"n"}',
    "2^64": GOOD[:-1] + b',"seed":18446744073709551616}',
    "a hundred digits": GOOD[:-1] + b',"seed":' + b"9" * 100 + b"}",
    "1e400": GOOD[:-1] + b',"x":1e400}',
    "an escaped lone surrogate": GOOD.replace(b"Hello", rb"\ud800"),
    "an escaped NUL": GOOD.replace(b"Hello", rb"\u0000"),
    "900 levels": GOOD[:-1] + b',"x":' + b"[" * 900 + b"]" * 900 + b"}",
}


@pytest.mark.security("B1")
@pytest.mark.parametrize("body", ODD.values(), ids=list(ODD))
async def test_odd_json_goes_on_as_it_came_or_is_refused(at, body):
    response = await at.post(CHAT, body)
    assert response.status_code in {200, 400}
    assert [each.body for each in at.upstream.received] == ([body] * (response.status_code == 200))


@pytest.mark.security("B2")
@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/json; charset=utf-16", "x", "a/b;" + "c" * 5000]
)
@pytest.mark.parametrize("path", [CHAT, SEARCH])
async def test_json_is_read_whatever_it_is_called(at, kind, path):
    body = GOOD[:-1] + b',"query":"x","user_id":"u"}'
    response = await at.post(path, body, headers={"content-type": kind})
    assert response.status_code == 200


BOMB = gzip.compress(b" " * 100_000_000)
CODED = {
    "gzip that is none": ("gzip", GOOD, 400),
    "gzip cut off": ("gzip", gzip.compress(GOOD)[:-9], 400),
    "deflate that is none": ("deflate", GOOD, 400),
    "zstd that is none": ("zstd", GOOD, 400),
    "brotli": ("br", GOOD, 415),
    "unknown": ("x", GOOD, 415),
    "two": ("gzip, gzip", gzip.compress(gzip.compress(GOOD)), 415),
    "a bomb": ("gzip", BOMB, 413),
    "a bomb of two members": ("gzip", BOMB + BOMB, 413),
    "a bomb in deflate": ("deflate", zlib.compress(b" " * 100_000_000), 413),
}


@pytest.mark.security("B2")
@pytest.mark.security("S12")
@pytest.mark.parametrize("path", [CHAT, SEARCH])
@pytest.mark.parametrize(("coding", "body", "status"), CODED.values(), ids=list(CODED))
async def test_a_coding_is_known_whole_and_within_the_cap(at, path, coding, body, status):
    response = await at.post(path, body, headers={"content-encoding": coding})
    assert response.status_code == status
    assert at.upstream.received == []


CAP = 2048


async def pieces(body):
    yield body[:100]
    yield body[100:]


@pytest.mark.security("B3")
@pytest.mark.parametrize("path", [CHAT, SEARCH])
@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
@pytest.mark.parametrize("over", [0, 1, 100_000])
async def test_a_body_beyond_the_cap_is_a_413_in_json(path, chunked, over):
    body = GOOD[:-1] + b',"query":"x","user_id":"u","x":"'
    body += b"y" * (CAP + over - len(body) - 2) + b'"}'
    async with target(max_body_bytes=CAP) as at:
        content = pieces(body) if chunked else body
        response = await at.send("POST", path, content=content)
    assert response.status_code == (413 if over else 200)


HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer %s\r\n" % ACME.encode()
)
LENGTHS = {
    "longer than it is": b"Content-Length: 9999\r\n",
    "shorter than it is": b"Content-Length: 10\r\n",
    "negative": b"Content-Length: -1\r\n",
    "beyond counting": b"Content-Length: " + b"9" * 30 + b"\r\n",
    "twice": b"Content-Length: 5\r\nContent-Length: 6\r\n",
    "with chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "hexadecimal": b"Content-Length: 0x10\r\n",
    "none, and no chunks": b"",
}


@pytest.mark.security("B3")
@pytest.mark.parametrize("length", LENGTHS.values(), ids=list(LENGTHS))
async def test_a_body_of_another_length_than_it_says_is_refused_or_cut(length):
    async with (
        scripted_upstream() as upstream,
        served(upstream.url, api_keys=f"acme:{ACME}", body_timeout=0.3) as it,
        connected(it.url) as inbox,
    ):
        await inbox.write(HEAD + length + b"\r\n" + GOOD)
        inbox.transport.write_eof()
        assert 400 <= (await status_of(inbox) or 400) < 500
    assert upstream.received == []


async def test_a_good_body_passes():
    """Or else the rest would prove nothing."""
    async with target() as at:
        assert (await at.post(CHAT, GOOD)).status_code == httpx.codes.OK
        assert at.upstream.last.body == GOOD
