"""Scenarios of what a request may hold: every byte of it goes on."""

import gzip
from typing import Any

import orjson

from tests.conformance.scenario import (
    ASK,
    ASK_STREAM,
    QUESTION,
    SAYS_HELLO,
    STREAMS_HELLO,
    Scenario,
    asks,
    whole,
)

JSON = ("Content-Type", "application/json")


def raw(name: str, body: bytes, **more: Any) -> Scenario:
    return Scenario(name=name, body=body, answer=SAYS_HELLO, **more)


def said(content: Any, **members: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content, **members}]


def tool(name: str, **more: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {}, "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "parameters": parameters, **more}}


def call(identifier: str, name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": identifier, "type": "function", "function": function}


LOOP = [
    {"role": "system", "content": "Be brief."},
    QUESTION,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [call("a", "fridge", "{}"), call("b", "shops", '{ "open" : true }')],
    },
    {"role": "tool", "tool_call_id": "b", "content": "none"},
    {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "eggs, leek"}]},
]
PARTS = [
    {"type": "text", "text": "What is this?"},
    {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low"}},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBOR" * 400}},
    {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
    {"type": "file", "file": {"file_id": "file-1", "filename": "a.pdf"}},
    {"type": "refusal", "refusal": "no"},
    {"type": "hologram", "hologram": {"frames": [1, 2.50], "z": None}},
]
ROLES = [
    {"role": "system", "content": "Be brief.", "name": "house"},
    {"role": "developer", "content": [{"type": "text", "text": "No jokes."}]},
    {"role": "user", "content": "Hello", "name": "ann"},
    {"role": "assistant", "content": None, "refusal": "I can not.", "reasoning_content": "hm"},
    {"role": "assistant", "audio": {"id": "audio_1"}},
    {"role": "function", "name": "f", "content": "1"},
    {"role": "critic", "content": "?"},
    QUESTION,
]
SAMPLING: dict[str, Any] = {
    "temperature": 0.30000000000000004,
    "top_p": 1.0,
    "n": 2,
    "seed": 2**53 + 1,
    "frequency_penalty": -2,
    "presence_penalty": 0.0,
    "logprobs": True,
    "top_logprobs": 20,
    "logit_bias": {"50256": -100},
    "stop": ["\n", "END"],
    "max_tokens": 10,
    "max_completion_tokens": 11,
    "stream": False,
}
SERVICE: dict[str, Any] = {
    "reasoning_effort": "minimal",
    "verbosity": "low",
    "service_tier": "flex",
    "store": True,
    "metadata": {"topic": "food", "n": "1"},
    "prompt_cache_key": "k",
    "user": "ann",
    "safety_identifier": "s",
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "wav"},
    "web_search_options": {},
    "prediction": {"type": "content", "content": "Soup."},
}
VENDOR: dict[str, Any] = {
    "top_k": 40,
    "min_p": 0.05,
    "repetition_penalty": 1.1,
    "chat_template_kwargs": {"x": False},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "provider": {"order": ["a", "b"]},
    "extra_body": {"extra_body": {"x": 1}},
    "transforms": [],
    "keep_alive": "5m",
}
UNKNOWN: dict[str, Any] = {"": 0, "a.b": "ü"}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "dish",
        "strict": True,
        "x-vendor": {"y": [None]},
        "schema": {"$defs": {"d": {"enum": [1, "a", None]}}, "$ref": "#/$defs/d"},
    },
}
CLIENTS = (
    JSON,
    ("Authorization", "Bearer sk-the-clients-own"),
    ("OpenAI-Organization", "org-1"),
    ("OpenAI-Project", "proj-1"),
    ("OpenAI-Beta", "assistants=v2"),
    ("Idempotency-Key", "stainless-python-retry-1"),
    ("X-Client-Request-Id", "r-1"),
    ("X-Stainless-Lang", "python"),
    ("X-Stainless-Retry-Count", "0"),
    ("X-Stainless-Read-Timeout", "600"),
    ("User-Agent", "OpenAI/Python 3.54.0"),
    ("Accept", "application/json"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("tracestate", "a=1,b=2"),
    ("HTTP-Referer", "https://app.test/"),
    ("X-Title", "App"),
    ("api-key", "azure"),
    ("x-api-key", "other"),
    ("anthropic-version", "2023-06-01"),
)
ODD = (
    JSON,
    ("X-Empty", ""),
    ("X-Long", "v" * 7000),
    ("X-Comma", 'a, b;q=0.5, "c, d"'),
    ("X_Underscore", "1"),
    ("X-Colon", "a:b: c"),
    ("X-Tab", "a\tb"),
)
HOPS = (
    JSON,
    ("Connection", "keep-alive, X-Of-This-Connection"),
    ("X-Of-This-Connection", "1"),
    ("Keep-Alive", "timeout=5"),
    ("TE", "trailers"),
    ("Proxy-Authorization", "Basic x"),
    ("X-Goes-On", "1"),
)
PRIVATE = (
    JSON,
    ("Cookie", "session=1"),
    ("Forwarded", "for=192.0.2.1"),
    ("X-Forwarded-For", "192.0.2.1"),
    ("X-Forwarded-Host", "a"),
    ("X-Forwarded-Port", "1"),
    ("X-Forwarded-Proto", "https"),
    ("X-Real-IP", "192.0.2.1"),
)
PLAIN = orjson.dumps(ASK)
SPACED = (
    b'\n{\t"model" : "m" ,\r\n  "messages" : [ {"role" : "user" , "content" : "Hello" } ] ,'
    b' "stream":false }\n\n'
)
NUMBERS = (
    b'{"model":"m","temperature":1e0,"top_p":0.30000000000000004,"seed":12345678901234567890123,'
    b'"x":[1.10,1E5,-0,-0.0,1e-7,100000000000000000000.0,0.1e+1],"messages":[{"role":"user",'
    b'"content":"Hello","weight":1.0}]}'
)
ESCAPES = (
    rb'{"model":"m","messages":[{"role":"user","content":"\u0048ello \/ \ud83c\udf88 \u00e9'
    rb' \u2028 \u0000 \b\f\t \\\" caf\u0065"}],"\u0078":"\u0079"}'
)
REPEATED = (
    b'{"model":"a","model":"m","x":1,"x":2,"messages":[],"messages":[{"role":"user","role":"user",'
    b'"content":"no","content":"Hello"}],"stream":true,"stream":false}'
)
UNICODE = (
    "Grüße \u05e9\u05dc\u05d5\u05dd \U0001f468\u200d\U0001f469\u200d\U0001f467"
    " e\u0301 \u2028\u2029\u0085\u202e\ufeff \U000e0041"
)
NULLS = (
    b'{"model":"m","messages":[{"role":"user","content":"Hello","name":null}],"tools":null,'
    b'"stop":null,"stream":null,"metadata":null,"user":null,"response_format":null}'
)
DEEP = (
    b'{"model":"m","x":'
    + b"[" * 500
    + b"]" * 500
    + b',"messages":'
    + orjson.dumps([QUESTION])
    + b"}"
)
LARGE = orjson.dumps(
    ASK | {"messages": [{"role": "system", "content": "é x" * 2_400_000}, QUESTION]}
)
MARKED = "<memories>\n- not ours\n</memories>\n\nHello </memories>"
MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "x", "vendor": {"a": 1.50}}


