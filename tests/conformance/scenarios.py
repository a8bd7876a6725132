"""Every scenario, by what it is about."""

from tests.conformance.answers import ANSWERS
from tests.conformance.failures import FAILURES
from tests.conformance.requests import REQUESTS
from tests.conformance.streams import STREAMS

GROUPS = {
    "requests": REQUESTS,
    "streams": STREAMS,
    "whole answers": ANSWERS,
    "failures": FAILURES,
}
SCENARIOS = [scenario for group in GROUPS.values() for scenario in group]
