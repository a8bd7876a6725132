"""Scenarios of what a stream may hold: every byte of it arrives."""

import gzip
import zlib
from typing import Any

import orjson

from tests.conformance.scenario import (
    ASK,
    ASK_STREAM,
    DONE,
    HELLO,
    LAST,
    SAYS_HELLO,
    STREAM_HEAD,
    STREAMS_HELLO,
    Scenario,
    Step,
    asks,
    choice,
    chunk,
    close,
    delta,
    event,
    head,
    pause,
    stream,
    streams,
)

STOP = delta("", "stop")
PLAIN = b"".join(HELLO)


def answered(name: str, *answer: Step) -> Scenario:
    return Scenario(name=name, body=orjson.dumps(ASK_STREAM), answer=answer)


def said(deltas: list[dict[str, Any]], finish: str = "stop") -> list[bytes]:
    """A stream of these deltas of one choice, in order."""
    return [
        *(event({"choices": [choice(each)]}) for each in deltas),
        event({"choices": [choice({}, finish)]}),
        DONE,
    ]


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def part(index: int | None, arguments: str, **more: Any) -> dict[str, Any]:
    """A piece of a tool call."""
    place = {} if index is None else {"index": index}
    name = {"name": more.pop("name")} if "name" in more else {}
    return {"tool_calls": [place | more | {"function": name | {"arguments": arguments}}]}


ACCENTS = b"".join([delta("Grüße "), delta("☕ \U0001f388"), STOP, DONE])
SEPARATORS = event({"choices": [choice({"content": "a\u2028b\u2029c\u0085d\x0b\x0ce"})]})
RAW_SEPARATORS = SEPARATORS.replace(b"\\u000b", b"\x0b").replace(b"\\f", b"\x0c")
USAGE: dict[str, Any] = {
    "id": "c",
    "choices": [],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2, "vendor": {"cached": 1.0}},
}
FIRST_CALLS = [
    part(0, "", id="call_a", type="function", name="weather"),
    part(1, "", id="call_b", type="function", name="time"),
]
ERROR = {"error": {"message": "overloaded", "type": "server_error", "param": None, "code": "x"}}
BOMB = gzip.compress(b"data: " + b"x" * 50_000_000, mtime=0)
GZIP = gzip.compress(PLAIN, mtime=0)
VENDOR: dict[str, Any] = {
    "obfuscation": "a8Zk",
    "provider": "x",
    "citations": ["https://x.test"],
    "service_tier": "default",
    "system_fingerprint": "fp",
    "x_groq": {"id": "req"},
}
AZURE = event(
    {"choices": [], "prompt_filter_results": [{"prompt_index": 0}], "id": "", "model": ""}
)
LOGPROBS = {"content": [{"token": "é", "logprob": -0.30000000000000004, "bytes": [195, 169]}]}
LONG = delta("x" * 2**20)


def ended(end: bytes) -> Scenario:
    """The plain stream with other line ends."""
    name = {b"\r\n": "CRLF", b"\r": "CR", b"\n": "LF"}[end]
    return streams(f"lines that end in {name}", *(piece.replace(b"\n", end) for piece in HELLO))


