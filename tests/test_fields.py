"""Each field of each MemOS endpoint has its effect, and each bad value its code and message."""

import inspect
import os
import typing

import pytest
from pydantic import BaseModel

from gateway.http.memos import routes
from gateway.http.memos.codes import Code
from tests.fields.endpoints import ENDPOINTS
from tests.fields.page import PAGE, message, operation, page
from tests.fields.world import worlds

pytestmark = pytest.mark.anyio
ROWS = [(endpoint, row) for endpoint in ENDPOINTS for row in endpoint.rows]


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module", name="there")
async def _there():
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith(("GATEWAY_", "OPENAI_"))]:
            environment.delenv(name)
        keys = [f"key-{number}" for number in range(len(ROWS))]
        async with worlds(keys, chat_models="talks,thinks") as there:
            yield there


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[str(row) for _, row in ROWS])
async def test_a_field_has_its_effect_and_a_bad_value_is_refused(there, number):
    endpoint, row = ROWS[number]
    assert row.effect, f"{row} does not say what its effect is"
    assert row.bad or row.free, f"{row} has no value that is refused, and does not say why"
    it = there(f"key-{number}")
    await row.shows(it, row.good)
    for bad in row.bad:
        code = next(code for code in Code if code.number == bad.code)
        beside = bad.beside if bad.ready is None else await bad.ready(it)
        asked = endpoint.asking(row.name, bad.value) | beside
        refused = await it.call(
            endpoint.path.format(**asked),
            None if endpoint.method == "GET" else asked,
            method=endpoint.method,
            status=code.status,
        )
        told = message(endpoint, row, bad)
        assert refused == {"code": bad.code, "data": None, "message": told}
        assert told


def fields(model: type[BaseModel]) -> set[str]:
    """The names of a model's fields, with those of the models within it."""
    names = set()
    for name, field in model.model_fields.items():
        names.add(name)
        names |= {f"{name}{inner}" for inner in within(field.annotation)}
    return names


def within(annotation: object) -> set[str]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return {f".{name}" for name in fields(annotation)}
    in_list = typing.get_origin(annotation) in {list, tuple}
    inner = {name for argument in typing.get_args(annotation) for name in within(argument)}
    return {f"[]{name}" for name in inner} if in_list else inner


@pytest.mark.parametrize("each", routes.OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
async def test_no_field_is_left_out_of_the_table(each):
    [endpoint] = [one for one in ENDPOINTS if operation(one) is each]
    assert {row.name for row in endpoint.rows} == fields(each.asked)


async def test_the_documentation_is_what_the_table_says():
    assert PAGE.read_text() == page(), "`make docs` writes it"
