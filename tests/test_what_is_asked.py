"""Whoever chooses among upstreams is told the model that a request names."""

import pytest

from gateway.http.chat_completions import ChatCompletions
from gateway.http.understanding import Asked, asked_in, understand

USER = b'"messages":[{"role":"user","content":"\\"model\\":\\"no\\""}]'


@pytest.mark.parametrize(
    ("member", "model"),
    [
        (b'"model":"gpt-5",', "gpt-5"),
        (b'"mod\\u0065l" : "a\\"b",', 'a"b'),
        (b'"model":"first","model":"last",', "last"),
        (b'"model":7,', ""),
        (b"", ""),
    ],
)
@pytest.mark.parametrize("mode", [b"on", b"off"])
def test_the_model_is_the_one_that_the_upstream_will_read(member, model, mode):
    body = b"{" + member + USER + b"}"
    understood = understand(ChatCompletions(), "p", [(b"x-memory", mode)], body, now=0)
    assert understood.asked == asked_in(body) == Asked(model=model)


@pytest.mark.parametrize(
    ("stream", "asked"), [(b"true", True), (b"false", False), (b"1", False), (b'"true"', False)]
)
def test_a_stream_is_asked_for_by_true_alone(stream, asked):
    assert asked_in(b'{"stream":' + stream + b"}") == Asked(streams=asked)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"model"', b"\xff", b"[" * 9999])
def test_what_is_no_object_asks_for_nothing(body):
    assert asked_in(body) == Asked()
