"""Scenarios of whole answers: any status, any body, any header."""

import gzip
from typing import Any

import orjson

from tests.conformance.scenario import (
    ASK,
    COMPLETION,
    LAST,
    SAYS_HELLO,
    Scenario,
    Step,
    chunk,
    close,
    head,
    whole,
)

BODY = orjson.dumps(COMPLETION)
TYPE = ("Content-Type", "application/json")
ODD_BODY = (
    b' \n{ "choices":[{"index":0,"message":{"role":"assistant","content":"1e3 \\u00e9\\/"},'
    b'"finish_reason":"stop"}],"n":1.10,"n":12345678901234567890123,"x":{"y":1E5,"z":null}}\r\n'
)
BOMB = gzip.compress(b" " * 50_000_000, mtime=0)
LIMITS = (
    ("x-request-id", "req_7"),
    ("openai-organization", "org"),
    ("openai-processing-ms", "12"),
    ("openai-version", "2020-10-01"),
    ("x-ratelimit-limit-requests", "10"),
    ("x-ratelimit-remaining-tokens", "9"),
    ("x-ratelimit-reset-tokens", "6m0s"),
    ("cf-ray", "1-LIS"),
    ("cf-cache-status", "DYNAMIC"),
    ("strict-transport-security", "max-age=1"),
    ("Set-Cookie", "a=1; Path=/; HttpOnly"),
    ("Set-Cookie", "b=2"),
    ("alt-svc", 'h3=":443"; ma=86400'),
    ("Date", "Mon, 01 Jan 2026 00:00:00 GMT"),
    ("Server", "cloudflare"),
    ("Vary", "Origin"),
    ("Vary", "Accept"),
    ("X-Empty", ""),
    ("ETag", '"a"'),
    ("Access-Control-Allow-Origin", "*"),
    ("Server-Timing", "model;dur=3"),
)
HOPS = (
    ("Connection", "keep-alive, X-Of-This-Connection"),
    ("X-Of-This-Connection", "1"),
    ("Keep-Alive", "timeout=5"),
    ("X-Goes-On", "1"),
)
RETRY = (
    ("Retry-After", "2"),
    ("Retry-After-Ms", "1500.5"),
    ("X-Should-Retry", "false"),
    ("x-request-id", "req_8"),
)


def answered(name: str, *answer: Step, **members: Any) -> Scenario:
    return Scenario(name=name, body=orjson.dumps(ASK | members), answer=answer)


def error(message: str, kind: str, code: str | None, param: str | None = None) -> bytes:
    document = {"message": message, "type": kind, "param": param, "code": code}
    return orjson.dumps({"error": document})


ERRORS = {
    400: error("Unknown parameter", "invalid_request_error", "unknown_parameter", "x"),
    401: error(
        "Incorrect API key provided: sk-th**own", "invalid_request_error", "invalid_api_key"
    ),
    402: b'{"error":{"message":"Insufficient credits","code":402}}',
    403: error("Country not supported", "request_forbidden", "unsupported_country"),
    404: error("The model does not exist", "invalid_request_error", "model_not_found"),
    408: b'{"error":"timeout"}',
    409: b"conflict",
    413: b"<html>413</html>",
    418: b"",
    422: b'{"detail":[{"loc":["body","x"],"msg":"extra","type":"extra_forbidden"}]}',
    429: error("Rate limit reached for m", "tokens", "rate_limit_exceeded"),
    451: b"\xff\xfe\x00not text",
    498: b'{ "object":"error" , "message":"loading" }\n',
    500: b"",
    502: b"<html><h1>502 Bad Gateway</h1></html>",
    503: error("The engine is overloaded", "server_error", None),
    504: b"upstream request timeout",
    529: b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
}


def refused(status: int) -> Scenario:
    """An error before the first byte, with what a client needs to know when to try again."""
    kind = "text/html" if ERRORS[status].startswith(b"<") else "application/json"
    return answered(f"status {status}", *whole(ERRORS[status], *RETRY, status=status, kind=kind))


