"""Scenarios of every other path under /v1: any method, any body, any answer, as it is."""

import gzip
from typing import Any

import orjson

from tests.conformance.scenario import (
    DONE,
    LAST,
    Scenario,
    Step,
    chunk,
    close,
    cut_off,
    delivered,
    event,
    head,
    reset,
    stream,
    whole,
)
from tests.conformance.wire import Headers

JSON = ("Content-Type", "application/json")
OK = whole(b'{"ok":1.0}', ("x-request-id", "req_1"))
NUMBERS = b'{"model":"m","input":["a\\u00e9"],"dimensions":1e2,"x":{"y":0.1,"y":2}}'
BOUNDARY = "----x7MA4YWxk"
FORM = (
    (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="é.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    + bytes(range(256)) * 12_000
    + f"\r\n--{BOUNDARY}--\r\n".encode()
)
FORM_TYPE = (("Content-Type", "application/x-www-form-urlencoded"),)
PAGE = "/v1/responses/resp_1/input_items?limit=2"
ODD = "/v1/a/b%20c/%C3%A9/d;e=1?f=g&f=h&i"
MULTIPART = (("Content-Type", f"multipart/form-data; boundary={BOUNDARY}"),)
SOUND = bytes(range(256)) * 4000
TEXT = event(
    {"object": "text_completion", "choices": [{"index": 0, "text": "Hi", "logprobs": None}]}
)


def at(
    name: str,
    target: str,
    *answer: Step,
    method: str = "POST",
    headers: Headers = (JSON,),
    body: bytes = b"",
    chunked: bool = False,
) -> Scenario:
    """A request of one address."""
    return Scenario(
        name=name,
        target=target,
        answer=answer or OK,
        method=method,
        headers=headers,
        body=body,
        chunked=chunked,
    )


def asked(document: Any) -> bytes:
    return orjson.dumps({"model": "m", **document})


ENDPOINTS = (
    at("a completion", "/v1/completions", body=asked({"prompt": ["a", [1, 2]], "echo": True})),
    at(
        "a streamed completion",
        "/v1/completions",
        *stream(TEXT, TEXT, DONE),
        body=asked({"prompt": "a", "stream": True}),
    ),
    at(
        "a streamed completion that is reset",
        "/v1/completions",
        *cut_off(TEXT, TEXT[:20]),
        body=asked({"prompt": "a", "stream": True}),
    ),
    at("embeddings", "/v1/embeddings", body=NUMBERS),
    at(
        "embeddings in gzip",
        "/v1/embeddings",
        body=gzip.compress(NUMBERS, mtime=0),
        headers=(JSON, ("Content-Encoding", "gzip")),
    ),
    at("a body that is no JSON", "/v1/moderations", body=b"{nope"),
    at(
        "a body that is no JSON's type",
        "/v1/things",
        body=b"a=1&b=2",
        headers=(("Content-Type", "x/y"),),
    ),
    at("an upload", "/v1/files", body=FORM, headers=MULTIPART),
    at(
        "an upload in chunks",
        "/v1/audio/transcriptions",
        body=FORM,
        headers=MULTIPART,
        chunked=True,
    ),
    at(
        "an upload that is refused",
        "/v1/files",
        *whole(b'{"error":{}}', status=413),
        body=FORM,
        headers=MULTIPART,
    ),
    at("a body of nothing", "/v1/batches/b/cancel", headers=()),
    at(
        "speech as it is made",
        "/v1/audio/speech",
        head(200, ("Content-Type", "audio/mpeg"), ("Transfer-Encoding", "chunked")),
        *(chunk(SOUND[at : at + 50_000]) for at in range(0, len(SOUND), 50_000)),
        LAST,
        body=asked({"input": "Hello"}),
    ),
    at(
        "speech that is reset",
        "/v1/audio/speech",
        head(200, ("Content-Type", "audio/mpeg"), ("Transfer-Encoding", "chunked")),
        chunk(SOUND[:1000]),
        delivered(1000),
        reset,
        body=asked({"input": "Hello"}),
    ),
    at(
        "a download of ten megabytes",
        "/v1/files/f-1/content?x=%2Fa",
        *whole(SOUND * 10, ("Content-Disposition", 'attachment; filename="a.bin"'), kind="x/y"),
        method="GET",
        headers=(),
    ),
    at(
        "a download that ends early",
        "/v1/files/f-1/content",
        head(200, ("Content-Type", "x/y"), ("Content-Length", "99")),
        b"abc",
        delivered(3),
        close,
        method="GET",
        headers=(),
    ),
    at(
        "a part of a file",
        "/v1/files/f-1/content",
        *whole(b"bc", ("Content-Range", "bytes 1-2/4"), status=206, kind="x/y"),
        method="GET",
        headers=(("Range", "bytes=1-2"), ("If-None-Match", '"a"')),
    ),
    at("a deletion", "/v1/files/f-1", method="DELETE", headers=()),
    at("a deletion with a body", "/v1/files/f-1", method="DELETE", body=b"{}"),
    at("a replacement", "/v1/things/1", method="PUT", body=b'{"a":1e0}'),
    at("a change", "/v1/things/1", method="PATCH", body=b'{"a":null}'),
    at("options", "/v1/things", head(204, ("Allow", "GET, POST")), method="OPTIONS", headers=()),
    at(
        "a head alone",
        "/v1/models",
        head(200, JSON, ("Content-Length", "77")),
        method="HEAD",
        headers=(),
    ),
    at(
        "an address nobody knows",
        "/v1/a/b%20c/%C3%A9/d;e=1?f=g&f=h&i",
        *whole(b"?", status=404),
        body=b"{}",
    ),
    at("an address that ends in a slash", "/v1/things/", method="GET", headers=()),
    at("a method nobody knows", "/v1/things", *whole(b"", status=405), method="PURGE", headers=()),
    at(
        "a stream that is read",
        "/v1/threads/t/runs?x=1",
        *stream(b"event: a\ndata: 1\n\n", b": ping\n\n"),
        body=b"{}",
    ),
    at(
        "the list of responses' items",
        "/v1/responses/resp_1/input_items?limit=2",
        method="GET",
        headers=(),
    ),
    at(
        "a response that is kept",
        "/v1/responses/resp_1?include=a&include=b",
        method="GET",
        headers=(),
    ),
    at("a response that is cancelled", "/v1/responses/resp_1/cancel", headers=()),
    at("a response that is deleted", "/v1/responses/resp_1", method="DELETE", headers=()),
)
