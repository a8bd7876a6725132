"""Whatever is sent to it, the gateway answers as its description says, and never fails."""

import asyncio

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.http.description.document import document
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.process]

EXAMPLES = 30  # requests of each kind, for each operation
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
DESCRIBED = document()
SCHEMA = schemathesis.openapi.from_dict(DESCRIBED)
OPERATIONS = {
    each.ok().label: each.ok() for each in SCHEMA.get_all_operations() if isinstance(each, Ok)
}


def kinds():
    """Good requests must be answered as described, and bad ones refused as described.

    What a JSON schema calls bad may still be taken: clients write "5" for 5, and send fields that
    nobody knows. Where nothing is asked, nothing is bad.
    """
    for label, operation in OPERATIONS.items():
        yield label, GenerationMode.POSITIVE
        if "requestBody" in operation.definition.raw:
            yield label, GenerationMode.NEGATIVE


def ask(operation, kind, url, key):
    """Send what is made up of the description, and hold each answer against it."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        verbosity=Verbosity.quiet,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=kind))
    def every(case):
        headers = {"X-Gateway-Key": key}
        response = case.call(base_url=url, headers=headers)
        case.validate_response(response, checks=CHECKS)

    every()


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module", name="it")
async def _it():
    async with served(api_keys="fuzzed:fuzzed") as it:
        yield it


@pytest.mark.parametrize(("label", "kind"), list(kinds()))
async def test_an_operation_answers_as_it_is_described(it, label, kind):
    await asyncio.to_thread(ask, OPERATIONS[label], kind, it.url, "fuzzed")
