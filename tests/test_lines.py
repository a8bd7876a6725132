"""A stream is passed on in whole lines, and what follows a break is an event of its own."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.lines import MOST, WholeLines
from gateway.http.tee import EventSplitter

pieces = st.lists(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"data: x", b"data: ", b":", b"x", b"\n\n"])
    | st.binary(max_size=3),
    max_size=20,
)


def passed(chunks):
    lines = WholeLines()
    return lines, [lines.add(chunk) for chunk in chunks]


@settings(max_examples=500, deadline=None)
@given(pieces)
def test_nothing_is_lost_or_moved_and_only_a_lines_beginning_waits(chunks):
    lines, given_on = passed(chunks)
    held = lines.rest()
    assert b"".join(given_on) + held == b"".join(chunks)
    assert b"\n" not in held
    assert b"\r" not in held
    assert all(piece.endswith((b"\n", b"\r")) for piece in given_on if piece)


@settings(max_examples=500, deadline=None)
@given(pieces)
def test_an_event_after_a_break_is_read_as_it_is(chunks):
    """Whatever has been passed on, a client sees the error event as one event."""
    lines, given_on = passed(chunks)
    stream = b"".join(given_on) + lines.gap() + b"data: error\n\n"
    read = [data for data, _ in EventSplitter().feed(stream)]
    assert read[-1] == b"error"


def test_a_very_long_line_passes_as_it_comes():
    lines = WholeLines()
    passed_on = [lines.add(piece) for piece in (b"x" * MOST, b"y")]
    assert passed_on == [b"", b"x" * MOST + b"y"]
    assert (lines.between, lines.gap()) == (False, b"\n\n")
    lines.add(b"z\n")
    assert (lines.between, lines.gap()) == (True, b"\n")


def test_a_stream_begins_between_two_events():
    assert WholeLines().between
    assert WholeLines().gap() == b""


def test_an_event_that_is_whole_needs_no_gap():
    for end in (b"\n\n", b"\r\n\r\n", b"\r\r"):
        lines, _ = passed([b"data: x" + end])
        assert lines.gap() == b"", re.escape(end)
