"""A streamed answer is read aside, however its bytes are cut and whatever they hold."""

import re
import tracemalloc
from itertools import pairwise

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.chat_completions import ChatAnswer
from gateway.http.tee import MAX_CALLS, MAX_EVENT, MAX_TEXT, EventSplitter
from tests.json_texts import spoiled

DEADLINE = 2000  # milliseconds an example; more would be a hang, not a busy machine
BOM = b"\xef\xbb\xbf"

pieces = st.one_of(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"\r\r"]),
    st.sampled_from([b"data:", b"data: ", b"data", b"data:  ", b"data: [DONE]", b"[DONE]", b"{}"]),
    st.sampled_from([b":", b": ping", b"id: 1", b"event: x", b"retry: 5", b"dat", b" ", BOM, b""]),
    st.sampled_from(["\u2028".encode(), "\u0085".encode(), b"\x85", b"\x0b", b"\x0c", b"\x1c"]),
    st.binary(max_size=4),
)
streams = st.lists(pieces, max_size=30).map(b"".join)


def cut(stream, places):
    bounds = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in pairwise(bounds)]


def events(*chunks):
    splitter = EventSplitter()
    return [data for chunk in chunks for data, _ in splitter.feed(chunk)]


def reference(stream):
    """The events of a whole stream, read the obvious way."""
    *lines, _ = re.split(rb"\r\n|\n|\r", stream.removeprefix(BOM))
    found: list[bytes] = []
    data: list[bytes] = []
    for line in lines:
        name, _, value = line.partition(b":")
        if not line:
            found += [b"\n".join(data)] if data else []
            data = []
        elif name == b"data" and value.removeprefix(b" ") == b"[DONE]" and not data:
            found.append(b"[DONE]")
        elif name == b"data":
            data.append(value.removeprefix(b" "))
    return found


@settings(max_examples=1500, deadline=DEADLINE)
@given(streams, st.lists(st.integers(0, 200), max_size=12))
def test_any_bytes_cut_anywhere_give_the_same_events(stream, places):
    assert events(*cut(stream, places)) == events(stream) == reference(stream)


@settings(max_examples=200, deadline=DEADLINE)
@given(streams)
def test_bytes_that_come_one_by_one_give_the_same_events(stream):
    assert events(*(stream[i : i + 1] for i in range(len(stream)))) == reference(stream)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_end_in_any_of_the_three_ways(end):
    assert events(b"data: a" + end + end + b"data: b" + end + end) == [b"a", b"b"]


@pytest.mark.fault("F19")
@pytest.mark.parametrize(
    "separator", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x1e"]
)
def test_no_other_separator_splits_a_line(separator):
    data = f'{{"content":"a{separator}b"}}'.encode()
    assert events(b"data: " + data + b"\n\n") == [data]


@pytest.mark.parametrize("place", range(5))
def test_a_byte_order_mark_is_skipped_at_the_start_alone_also_when_it_is_cut(place):
    stream = BOM + b"data: a\n\n" + BOM + b"data: b\n\ndata: c\n\n"
    assert events(stream[:place], stream[place:]) == [b"a", b"c"]


@pytest.mark.parametrize(
    "line", [b": ping", b":", b"id: 1", b"event: error", b"retry: 9", b"x", b"datax: 1"]
)
def test_what_is_no_data_is_no_event_and_ends_none(line):
    assert events(line + b"\n\n") == []
    assert events(b"data: a\n" + line + b"\ndata: b\n\n") == [b"a\nb"]


def test_data_needs_no_space_and_loses_one_at_most():
    assert events(b"data:a\n\ndata:  a\n\ndata: a: b\n\n") == [b"a", b" a", b"a: b"]


def test_empty_data_is_an_event_and_an_event_that_was_not_ended_is_none():
    assert events(b"data:\n\ndata\n\ndata: a\n") == [b"", b""]