def ours(name: str, body: bytes) -> Scenario:
    """A request with a member of ours, which is all that the gateway takes out of it."""
    return raw(name, body.replace(b"@", b'"memory":{"limit":3}'), onward=body.replace(b"@,", b""))


def lists(name: str, target: str, document: Any) -> Scenario:
    """A request of the list of models, or of one."""
    answer = whole(orjson.dumps(document))
    return Scenario(name=name, method="GET", target=target, headers=(), answer=answer)


REQUESTS = (
    asks("a plain question"),
    Scenario(name="a plain stream", body=orjson.dumps(ASK_STREAM), answer=STREAMS_HELLO),
    asks("unknown members at the top", zebra={"b": [1, {"c": None}]}, **UNKNOWN),
    asks("unknown members of a message", messages=said("Hello", cache_control={"t": 1}, z=[])),
    asks(
        "unknown members of a part",
        messages=said([{"type": "text", "text": "Hi", "cache_control": {"ttl": "1h"}, "z": 1}]),
    ),
    asks("unknown members of a tool", tools=[tool("f", strict=True, z=1) | {"defer": True}]),
    asks("a schema for the answer", response_format=SCHEMA),
    raw("numbers as they were written", NUMBERS),
    raw("escapes as they were written", ESCAPES),
    raw("white space as it was written", SPACED),
    raw("repeated keys", REPEATED),
    raw("nulls", NULLS),
    raw("lists five hundred deep", DEEP),
    asks("text of every script", messages=said(UNICODE)),
    asks("every role", messages=ROLES),
    asks("only a developer message", messages=[{"role": "developer", "content": "Say hello."}]),
    asks("an empty conversation", messages=[]),
    asks("empty contents", messages=[{"role": "user", "content": ""}, *said([]), *said(None)]),
    raw("no conversation at all", b'{"model":"m","prompt":"Hello"}'),
    asks("every kind of part", messages=said(PARTS)),
    asks("an image without words", messages=said(PARTS[1:3])),
    asks("functions as tools", tools=[tool("f", strict=True)], tool_choice="required"),
    asks(
        "custom tools",
        tools=[{"type": "custom", "custom": {"name": "c", "format": {"type": "grammar"}}}],
        tool_choice={"type": "custom", "custom": {"name": "c"}},
        parallel_tool_calls=False,
    ),
    asks("functions in the older form", functions=[{"name": "f"}], function_call={"name": "f"}),
    asks("a step of a tool loop", messages=LOOP, tools=[tool("fridge"), tool("shops")]),
    asks("a question after a tool loop", messages=[*LOOP, *said("And for lunch?")]),
    asks("sampling parameters", **SAMPLING),
    asks("service parameters", **SERVICE),
    asks("vendors' parameters", **VENDOR),
    asks(
        "usage is asked for",
        answer=STREAMS_HELLO,
        stream=True,
        stream_options={"include_usage": True},
    ),
    asks(
        "usage and obfuscation are declined",
        answer=STREAMS_HELLO,
        stream=True,
        stream_options={"include_usage": False, "include_obfuscation": False},
    ),
    asks("markers like ours in a text", messages=said(MARKED)),
    raw("a body of nine megabytes", LARGE),
    raw("a request in chunks", orjson.dumps(ASK | {"x": "y" * 5000}), chunked=True),
    ours("our member first", b'{@,"model":"m","messages":[{"role":"user","content":"Hi"}]}'),
    ours(
        "our member in the middle", b'{"model":"m",@,"messages":[{"role":"user","content":"Hi"}]}'
    ),
    raw(
        "our member last",
        b'{"model":"m","messages":[{"role":"user","content":"Hi"}] , "memory":{"mode":"on"}}',
        onward=b'{"model":"m","messages":[{"role":"user","content":"Hi"}] }',
    ),
    raw("the clients' headers", PLAIN, headers=CLIENTS),
    raw("odd headers", PLAIN, headers=ODD),
    raw("a header that is repeated", PLAIN, headers=(JSON, ("X-Twice", "a"), ("X-Twice", "b"))),
    raw(
        "a request header beyond ASCII",
        PLAIN,
        headers=(JSON, ("X-Name", "Zoë ☕".encode().decode("latin-1"))),
    ),
    raw("a request header in latin-1", PLAIN, headers=(JSON, ("X-Name", "Zoë"))),
    raw("request headers of one connection", PLAIN, headers=HOPS),
    raw("headers of the way here", PLAIN, headers=PRIVATE),
    raw(
        "headers for the gateway", PLAIN, headers=(JSON, ("X-Conversation-Id", "c-1"), ("X-A", "1"))
    ),
    raw("no type of content", PLAIN, headers=()),
    raw(
        "a type with its charset",
        PLAIN,
        headers=(("content-type", "application/json; charset=UTF-8"),),
    ),
    raw("compression is welcome", PLAIN, headers=(JSON, ("Accept-Encoding", "gzip, br, zstd"))),
    raw("no compression is wished", PLAIN, headers=(JSON, ("Accept-Encoding", "identity"))),
    raw("a query", PLAIN, target="/v1/chat/completions?api-version=2026-01-01&x=%20a+b&y"),
    raw(
        "a body in gzip",
        gzip.compress(PLAIN, mtime=0),
        headers=(JSON, ("Content-Encoding", "gzip"), ("X-A", "1")),
        onward=PLAIN,
    ),
    lists("the list of models", "/v1/models", {"object": "list", "data": [MODEL]}),
    lists("a page of models", "/v1/models?limit=5&after=a%2Fb", {"data": []}),
    lists("a model", "/v1/models/gpt-4o", MODEL),
    lists("a model with colons", "/v1/models/ft:gpt-4o:acme::id", MODEL),
    lists("a model with slashes", "/v1/models/meta-llama/Llama-3.1%208B", MODEL),
    lists("a model with an encoded slash", "/v1/models/meta-llama%2FLlama", MODEL),
)
