"""An answer of the Responses API is read aside, however it is cut and whatever it holds."""

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import UpstreamBrokenError
from gateway.http.errors import api_error
from gateway.http.response_answer import ResponseAnswer
from gateway.http.tee import MAX_CALLS, MAX_PARTS, MAX_TEXT, EventSplitter
from tests.json_texts import spoiled
from tests.scripted_responses import (
    called,
    closed,
    opened,
    piece,
    response,
    said,
    streamed,
    typed,
)

DEADLINE = 2000  # milliseconds an example; more would be a hang, not a busy machine


def read(*chunks):
    """What is read of a stream in these chunks."""
    answer, splitter = ResponseAnswer(), EventSplitter()
    for chunk in chunks:
        for data, _ in splitter.feed(chunk):
            answer.event(data)
    return answer


def whole(document):
    answer = ResponseAnswer()
    answer.document(orjson.dumps(document))
    return answer


def cut(stream, places):
    bounds = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in pairwise(bounds)]


texts = st.text(st.sampled_from(["a", "é", "☕", "\u2028", "\n", "\r", '"', "\\", "\x85"]))


@settings(max_examples=300, deadline=DEADLINE)
@given(texts, st.lists(st.integers(0, 10_000), max_size=20))
def test_a_stream_cut_anywhere_says_what_it_says_whole(text, places):
    stream = b"".join(streamed(text))
    answer = read(*cut(stream, places))
    assert answer.text == whole(response(said(text))).text == text
    assert (answer.finished, answer.done, answer.failed) == (True, True, False)
    assert answer.ref == "response:resp_1"


def test_only_an_event_that_says_so_is_an_end():
    *before, last = streamed("Hello.")
    answer = read(*before)
    assert answer.message() == {"role": "assistant", "content": "Hello."}
    assert (answer.finished, answer.done) == (False, False)
    assert not read(*before, last[:-1]).done  # the empty line has yet to come
    assert read(*before, last).done


@pytest.mark.parametrize(
    ("status", "failed"),
    [("completed", False), ("incomplete", False), ("failed", True), ("cancelled", True)],
)
def test_every_terminal_event_is_an_end_and_some_are_a_failure(status, failed):
    answer = read(*opened(), piece("Hel"), closed("Hel", status=status))
    assert (answer.finished, answer.done, answer.failed) == (True, True, failed)
    assert answer.text == "Hel"
    once = whole(response(said("Hel"), status=status))
    assert (once.finished, once.done, once.failed) == (True, True, failed)


def test_after_an_error_the_stream_may_end_or_say_more():
    answer = read(*opened(), piece("Hel"), typed("error", 5, code="x", message="y", param=None))
    assert (answer.finished, answer.done, answer.failed) == (True, False, True)


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_response_that_is_yet_to_come_says_nothing(status):
    answer = whole(response(status=status, background=True))
    assert answer.message() is None
    assert (answer.ref, answer.failed) == ("response:resp_1", False)


def test_reasoning_and_refusals_are_not_said():
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"text": "hm"}]}
    refusal = {"type": "refusal", "refusal": "I cannot."}
    at = {"item_id": "x", "output_index": 0, "content_index": 0}
    answer = read(
        typed("response.output_item.added", 0, output_index=0, item=reasoning),
        typed("response.reasoning_text.delta", 1, **at, delta="hm"),
        typed("response.reasoning_summary_text.delta", 2, **at, delta="hm"),
        typed("response.refusal.delta", 3, **at, delta="I cannot."),
        typed("response.output_item.done", 4, output_index=0, item=reasoning),
        typed(
            "response.completed", 5, response=response(reasoning, said("") | {"content": [refusal]})
        ),
    )
    assert answer.message() is None
    assert answer.done


def test_the_parts_of_an_answer_stand_in_their_order_one_to_a_line():
    order = [(1, 0, "c"), (0, 1, "b"), (0, 0, "a"), (1, 0, "C"), (0, 0, "A")]
    answer = read(*(piece(t, output_index=i, content_index=p) for i, p, t in order))
    assert answer.text == "aA\nb\ncC"
    parts = [
        part | {"text": text} for part, text in zip(said("")["content"] * 2, "xy", strict=True)
    ]
    assert whole(response(said("w"), said("") | {"content": parts})).text == "w\nx\ny"


def test_what_was_not_streamed_is_taken_from_the_event_that_ends_it():
    done = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "text": "Hello."}
    assert read(*opened(), typed("response.output_text.done", 4, **done)).text == "Hello."
    assert read(*opened(), closed("Hello.")).text == "Hello."


