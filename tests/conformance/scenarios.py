"""Every scenario, by what it is about."""

from tests.conformance.answers import ANSWERS
from tests.conformance.endpoints import ENDPOINTS
from tests.conformance.failures import FAILURES
from tests.conformance.requests import REQUESTS
from tests.conformance.responses_api import RESPONSES
from tests.conformance.streams import STREAMS

GROUPS = {
    "requests": REQUESTS,
    "streams": STREAMS,
    "whole answers": ANSWERS,
    "failures": FAILURES,
    "the Responses API": RESPONSES,
    "every other address": ENDPOINTS,
}
SCENARIOS = [scenario for group in GROUPS.values() for scenario in group]
