"""The same request straight and through the gateway: nothing differs but what CHANGES names."""

from collections import Counter
from pathlib import Path

import pytest

from gateway.http import headers
from tests.conformance.comparing import BY_NAME, named
from tests.conformance.differences import CHANGES, DROPPED, HOPS, MADE_ANEW, PERSONAL
from tests.conformance.scenarios import SCENARIOS

FAULTS = {
    "F13": named("status", "an error in gzip"),
    "F15": named("a reset"),
    "F18": [
        *named("at a time", "at once", "in small pieces", "line ends", "lines that end", "CRLF"),
        *named("comments", "space after", "byte order mark", "on several lines", "ids, names"),
        *named("events without data", "fields nobody knows", "what is no JSON"),
    ],
    "F19": named("separators that end no line"),
    "F21": named("though identity was asked", "bomb", "a reset within gzip", "a coding that"),
    "F22": [
        *named("tool call", "a function call", "two choices", "without an index", "usage"),
        *named("reasoning", "refusal", "logprobs", "annotations", "audio", "members nobody knows"),
    ],
    "F23": named("though a stream was asked", "a stream that nobody asked for"),
}


def marked(name):
    """A scenario's name with the rows of the table of faults of which it is a case."""
    rows = [row for row, names in FAULTS.items() if name in names]
    return pytest.param(name, marks=[pytest.mark.fault(row) for row in rows], id=name)


@pytest.mark.anyio
@pytest.mark.parametrize("name", [marked(name) for name in BY_NAME])
async def test_nothing_differs_but_what_is_documented(comparing, name):
    compared = await comparing.compared(name)
    for way, found in compared.found.items():
        assert found.unexplained == [], way
        assert found.explained <= set(CHANGES)


@pytest.mark.anyio
async def test_the_block_is_in_a_request_with_memories_and_in_no_other(comparing):
    compared = await comparing.compared("a question after a tool loop")
    blocks = {way: "block" in found.explained for way, found in compared.found.items()}
    assert blocks == {"off": False, "new": False, "known": True}


def test_no_two_scenarios_share_a_name():
    assert [name for name, times in Counter(s.name for s in SCENARIOS).items() if times > 1] == []


def test_there_are_as_many_as_the_readme_says():
    page = (Path(__file__).parents[2] / "README.md").read_text()
    assert f"sends {len(SCENARIOS)} scenarios" in page


def test_what_changes_on_the_way_is_documented_word_for_word():
    page = (Path(__file__).parents[2] / "ARCHITECTURE.md").read_text()
    section = page.split("## What changes on the way\n")[1].split("\n## ")[0]
    listed = [line.removeprefix("- ") for line in section.splitlines() if line.startswith("- ")]
    assert listed == list(CHANGES.values())


def test_the_headers_that_end_here_are_those_that_are_documented():
    assert {name.decode() for name in headers.HOP_BY_HOP} == HOPS
    onward = headers.upstream_headers(
        [(name.encode(), b"1") for name in (*DROPPED, *PERSONAL, *HOPS, *MADE_ANEW, "x-other")],
    )
    assert [name for name, _ in onward] == [b"x-other", b"accept-encoding"]
    assert {name.encode() for name in DROPPED | HOPS | MADE_ANEW} == headers._NOT_FORWARDED
