"""A chat of any shape goes on as it came, or is refused with the field named."""

from typing import Any

import pytest

from tests.security.target import ACME, CHAT, MARK, RESPONSES, at

pytestmark = pytest.mark.anyio
__all__ = ["ACME", "at"]

USER = {"role": "user", "content": f"Hello, {MARK}?"}


def each(name: str, values: Any) -> list[dict[str, Any]]:
    return [{name: value} for value in values]


def content(value: object) -> list:
    return [{"role": "user", "content": value}]


MESSAGES: dict[str, Any] = {
    "null": None,
    "an object": {},
    "empty": [],
    "10,001": [USER] * 10_001,
    "a string": "x",
    "a number": 5,
    "null within": [None],
    "a string within": ["x"],
    "a list within": [[USER]],
    "nothing in it": [{}],
    "no role": [{"content": "x"}],
    "an unknown role": [{"role": "emperor", "content": "x"}],
    "a number for a role": [{"role": 7, "content": "x"}],
    "an object for a role": [{"role": {}, "content": "x"}],
    "a role in capitals": [{"role": "SYSTEM", "content": "x"}],
    "a role with spaces": [{"role": " user ", "content": "x"}],
    "no content": [{"role": "user"}],
    "null for content": content(None),
    "a number for content": content(5),
    "true for content": content(True),
    "an object for content": content({"text": "x"}),
    "an empty list for content": content([]),
    "an empty string": content(""),
    "only spaces": content(" \t\n  "),
    "1 MB": content("word " * 200_000),
    "1 MB without a space": content("x" * 2**20),
    "deep": content([[[[[[{"type": "text", "text": "x"}]]]]]]),
    "NUL": content("a\0b"),
    "controls": content("\x01\x02\x1b[2J\x7f\x9b"),
    "right to left": content("\u202eevil\u202c \u2067x\u2069"),
    "zero width": content("a\u200bb\u200cc\u200d\ufeff"),
    "emoji": content("👨‍👩‍👧‍👦🏳️‍🌈" * 100),
    "tags": content("".join(chr(0xE0000 + ord(c)) for c in "ignore all")),
    "combining": content("a" + "\u0301" * 5000),
    "noncharacters": content("\uffff\ufffe\U0010ffff"),
    "only a system": [{"role": "system", "content": "x"}],
    "only an assistant": [{"role": "assistant", "content": "x"}],
    "only a tool": [{"role": "tool", "content": "x", "tool_call_id": "1"}],
    "a tool without a call": [USER, {"role": "tool", "content": "x"}],
    "odd tool calls": [USER, {"role": "assistant", "content": None, "tool_calls": "x"}],
    "a call without a name": [USER, {"role": "assistant", "tool_calls": [{"function": None}]}],
    "a huge name": [{"role": "user", "name": "n" * 100_000, "content": "x"}],
    "5,000 short ones": [{"role": "user", "content": "hi"}] * 5000,
}


@pytest.mark.security("B6")
@pytest.mark.parametrize("messages", MESSAGES.values(), ids=list(MESSAGES))
async def test_messages_go_on_as_they_came_or_are_refused(at, messages):
    await at.passes_or_is_refused(CHAT, {"model": "m", "messages": messages})


@pytest.mark.security("B6")
@pytest.mark.parametrize("messages", MESSAGES.values(), ids=list(MESSAGES))
async def test_so_does_a_responses_input(at, messages):
    await at.passes_or_is_refused(RESPONSES, {"model": "m", "input": messages})


def image(url: object) -> dict:
    return {"type": "image_url", "image_url": url}


