"""Whatever is sent to it, the gateway answers as its description says, and never fails."""

import asyncio

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.http.description.document import document
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.process, pytest.mark.security("B12")]

EXAMPLES = 10  # requests of each kind, for each operation
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
KEY, ADMIN = "key-of-a-project", "key-of-an-admin"
SCHEMA = schemathesis.openapi.from_dict(document())
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
    """Send what is made up of the description, and say which answers are not as described."""

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
        response = case.call(base_url=url, headers={"X-Gateway-Key": key})
        case.validate_response(response, checks=CHECKS)

    try:
        every()
    except FailureGroup as group:  # which as it is would end the loop that all tests share
        return "\n".join(f"{each}" for each in group.exceptions)
    return ""


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module", name="it")
async def _it():
    async with served(api_keys=f"fuzzed:{KEY}", admin_keys=ADMIN) as it:
        yield it


@pytest.mark.parametrize(("label", "kind"), list(kinds()))
async def test_an_operation_answers_as_it_is_described(it, label, kind):
    operation = OPERATIONS[label]
    key = ADMIN if operation.path.startswith(("/v1/admin/", "/metrics")) else KEY
    wrong = await asyncio.to_thread(ask, operation, kind, it.url, key)
    assert not wrong