def test_an_empty_chunk_changes_nothing():
    stream = BOM + b"data: a\r\n\r\n"
    assert events(b"", *(stream[i // 2 : (i + 1) // 2] for i in range(2 * len(stream)))) == [b"a"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_done_counts_with_its_line_and_is_told_where_it_begins(end):
    before = b'data: {"x":1}' + end + end
    stream = before + b"data: [DONE]" + end + end
    complete = len(before) + len(b"data: [DONE]") + 1
    for place in range(len(stream)):
        splitter = EventSplitter()
        found = splitter.feed(stream[:place])
        found += [(data, place + at) for data, at in splitter.feed(stream[place:])]
        chunk_begins = 0 if complete <= place else place
        assert found[-1] == (b"[DONE]", max(chunk_begins, len(before)))


def test_done_within_a_larger_event_is_a_part_of_it():
    assert events(b"data: a\ndata: [DONE]\n\n") == [b"a\n[DONE]"]


def test_a_place_is_that_of_the_line_in_its_chunk():
    splitter = EventSplitter()
    assert splitter.feed(b"data: a\n\ndata: b\n\nda") == [(b"a", 8), (b"b", 17)]
    assert splitter.feed(b"ta: [DO") == []
    assert splitter.feed(b"NE]\ndata: [DONE]\n") == [(b"[DONE]", 0), (b"[DONE]", 4)]


@pytest.mark.parametrize("size", [MAX_EVENT + 1, 2**20, 2**16 - 1])
def test_an_over_long_line_is_skipped_however_it_comes_and_later_events_are_read(size):
    stream = b"data: " + b"x" * MAX_EVENT + b"\n\ndata: a\n\n"
    assert events(*(stream[i : i + size] for i in range(0, len(stream), size))) == [b"a"]
    assert events(stream) == [b"a"]


def test_a_line_of_the_most_bytes_is_read():
    text = b"x" * (MAX_EVENT - len(b"data: "))
    assert events(b"data: " + text + b"\n\n") == [text]


def test_a_stream_of_any_length_is_read_to_its_end():
    event = b"x" * 2**20
    assert events(*[b"data: " + event + b"\n\n"] * 20) == [event] * 20


@pytest.mark.parametrize("chunk", [b"x" * 2**20, b"data: " + b"x" * 2**20 + b"\n"])
def test_what_never_ends_an_event_takes_no_more_memory_than_one_event_may(chunk):
    splitter = EventSplitter()
    tracemalloc.start()
    for _ in range(40):
        assert splitter.feed(chunk) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * MAX_EVENT
    splitter.feed(b"\n\n")
    assert splitter.feed(b"data: a\n\n") == [(b"a", 8)]


def chunk_of(delta, index=0, finish=None):
    return orjson.dumps(
        {"choices": [{"index": index, "delta": delta, "finish_reason": finish}], "usage": None}
    )


def gathered(*deltas):
    answer = ChatAnswer()
    for delta in deltas:
        answer.event(chunk_of(delta))
    return answer


def test_the_pieces_of_a_text_are_joined_in_order():
    answer = gathered(
        {"role": "assistant", "content": ""}, {"content": "Hel"}, {"content": "lo ☕"}
    )
    assert answer.message() == {"role": "assistant", "content": "Hello ☕"}
    assert not answer.finished
    answer.event(chunk_of({}, finish="stop"))
    assert answer.finished
    assert not answer.done
    answer.event(b"[DONE]")
    assert answer.done


def test_an_answer_that_said_nothing_is_no_message():
    assert gathered({"role": "assistant", "content": ""}, {"content": None}, {}).message() is None


def test_a_refusal_is_no_text():
    answer = gathered(
        {"role": "assistant", "content": None, "refusal": "I can"}, {"refusal": "not"}
    )
    assert answer.text == ""
    assert answer.message() is None


def test_parallel_tool_calls_are_put_together_by_their_index():
    def call(index, arguments, **more):
        return {"index": index, "function": {"arguments": arguments} | more}

    first = call(0, "", name="weather") | {"id": "a", "type": "function"}
    second = call(1, '{"', name="time") | {"id": "b", "type": "function"}
    answer = gathered(
        {"content": None, "tool_calls": [first]},
        {"tool_calls": [second]},
        {"tool_calls": [call(1, 'zone":')]},
        {"tool_calls": [call(0, '{"city":"Li'), call(1, '"UTC"}')]},
        {"tool_calls": [call(0, 'sbon"}')]},
    )
    assert answer.message() == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "a",
                "type": "function",
                "function": {"name": "weather", "arguments": '{"city":"Lisbon"}'},
            },
            {
                "id": "b",
                "type": "function",
                "function": {"name": "time", "arguments": '{"zone":"UTC"}'},
            },
        ],
    }


@pytest.mark.parametrize("index", [{}, {"index": None}])
def test_tool_calls_without_an_index_are_told_apart_by_their_order(index):
    def calls(*pieces):
        return {"tool_calls": [index | {"function": {"arguments": piece}} for piece in pieces]}

    message = gathered(calls("{", "["), calls("}", "]")).message()
    assert [call["function"]["arguments"] for call in message["tool_calls"]] == ["{}", "[]"]