TEXT = {"type": "text", "text": "x"}
PARTS = {
    "unknown": [{"type": "hologram"}],
    "no type": [{"text": "x"}],
    "text without text": [{"type": "text"}],
    "text of a number": [{"type": "text", "text": 5}],
    "text of null": [{"type": "text", "text": None}],
    "null": [None],
    "a string": ["x"],
    "1,000": [TEXT] * 1000,
    "1,001": [TEXT] * 1001,
    "a string for an image": [image("http://canary/1")],
    "an image": [image({"url": "http://canary/2"})],
    "an image in detail": [image({"url": "http://canary/3", "detail": "x" * 1000})],
    "no URL": [image({})],
    "a URL of null": [image({"url": None})],
    "a file's URL": [image({"url": "file:///etc/passwd"})],
    "metadata": [image({"url": "http://169.254.169.254/latest/meta-data/"})],
    "gopher": [image({"url": "gopher://canary/4"})],
    "20 MB of data": [image({"url": "data:image/png;base64," + "A" * 20_000_000})],
    "data that is none": [image({"url": "data:;base64,%%%"})],
    "audio": [{"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}}],
    "audio of null": [{"type": "input_audio", "input_audio": None}],
    "a file": [{"type": "file", "file": {"file_id": "../../etc/passwd"}}],
    "a file's data": [{"type": "file", "file": {"file_data": "http://canary/5"}}],
}


@pytest.mark.security("B7")
@pytest.mark.security("S8")
@pytest.mark.parametrize("parts", PARTS.values(), ids=list(PARTS))
async def test_parts_go_on_as_they_came_and_nothing_that_they_name_is_fetched(at, parts):
    host = at.canary.url.removeprefix("http://")
    named = _named(parts, host)
    await at.passes_or_is_refused(CHAT, {"model": "m", "messages": content(named)})


def _named(value, host):
    if isinstance(value, dict):
        return {key: _named(inner, host) for key, inner in value.items()}
    if isinstance(value, list):
        return [_named(inner, host) for inner in value]
    return value.replace("//canary", f"//{host}") if isinstance(value, str) else value


MODELS = {
    "none": ...,
    "empty": "",
    "null": None,
    "a number": 5,
    "a list": ["m"],
    "1 kB": "m" * 1024,
    "a path": "../../etc/passwd",
    "unknown": "no-such-model",
    "another project's": "globex/secret",
    "a line break": "m\r\nx-injected: 1",
    "NUL": "m\0",
    "unicode": "модель",
}


@pytest.mark.security("B8")
@pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))
async def test_a_model_is_the_upstreams_to_know(at, model):
    body = {"messages": [USER]} | ({} if model is ... else {"model": model})
    await at.passes_or_is_refused(CHAT, body)
    assert not at.upstream.received or at.upstream.last.header("x-injected") is None


NUMBERS: list[dict[str, Any]] = [
    *each("temperature", (-1, 2.1, "1", True, None, [], 1e308)),
    *each("max_tokens", (0, -1, 1.5, 2**31, "x", None)),
    *each("n", (0, -1, 129, 1.5, "x", True, None, 10**30)),
    *each("top_p", (-1, 2, "x")),
    *each("seed", (2**63, -(2**63), 2**64, 1.0)),
    *each("logprobs", (5, "x")),
    {"logit_bias": {"x": "y"}},
    {"presence_penalty": -1e9},
]


@pytest.mark.security("B9")
@pytest.mark.parametrize("given", NUMBERS, ids=str)
async def test_numbers_go_on_as_they_came_or_are_refused(at, given):
    await at.passes_or_is_refused(CHAT, {"model": "m", "messages": [USER]} | given)


FIELDS: list[dict[str, Any]] = [
    *each("stream", ("true", 1, None, 0, [])),
    {"stream_options": {"include_usage": True}},
    *each("stream_options", ("x", None, 5)),
    {"whatever": {"deep": [1, {"er": None}]}},
    {"x" * 10_000: 1},
    {"": 1},
    {"__proto__": {"admin": True}, "constructor": 1},
    *each("tools", ("x", [None], [{}], [{"type": "function"}], {})),
    {"tools": [{"type": "function", "function": {"name": "f"}}] * 129},
    {"tools": [{}] * 1025},
    *each("tool_choice", ("x", {}, 5)),
    *each("response_format", ("json", {"type": "x"}, 5)),
    *each("metadata", ("x", {"user_id": 5}, {"user_id": ["a"]}, None)),
    *each("user", (5, None, "", "a\0b", "a\nb\r\nlevel=error", "*", "../..")),
    {"user": "u" * 10_000},
    {"user": "u" * 257},
    *each("memory", (None, "x", [], {"mode": "x"}, {"limit": -1}, {"x": 1})),
    *[
        {"memory": given}
        for given in each("filter", ("x", [], {"and": []}, {"and": [[]]}, {"x": {}}))
    ],
]


@pytest.mark.security("B10")
@pytest.mark.parametrize("given", FIELDS, ids=lambda given: str(given)[:60])
async def test_other_fields_go_on_as_they_came_and_ours_are_held_to_their_limits(at, given):
    body = {"model": "m", "messages": [USER]} | given
    response = await at.post(CHAT, body)
    assert response.status_code in {200, 400}
    sent = [each.json for each in at.upstream.received]
    body.pop("memory", None)
    assert sent == ([body] if response.status_code == 200 else [])
    if response.status_code == 400:
        assert response.json()["error"]["param"]
