"""Edits of JSON bytes find what the parser sees, and change nothing else."""

import json
import time
import tracemalloc
from itertools import takewhile

import orjson
import pytest
from hypothesis import given, settings

from gateway.http import splice
from tests.json_texts import DOCUMENTS, VALUES, arrays

DEADLINE = 2000  # milliseconds an example; more would be a hang, not a busy machine
LARGE = 20 * 2**20


def value_at(document, start):
    """What orjson reads of the value that begins there; the standard library finds its end."""
    text = document[start:].decode()
    return orjson.loads(text[: json.JSONDecoder().raw_decode(text)[1]])


def raw_members(document):
    """Key and value of each member, as they are written."""
    found = []
    for member in splice.members(document):
        text = document[member.value :].decode()
        end = json.JSONDecoder().raw_decode(text)[1]
        found.append((member.name, document[member.key : member.value], text[:end]))
    return found


def common(one, other):
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


@settings(deadline=DEADLINE)
@given(DOCUMENTS)
def test_the_members_are_those_that_the_parser_sees(document):
    seen = {m.name.decode(): value_at(document, m.value) for m in splice.members(document)}
    assert seen == orjson.loads(document)


@settings(deadline=DEADLINE)
@given(DOCUMENTS)
def test_a_member_is_found_where_the_parser_takes_its_value_from(document):
    parsed = orjson.loads(document)
    for name, value in parsed.items():
        start = splice.find(document, name.encode())
        assert start is not None
        assert value_at(document, start) == value
    for name in ("memory", "messages"):
        assert (splice.find(document, name.encode()) is not None) == (name in parsed)


@settings(deadline=DEADLINE)
@given(arrays(VALUES).map(str.encode))
def test_the_objects_of_an_array_are_those_that_the_parser_sees(document):
    seen = [value_at(document, start) for start in splice.objects(document, 0)]
    assert seen == [value for value in orjson.loads(document) if isinstance(value, dict)]


@settings(max_examples=300, deadline=DEADLINE)
@given(DOCUMENTS)
def test_removing_a_key_leaves_the_document_without_it_and_every_other_member_as_written(document):
    parsed = orjson.loads(document)
    parsed.pop("memory", None)
    removed = splice.remove(document, b"memory")
    assert orjson.loads(removed) == parsed
    assert raw_members(removed) == [m for m in raw_members(document) if m[0] != b"memory"]


@settings(max_examples=300, deadline=DEADLINE)
@given(DOCUMENTS)
def test_removing_a_key_that_occurs_once_takes_out_one_piece(document):
    times = sum(member.name == b"memory" for member in splice.members(document))
    removed = splice.remove(document, b"memory")
    if times == 0:
        assert removed == document
    if times == 1:
        assert common(document, removed) + common(document[::-1], removed[::-1]) >= len(removed)


@pytest.mark.parametrize(
    ("document", "left"),
    [
        (b'{"memory":1}', b"{}"),
        (b'{ "memory" : {"a":[1]} }', b"{  }"),
        (b'{"memory":1,"b":1.10}', b'{"b":1.10}'),
        (b'{"a":1e3 , "memory":"}" }', b'{"a":1e3  }'),
        (b'{"a":1,"memory":-0,\n "b":2}', b'{"a":1,"b":2}'),
        (b'{"memory":1,"a":1,"memory":[],"memory":null}', b'{"a":1}'),
        (b'{"m\\u0065mory":1,"a":"\\u0041"}', b'{"a":"\\u0041"}'),
        (b'{"a":{"memory":1}}', b'{"a":{"memory":1}}'),
        (b'{"a":"memory","b":["memory"]}', b'{"a":"memory","b":["memory"]}'),
    ],
)
def test_a_key_is_removed_from_the_first_level_alone_with_one_comma(document, left):
    assert splice.remove(document, b"memory") == left


def test_of_a_repeated_key_the_last_is_found():
    document = b'{"a":1,"a":[2],"b":3}'
    assert value_at(document, splice.find(document, b"a")) == [2]


def test_a_member_is_looked_for_in_the_object_that_begins_at_the_start_and_not_behind_it():
    document = b'[{"x":1}, {"content":2}]'
    assert splice.find(document, b"content", 1) is None
    assert value_at(document, splice.find(document, b"content", 9)) == 2


def test_an_insertion_changes_no_other_byte():
    assert splice.insert(b'{"a":[]}', 6, b"1e3") == b'{"a":[1e3]}'


@pytest.mark.parametrize(
    "text",
    [b"a" * LARGE, b"\\\\" * (LARGE // 2), b'\\"' * (LARGE // 2), b"{[,:" * (LARGE // 4)],
    ids=["letters", "backslashes", "quotes", "brackets"],
)
def test_a_string_of_many_megabytes_takes_neither_time_nor_memory(text):
    document = b'{"messages":[{"content":"' + text + b'"}],"memory":{}}'
    begun = time.thread_time()
    start = splice.find(document, b"messages")
    assert start is not None
    assert list(splice.objects(document, start)) == [start + 1]
    removed = splice.remove(document, b"memory")
    assert time.thread_time() - begun < 1
    assert removed == document[: -len(b',"memory":{}}')] + b"}"
    tracemalloc.start()
    splice.find(document, b"messages")
    splice.remove(document, b"memory")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * len(document)