ANSWERS = (
    *map(refused, ERRORS),
    answered("a body as it was written", *whole(ODD_BODY)),
    answered(
        "a body in chunks",
        head(200, TYPE, ("Transfer-Encoding", "chunked")),
        *(chunk(BODY[at : at + 9]) for at in range(0, len(BODY), 9)),
        LAST,
    ),
    answered("a body until the connection ends", head(200, TYPE), BODY[:50], BODY[50:], close),
    answered("an answer of HTTP/1.0", head(200, TYPE, http="1.0"), BODY, close),
    answered("an empty body", *whole(b"")),
    answered("a body without a type", head(200, ("Content-Length", str(len(BODY)))), BODY),
    answered("a plain text", *whole(b"ok\n", kind="text/plain; charset=latin-1")),
    answered("bytes of a sound", *whole(bytes(range(256)) * 40, kind="audio/mpeg")),
    answered("a body of ten megabytes", *whole(b'{"x":"' + b"y" * (10 * 2**20) + b'"}')),
    answered(
        "white space before the answer",
        head(200, TYPE, ("Transfer-Encoding", "chunked")),
        chunk(b" \n"),
        chunk(b" \n"),
        chunk(BODY),
        LAST,
    ),
    answered("a tool call", *whole(BODY.replace(b'"Hello."', b'null,"tool_calls":[{"id":"a"}]'))),
    answered("no JSON under a name of JSON", *whole(b"{nope")),
    answered("the server's headers", *whole(BODY, *LIMITS)),
    answered("headers of one connection", *whole(BODY, *HOPS)),
    answered("a header of six kilobytes", *whole(BODY, ("X-Long", "v" * 6000))),
    answered("a header of twelve kilobytes", *whole(BODY, ("X-Long", "v" * 12_000))),
    answered("a hundred headers", *whole(BODY, *((f"X-{n}", str(n)) for n in range(100)))),
    answered("a header in latin-1", *whole(BODY, ("X-Name", "Zoë"))),
    answered("a header beyond ASCII", *whole(BODY, ("X-Name", "☕".encode().decode("latin-1")))),
    answered(
        "gzip though identity was asked",
        *whole(gzip.compress(BODY, mtime=0), ("Content-Encoding", "gzip")),
    ),
    answered("a bomb in gzip", *whole(BOMB, ("Content-Encoding", "gzip"))),
    answered(
        "an error in gzip",
        *whole(
            gzip.compress(ERRORS[429], mtime=0), ("Content-Encoding", "gzip"), *RETRY, status=429
        ),
    ),
    answered("a coding that nobody knows", *whole(b"\x00\xff" * 9, ("Content-Encoding", "x-lzma"))),
    answered("no content", head(204, ("X-A", "1"))),
    answered("not modified", head(304, ("ETag", '"a"'))),
    answered(
        "a redirect, which is the client's to follow",
        *whole(b"", ("Location", "https://x.test/v1/a?b=c"), status=302),
    ),
    answered(
        "a redirect that keeps the method",
        *whole(b"moved", ("Location", "/v1/other"), status=308, kind="text/plain"),
    ),
    answered("created", *whole(BODY, status=201)),
    answered("accepted", *whole(BODY, ("Location", "/v1/jobs/1"), status=202)),
    answered(
        "a part", *whole(b"bc", ("Content-Range", "bytes 1-2/4"), status=206, kind="text/plain")
    ),
    answered("a status beyond the known", *whole(BODY, status=599)),
    answered("early hints", head(103, ("Link", "</x>; rel=preload")), *SAYS_HELLO),
    answered("processing", head(102), head(102), *SAYS_HELLO),
    Scenario(
        name="a client that waits to be told to go on",
        headers=(TYPE, ("Expect", "100-continue")),
        body=orjson.dumps(ASK),
        answer=(head(100, reason="Continue"), *SAYS_HELLO),
    ),
    Scenario(
        name="a list that is not there",
        method="GET",
        target="/v1/models/none",
        headers=(),
        answer=whole(ERRORS[404], status=404),
    ),
)
