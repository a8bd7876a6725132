"""A breaker moves a failing server behind the others, and never forbids to call it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.breaker import Breaker

REST = 10.0


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def breaker(threshold=3):
    clock = Clock()
    return Breaker(threshold=threshold, rest=REST, clock=clock), clock


def test_it_opens_after_so_many_failures_in_a_row():
    it, _ = breaker()
    for _ in range(2):
        it.failed()
    assert it.allows()
    it.succeeded()
    for _ in range(2):
        it.failed()
    assert it.allows()
    it.failed()
    assert it.open
    assert not it.allows()


def test_an_open_one_is_asked_once_each_rest_and_closes_when_that_succeeds():
    it, clock = breaker(1)
    it.failed()
    clock.now = REST
    assert [it.allows(), it.allows()] == [True, False]
    clock.now = 2 * REST
    assert it.allows()
    it.succeeded()
    assert not it.open
    assert it.allows()


def test_a_question_that_nobody_answers_only_puts_off_the_next():
    it, clock = breaker(1)
    it.failed()
    clock.now = REST
    assert it.allows()  # and the client left, so neither success nor failure is told
    clock.now = 2 * REST
    assert it.allows()


events = st.lists(st.sampled_from(["ok", "bad", "ask"]) | st.floats(0, 30), max_size=60)


@given(events, st.integers(1, 5))
def test_whatever_happens_it_is_open_only_after_failures_and_lets_one_through_each_rest(
    happened, threshold
):
    it, clock = breaker(threshold)
    row, asked = 0, []
    for event in happened:
        if event == "ok":
            it.succeeded()
            row = 0
        elif event == "bad":
            it.failed()
            row += 1
        elif event == "ask":
            if it.allows() and it.open:
                asked.append(clock.now)
        else:
            clock.now += event
        assert it.open == (row >= threshold)
        if not it.open:
            assert it.allows()
            asked.clear()
    assert all(later - earlier >= REST for earlier, later in pairwise(asked))