def test_what_was_streamed_is_not_taken_twice_where_places_do_not_agree():
    late = [piece("Hello.", output_index=3), closed("Hello.")]  # reasoning left out at the end
    assert read(*opened(), *late).text == "Hello."


def test_parallel_calls_are_put_together_by_their_item():
    items = [called("f", '{"x":1}', "call_a"), called("g", "{}", "call_b")]
    begun = [item | {"arguments": "", "status": "in_progress"} for item in items]
    name = "response.function_call_arguments"
    events = [
        *(
            typed("response.output_item.added", 1, output_index=i, item=item)
            for i, item in enumerate(begun, 1)
        ),
        typed(f"{name}.delta", 2, output_index=2, item_id="fc_call_b", delta="{"),
        typed(f"{name}.delta", 3, output_index=1, item_id="fc_call_a", delta='{"x"'),
        typed(f"{name}.delta", 4, output_index=2, item_id="fc_call_b", delta="}"),
        typed(f"{name}.delta", 5, output_index=1, item_id="fc_call_a", delta=":1}"),
        typed(f"{name}.done", 6, output_index=1, item_id="fc_call_a", arguments='{"x":1}'),
        *(
            typed("response.output_item.done", 7, output_index=i, item=item)
            for i, item in enumerate(items, 1)
        ),
        typed("response.completed", 8, response=response(*items)),
    ]
    expected: dict[str, Any] = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_a",
                "type": "function",
                "function": {"name": "f", "arguments": '{"x":1}'},
            },
            {"id": "call_b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    }
    assert read(*events).message() == expected
    assert read(events[-1]).message() == expected
    assert whole(response(*items)).message() == expected


def test_a_custom_tools_input_is_kept_as_it_is():
    item = {"type": "custom_tool_call", "call_id": "c", "name": "sh", "input": "ls -l"}
    name = "response.custom_tool_call_input"
    answer = read(
        typed("response.output_item.added", 0, output_index=0, item=item | {"input": ""}),
        typed(f"{name}.delta", 1, output_index=0, delta="ls "),
        typed(f"{name}.delta", 2, output_index=0, delta="-l"),
        typed(f"{name}.done", 3, output_index=0, input="ls -l"),
    )
    call = {"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls -l"}}
    assert answer.message() == {"role": "assistant", "content": None, "tool_calls": [call]}
    assert whole(response(item)).message() == answer.message()


def test_usage_is_that_of_the_response():
    assert read(closed("Hi", usage={"total_tokens": 3})).usage == {"total_tokens": 3}


def test_an_error_of_ours_goes_on_where_the_numbers_were():
    error = api_error(UpstreamBrokenError())
    for answer, number in ((read(*opened(), piece("Hel")), 5), (ResponseAnswer(), 0)):
        head, data, *_ = answer.error_event(error).split(b"\n")
        assert head == b"event: error"
        document = orjson.loads(data.removeprefix(b"data: "))
        assert (document["type"], document["sequence_number"]) == ("error", number)
        assert document["code"] == document["error"]["code"] == "upstream_broken"


def test_an_answer_is_kept_up_to_the_most_characters_parts_and_calls():
    half = "é" * (MAX_TEXT // 2 + 1)
    assert read(*[piece(half)] * 3).text == "é" * MAX_TEXT
    many = read(*(piece("x", content_index=i) for i in range(2 * MAX_PARTS)))
    assert many.text == "\n".join("x" * MAX_PARTS)
    calls = whole(response(*[called("f", "{}")] * (2 * MAX_CALLS))).message()
    assert calls
    assert len(calls["tool_calls"]) == MAX_CALLS


WHOLE: list[dict[str, Any]] = [
    orjson.loads(event.split(b"data: ")[1])
    for event in [
        *streamed("Hi"),
        typed("response.output_item.added", 1, output_index=1, item=called("f", "")),
        typed("response.function_call_arguments.delta", 1, output_index=1, delta="{"),
        typed("response.function_call_arguments.done", 1, output_index=1, arguments="{}"),
        typed("error", 2, code="x", message="y", error={"message": "y"}),
    ]
]


@pytest.mark.parametrize("junk", [None, True, -1, 0.5, "x", [], [1], [[]], {}, {"a": 1}])
def test_junk_in_any_place_of_an_answer_never_raises(junk):
    for event in WHOLE:
        for document in spoiled(event, junk):
            answer = ResponseAnswer()
            answer.event(orjson.dumps(document))
            for other in WHOLE:
                answer.event(orjson.dumps(other))
            orjson.dumps([answer.message(), answer.usage, answer.ref, answer.failed])
    for document in spoiled(response(said("Hi"), called("f", "{}")), junk):
        orjson.dumps(whole(document).message())
