"""When a server is asked again is what the server says, as the official clients read it."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.retries import LONGEST_WAIT, MOST_BACKOFF, backoff, failed, wait_after


def wait(status=429, attempt=0, chance=0.0, **headers):
    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return wait_after(status, raw, attempt, chance=chance)


@pytest.mark.parametrize(
    ("status", "again"),
    [
        *((status, False) for status in (200, 400, 401, 404)),
        *((status, True) for status in (408, 409, 429, 500, 502, 503, 529)),
    ],
)
def test_without_a_word_of_the_servers_the_status_decides(status, again):
    assert (wait(status) is not None) == again


def test_what_the_server_says_decides_before_the_status():
    assert wait(400, x_should_retry="true") == backoff(0, chance=0)
    assert wait(503, x_should_retry="false") is None
    assert wait(503, x_should_retry="False", retry_after="1") is None


def test_an_answer_is_not_asked_for_again_whatever_it_says():
    assert [wait_after(s, [(b"x-should-retry", b"true")], 0, chance=0) for s in (200, 302)] == [
        None,
        None,
    ]


def test_a_wait_is_as_long_as_the_server_asks():
    assert wait(retry_after="3") == 3
    assert wait(retry_after="0") == 0
    assert wait(retry_after_ms="250", retry_after="3") == 0.25
    assert wait(retry_after_ms="soon", retry_after="3") == 3
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)
    assert 8 < wait(retry_after=date) <= 10
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=10), usegmt=True)
    assert wait(retry_after=past) == 0


def test_who_asks_for_too_long_a_wait_has_its_answer_passed_on():
    assert wait(retry_after=str(LONGEST_WAIT)) == LONGEST_WAIT
    assert wait(retry_after=str(LONGEST_WAIT + 1)) is None
    assert wait(retry_after="86400", x_should_retry="true") is None


@pytest.mark.parametrize("value", ["", "soon", "-1", "nan", "inf", "1e999", "Mon, 99 Foo"])
def test_what_makes_no_sense_is_as_if_nothing_was_said(value):
    assert wait(retry_after=value) == backoff(0, chance=0)


@given(st.integers(0, 100), st.floats(0, 1))
def test_back_off_grows_to_a_bound_and_is_spread(attempt, chance):
    longest = min(0.5 * 2**attempt, MOST_BACKOFF)
    assert 0.75 * longest <= backoff(attempt, chance=chance) <= longest


def test_another_server_is_asked_for_what_this_one_cannot_help():
    assert [
        status for status in (200, 400, 401, 404, 408, 409, 422, 429, 500, 503) if failed(status)
    ] == [
        408,
        429,
        500,
        503,
    ]
