"""The documentation of the MemOS endpoints: codes, and each endpoint's fields, as Markdown."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from gateway.http.errors import ApiError
from gateway.http.memos import routes
from gateway.http.memos.codes import Code
from gateway.http.memos.reading import parse_body
from gateway.http.operation import Operation
from tests.fields.endpoints import ENDPOINTS
from tests.fields.table import Bad, Endpoint, Row

PAGE = Path(__file__).parent.parent.parent / "docs" / "memos-api.md"
_LONGEST = 60  # characters of a value that is shown whole

_HEAD = """\
# The MemOS Cloud API, field by field

This page is made by `make docs` from the table that the tests run (`tests/fields/`): each value in
it was sent to a served gateway, had the effect that is written beside it, or was refused as it
says. The fields' types, ranges and defaults, and what is answered, are in `/docs` and
`/openapi.json` of a running gateway.

A client of MemOS Cloud changes its base URL to `http://HOST:PORT/api/openmem/v1` and sends a key of
the gateway as `Authorization: Token KEY` or `Bearer KEY`. An answer is
`{"code": 0, "data": ..., "message": "ok"}`, a refusal `{"code": 40000, "data": null, "message":
"..."}` with the HTTP status of the code. A field that is null means its default; a field that is
not named here is passed over. Times in answers are milliseconds since 1970 in UTC; in requests they
may be so too, or texts in any usual form, which are UTC where they name no zone.
"""


def page() -> str:
    return "\n".join([_HEAD, *_codes(), *_endpoints()])


def operation(endpoint: Endpoint) -> Operation[Any]:
    [found] = [
        each
        for each in routes.OPERATIONS
        if (each.method, each.path) == (endpoint.method, endpoint.path)
    ]
    return found


def message(endpoint: Endpoint, row: Row, bad: Bad) -> str:
    """What a refusal says: of the reading of the request, or else what the row has."""
    asked = endpoint.asking(row.name, bad.value) | bad.beside
    try:
        parse_body(operation(endpoint).asked, orjson.dumps(asked))
    except ApiError as error:
        return error.message
    return bad.said


def _codes() -> Iterator[str]:
    yield "## Codes\n\n| code | status | meaning |\n|---|---|---|"
    for code in Code:
        yield f"| {code.number} | {code.status} | {code.meaning} |"
    yield ""


def _endpoints() -> Iterator[str]:
    for endpoint in ENDPOINTS:
        summary = inspect.cleandoc(operation(endpoint).work.__doc__ or "").partition("\n\n")[0]
        yield f"## {endpoint.method} /{endpoint.path}\n\n{' '.join(summary.split())}\n"
        if endpoint.rows:
            yield "| field | value | effect | refused | code | status | message |"
            yield "|---|---|---|---|---|---|---|"
        for row in endpoint.rows:
            yield from _rows(endpoint, row)
        yield ""


def _rows(endpoint: Endpoint, row: Row) -> Iterator[str]:
    begins = [f"`{row.name}`", _shown(row.good), row.effect]
    if not row.bad:
        yield _line(*begins, row.free, "", "", "")
    for bad in row.bad:
        code = next(code for code in Code if code.number == bad.code)
        told = message(endpoint, row, bad)
        yield _line(*begins, _shown(bad.value), str(code.number), str(code.status), told)
        begins = ["", "", ""]


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _shown(value: Any) -> str:
    written = orjson.dumps(value).decode()
    if len(written) <= _LONGEST:
        return f"`{written}`"
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, list):
        return f"a list of {len(value)}, `{orjson.dumps(value[0]).decode()[:_LONGEST]}` first"
    return f"`{written[:_LONGEST]}...`"