@pytest.mark.parametrize("again", ["", "b", None])
def test_the_first_id_of_a_tool_call_is_kept(again):
    pieces = [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}},
        {"index": 0, "id": again, "type": "", "function": {"name": "", "arguments": "}"}},
    ]
    [call] = gathered(*({"tool_calls": [piece]} for piece in pieces)).message()["tool_calls"]
    assert call == {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_of_several_choices_the_first_is_taken():
    answer = ChatAnswer()
    for index, text in [(1, "no"), (0, "y"), (1, "no"), (0, "es")]:
        answer.event(chunk_of({"content": text}, index=index))
    answer.event(chunk_of({}, index=1, finish="stop"))
    assert answer.text == "yes"
    assert not answer.finished
    answer.event(chunk_of({}, finish="length"))
    assert answer.finished


def test_a_choice_without_an_index_is_the_first():
    answer = ChatAnswer()
    answer.event(b'{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}')
    assert answer.finished
    assert answer.text == "a"


def test_usage_comes_with_no_choices_and_later_nulls_do_not_lose_it():
    answer = gathered({"content": "a"})
    assert answer.usage is None
    answer.event(b'{"choices":[],"usage":{"total_tokens":3}}')
    answer.event(chunk_of({}))
    assert answer.usage == {"total_tokens": 3}


def test_a_whole_answer_is_read_as_a_streamed_one():
    calls = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    message = {"role": "assistant", "content": "Hi", "tool_calls": calls, "refusal": None}
    document = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    answer = ChatAnswer()
    answer.document(orjson.dumps(document | {"usage": {"total_tokens": 1}}))
    assert answer.message() == {"role": "assistant", "content": "Hi", "tool_calls": calls}
    assert (answer.finished, answer.done, answer.usage) == (True, True, {"total_tokens": 1})


def test_an_answer_is_kept_up_to_the_most_characters():
    half = "é" * (MAX_TEXT // 2 + 1)
    answer = gathered({"content": half}, {"content": half}, {"content": half})
    assert answer.text == "é" * MAX_TEXT
    arguments = {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": half}}]}
    [call] = gathered(*[arguments] * 3).message()["tool_calls"]
    assert len(call["function"]["name"] + call["function"]["arguments"]) == MAX_TEXT


def test_tool_calls_are_kept_up_to_the_most():
    calls = [{"index": index, "id": str(index)} for index in range(-1, 2 * MAX_CALLS)]
    assert len(gathered({"tool_calls": calls}).message()["tool_calls"]) == MAX_CALLS


@pytest.mark.parametrize(
    "junk", [b"", b"{", b"\xff", b"null", b"[]", b"1", b'"x"', b"[DONE] ", b"[" * 9999]
)
def test_what_is_no_object_is_passed_over(junk):
    answer = ChatAnswer()
    answer.event(junk)
    answer.document(junk)
    assert answer.message() is None
    assert not answer.finished


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 2**63), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


def shaped(**members):
    """An object with any of these members, or junk in its place."""
    return st.one_of(st.fixed_dictionaries({}, optional=members), junk)


WHOLE = {
    "choices": [
        {
            "index": 0,
            "finish_reason": None,
            member: {
                "role": "assistant",
                "content": "Hi",
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "a",
                        "type": "function",
                        "function": {"name": "f", "arguments": "{}"},
                    }
                ],
            },
        }
        for member in ("delta", "message")
    ],
    "usage": {"total_tokens": 1},
}


@pytest.mark.parametrize("junk", [None, True, -1, 0.5, "x", [], [1], [[]], {}, {"a": 1}])
def test_junk_in_any_place_of_an_answer_never_raises(junk):
    for document in spoiled(WHOLE, junk):
        answer = ChatAnswer()
        answer.event(orjson.dumps(document))
        answer.document(orjson.dumps(document))
        orjson.dumps([answer.message(), answer.usage])


functions = shaped(name=junk, arguments=junk)
calls = st.one_of(st.lists(shaped(index=junk, id=junk, type=junk, function=functions)), junk)
messages = shaped(role=junk, content=junk, tool_calls=calls)
choices = st.lists(shaped(index=st.one_of(st.just(0), junk), delta=messages, message=messages))
answers = shaped(choices=st.one_of(choices, junk), usage=junk)


@settings(max_examples=200, deadline=DEADLINE)
@given(st.lists(answers, max_size=4))
def test_json_of_any_shape_never_raises(documents):
    answer = ChatAnswer()
    for document in documents:
        answer.event(orjson.dumps(document))
        answer.document(orjson.dumps(document))
    orjson.dumps([answer.message(), answer.usage])