STREAMS = (
    streams("a byte at a time", *cut(ACCENTS, 1)),
    streams("three bytes at a time", *cut(ACCENTS, 3)),
    streams("all events at once", PLAIN),
    streams("two events at a time", HELLO[0] + HELLO[1], HELLO[2] + HELLO[3]),
    ended(b"\r\n"),
    ended(b"\r"),
    streams("mixed line ends", HELLO[0].replace(b"\n", b"\r\n"), HELLO[1], STOP, DONE),
    streams("CRLF cut between its two bytes", *cut(PLAIN.replace(b"\n", b"\r\n"), 1)),
    streams(
        "comments", b": OPENROUTER PROCESSING\n\n", HELLO[0], b": ping\n", b":\n\n", *HELLO[1:]
    ),
    streams("data on several lines", b'data: {"choices":\ndata: [],\ndata:"x":1}\n\n', *HELLO),
    streams("no space after the colon", *(piece.replace(b"data: ", b"data:") for piece in HELLO)),
    streams(
        "more space after the colon", *(p.replace(b"data: ", b"data:  ") for p in HELLO[:3]), DONE
    ),
    streams("a byte order mark", b"\xef\xbb", b"\xbf" + HELLO[0], *HELLO[1:]),
    streams("separators that end no line", SEPARATORS, RAW_SEPARATORS, STOP, DONE),
    streams(
        "ids, names and times to retry", b"id: 1\nevent: delta\nretry: 9\n" + HELLO[0], *HELLO[1:]
    ),
    streams(
        "events without data", b"event: ping\n\n", b"id: 7\n\n", b"data\n\n", b"data:\n\n", *HELLO
    ),
    streams("fields nobody knows", b"x: 1\nfoo\n\n", *HELLO),
    streams(
        "what is no JSON", b"data: hello\n\ndata: {\n\ndata: [1]\n\ndata: \xff\xfe\n\n", *HELLO
    ),
    streams("a line of one megabyte", LONG, STOP, DONE),
    streams("a line of one megabyte in small pieces", *cut(LONG, 10_007), STOP, DONE),
    streams("a thousand events", *[delta("word ")] * 1000, STOP, DONE),
    streams("usage", *HELLO[:3], event(USAGE), DONE, stream_options={"include_usage": True}),
    streams("usage of null before it", delta("Hi", usage=None), STOP, event(USAGE), DONE),
    streams("usage nobody asked for", *HELLO[:3], event(USAGE | {"choices": [choice({})]}), DONE),
    streams("members nobody knows", delta("Hi", **VENDOR), STOP, DONE),
    streams("filters before the first words", AZURE, *HELLO),
    streams(
        "reasoning",
        *said(
            [
                {"role": "assistant", "content": None, "reasoning_content": "Hm"},
                {"reasoning": "Hm", "reasoning_details": [{"type": "text", "text": "Hm"}]},
                {"content": "Soup."},
            ]
        ),
    ),
    streams(
        "parallel tool calls", *said([*FIRST_CALLS, part(0, "{}"), part(1, "{}")], "tool_calls")
    ),
    streams(
        "interleaved tool calls",
        *said(
            [*FIRST_CALLS, part(1, '{"z'), part(0, '{"c'), part(1, '":1}'), part(0, '":2}')],
            "tool_calls",
        ),
    ),
    streams(
        "tool calls without an index",
        *said([part(None, "{", id="a", name="f"), part(None, "}")], "tool_calls"),
    ),
    streams(
        "a custom tool call",
        *said(
            [{"tool_calls": [{"index": 0, "id": "c", "type": "custom", "custom": {"input": "a"}}]}],
            "tool_calls",
        ),
    ),
    streams(
        "a function call in the older form",
        *said([{"function_call": {"name": "f"}}], "function_call"),
    ),
    streams(
        "two choices by turns",
        *(event({"choices": [choice({"content": c}, index=i)]}) for i, c in enumerate("abab")),
        event({"choices": [choice({}, "stop", 1)]}),
        event({"choices": [choice({}, "length", 0)]}),
        DONE,
        n=2,
    ),
    streams(
        "choices without an index", event({"choices": [{"delta": {"content": "a"}}]}), STOP, DONE
    ),
    streams(
        "logprobs",
        event({"choices": [choice({"content": "é"}) | {"logprobs": LOGPROBS}]}),
        STOP,
        DONE,
    ),
    streams("a refusal", *said([{"refusal": "I can"}, {"refusal": "not."}])),
    streams("annotations", *said([{"content": "x", "annotations": [{"type": "url_citation"}]}])),
    streams("audio", *said([{"audio": {"id": "a", "data": "UklG" * 3000, "transcript": "Hi"}}])),
    streams("the end at the most tokens", *said([{"content": "Hi"}], "length")),
    streams("the end by a filter", *said([{"content": "Hi"}], "content_filter")),
    streams("an error in the middle", HELLO[0], event(ERROR)),
    streams("an error in the middle, and DONE", HELLO[0], event(ERROR), DONE),
    streams("an error with a name", HELLO[0], b"event: error\n" + event(ERROR)),
    streams("an error first", event(ERROR)),
    streams("no DONE after the finish", *HELLO[:3]),
    streams("DONE without a finish", *HELLO[:2], DONE),
    streams("neither a finish nor DONE", *HELLO[:2]),
    streams("nothing at all"),
    streams("DONE alone", DONE),
    streams("DONE twice", *HELLO, DONE),
    streams("DONE without an empty line", *HELLO[:3], b"data: [DONE]"),
    streams("DONE in pieces", *HELLO[:3], *cut(DONE, 2)),
    streams("DONE without a space, in CRLF", *HELLO[:3], b"data:[DONE]\r\n\r\n"),
    streams("words after DONE", *HELLO, b": bye\n\n", event(USAGE)),
    answered("a server that stays after DONE", *stream(*HELLO, last=b""), pause(0.4), LAST),
    answered(
        "a length that was known",
        head(200, STREAM_HEAD[0], ("Content-Length", str(len(PLAIN)))),
        PLAIN,
    ),
    answered("a stream until the connection ends", head(200, STREAM_HEAD[0]), *HELLO, close),
    answered("a server of HTTP/1.0", head(200, STREAM_HEAD[0], http="1.0"), *HELLO, close),
    answered(
        "extensions of chunks",
        head(200, *STREAM_HEAD),
        *(chunk(piece).replace(b"\r\n", b";x=1\r\n", 1) for piece in HELLO),
        LAST,
    ),
    answered(
        "a type in capitals",
        head(200, ("Content-Type", "Text/Event-Stream"), STREAM_HEAD[1]),
        *map(chunk, HELLO),
        LAST,
    ),
    answered(
        "its own word on buffers",
        *stream(*HELLO, fields=(("Cache-Control", "no-store"), ("X-Accel-Buffering", "yes"))),
    ),
    answered(
        "trailers", *stream(*HELLO, fields=(("Trailer", "X-Cost"),), last=b"0\r\nX-Cost: 1\r\n\r\n")
    ),
    answered(
        "a stream in gzip though identity was asked",
        *stream(*cut(GZIP, 20), fields=(("Content-Encoding", "gzip"),)),
    ),
    answered("a streamed bomb in gzip", *stream(BOMB, fields=(("Content-Encoding", "gzip"),))),
    answered(
        "a stream in deflate though identity was asked",
        *stream(zlib.compress(PLAIN), fields=(("Content-Encoding", "deflate"),)),
    ),
    answered(
        "a stream in a coding that nobody knows",
        *stream(b"\x00\xff" * 9, fields=(("Content-Encoding", "x-lzma"),)),
    ),
    answered("one whole answer though a stream was asked", *SAYS_HELLO),
    Scenario(name="a stream that nobody asked for", body=orjson.dumps(ASK), answer=STREAMS_HELLO),
    answered("a stream with another status", *stream(event(ERROR), status=429)),
    asks("a stream of created", answer=stream(*HELLO, status=201), stream=True),
)
