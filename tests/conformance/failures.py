"""Scenarios of a model's server that breaks: what was said arrives, and the break is told."""

import gzip
from typing import Any

import orjson

from tests.conformance.scenario import (
    ASK,
    ASK_STREAM,
    DONE,
    HELLO,
    STREAM_HEAD,
    Scenario,
    Step,
    chunk,
    close,
    cut_off,
    delivered,
    delta,
    head,
    reset,
    whole,
)

TYPE = ("Content-Type", "application/json")
FIRST, SECOND, STOP = HELLO[:3]
ACCENT = delta("é")
IN_ACCENT = ACCENT.index("é".encode()) + 1
GZIP = gzip.compress(b"".join(HELLO), mtime=0)


def breaks(name: str, *answer: Step, **members: Any) -> Scenario:
    return Scenario(name=name, body=orjson.dumps(ASK_STREAM | members), answer=answer)


def asked(name: str, *answer: Step) -> Scenario:
    return Scenario(name=name, body=orjson.dumps(ASK), answer=answer)


FAILURES = (
    breaks("a reset instead of an answer", reset),
    breaks("an end instead of an answer", close),
    breaks("a reset within the headers", b"HTTP/1.1 200 OK\r\nContent-", reset),
    breaks("an end within the headers", b"HTTP/1.1 200 OK\r\nContent-", close),
    breaks("a reset before the first chunk", *cut_off()),
    breaks("an end before the first chunk", *cut_off(by=close)),
    breaks("a reset after one byte", *cut_off(b"d")),
    breaks("a reset within a line", *cut_off(FIRST[:40])),
    breaks("a reset within a character", *cut_off(ACCENT[:IN_ACCENT])),
    breaks("a reset between the line and its end", *cut_off(FIRST[:-1])),
    breaks("a reset after an event", *cut_off(FIRST)),
    breaks("an end after an event", *cut_off(FIRST, by=close)),
    breaks("a reset after a comment", *cut_off(FIRST, b": ping\n")),
    breaks("a reset after an event in CRLF", *cut_off(FIRST.replace(b"\n", b"\r\n"))),
    breaks("a reset after the finish", *cut_off(FIRST, SECOND, STOP)),
    breaks("a reset after DONE", *cut_off(*HELLO)),
    breaks("an end after DONE", *cut_off(*HELLO, by=close)),
    breaks("a reset within DONE", *cut_off(*HELLO[:3], DONE[:9])),
    breaks("an end within a chunk", *cut_off(FIRST), b"40\r\ndata: {", close),
    breaks("a chunk of no size", *cut_off(FIRST, by=b"zz\r\nhello\r\n"), close),
    breaks(
        "an end before the length that was told",
        head(200, STREAM_HEAD[0], ("Content-Length", "9999")),
        FIRST,
        delivered(len(FIRST)),
        close,
    ),
    breaks(
        "a reset of a stream without framing",
        head(200, STREAM_HEAD[0]),
        FIRST,
        delivered(len(FIRST)),
        reset,
    ),
    breaks(
        "a reset within gzip that was not asked for",
        head(200, *STREAM_HEAD, ("Content-Encoding", "gzip")),
        chunk(GZIP[:40]),
        delivered(40),
        reset,
    ),
    asked("a whole answer that is reset", head(200, TYPE, ("Content-Length", "99")), b"{", reset),
    asked("a whole answer that ends early", head(200, TYPE, ("Content-Length", "99")), b"{", close),
    asked(
        "a whole answer in chunks that ends early",
        head(200, TYPE, ("Transfer-Encoding", "chunked")),
        chunk(b'{"choices":'),
        close,
    ),
    asked(
        "an error whose body ends early", head(500, TYPE, ("Content-Length", "99")), b'{"e', close
    ),
    asked("what is no HTTP", b"220 mail.test ESMTP\r\n\r\n", close),
    asked("a status that is no number", b"HTTP/1.1 abc OK\r\n\r\n", close),
    asked(
        "two lengths",
        head(200, TYPE, ("Content-Length", "1"), ("Content-Length", "2")),
        b"{}",
        close,
    ),
    Scenario(
        name="a list that is reset",
        method="GET",
        target="/v1/models",
        headers=(),
        answer=(
            *whole(b'{"data":[', ("X-A", "1"))[:0],
            head(200, TYPE, ("Content-Length", "99")),
            b"{",
            reset,
        ),
    ),
)
