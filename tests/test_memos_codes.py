"""Every refusal of the MemOS endpoints has one of MemOS's codes and the HTTP status that fits."""

import re
from pathlib import Path

import httpx
import orjson
import pytest
from pydantic import Field, field_validator

import gateway
from gateway.http.errors import ApiError
from gateway.http.memos.codes import Code, code_of, memos_body
from gateway.http.memos.reading import Body, parse_body
from tests.served import served


class Asked(Body):
    """A request that has one of everything that a code speaks of."""

    user_id: str = Field("", max_length=100)
    name: str = Field(min_length=1)
    ids: list[str] = Field(default=["x"], min_length=1)
    relativity: float = Field(0.5, ge=0, le=1, allow_inf_nan=False)
    content: str = ""

    @field_validator("content")
    @classmethod
    def _in_base64(cls, value: str) -> str:
        if "*" in value:
            raise Code.BASE64_CHARACTERS.problem("not one of {A-Za-z0-9+/=}")
        return value


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({}, Code.EMPTY, "name: Field required"),
        ({"name": None}, Code.EMPTY, "name: Field required"),
        ({"name": ""}, Code.EMPTY, "name: String should have at least 1 character"),
        ({"name": "n", "ids": []}, Code.EMPTY_LIST, None),
        ({"name": "n", "ids": [1]}, Code.INVALID, None),
        ({"name": "n", "user_id": "x" * 101}, Code.USER_TOO_LONG, None),
        ({"name": "n", "relativity": 2}, Code.RELATIVITY, None),
        ({"name": "n", "relativity": "much"}, Code.INVALID, None),
        (
            {"name": "n", "content": "*"},
            Code.BASE64_CHARACTERS,
            "content: not one of {A-Za-z0-9+/=}",
        ),
    ],
)
def test_what_is_wrong_with_a_field_has_its_code_and_the_fields_name(body, code, message):
    with pytest.raises(ApiError) as caught:
        parse_body(Asked, orjson.dumps(body))
    assert code_of(caught.value) is code
    assert caught.value.status == code.status
    assert message in {None, caught.value.message}


@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.name)
def test_a_code_comes_with_its_status_and_says_what_it_means(code):
    error = code.error(param="x")
    assert 400 <= error.status < 600
    assert (error.status >= 500) <= (code.number >= 50000)
    assert orjson.loads(memos_body(error)) == {
        "code": code.number,
        "data": None,
        "message": code.meaning,
    }
    assert orjson.loads(memos_body(code.error("because")))["message"] == "because"


def test_no_number_stands_twice():
    assert len({code.number for code in Code}) == len(Code)


def test_each_code_is_told_by_something():
    sources = "".join(file.read_text() for file in Path(gateway.__file__).parent.rglob("*.py"))
    for code in Code:
        assert re.search(rf"\bCode\.{code.name}\b", sources), code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ApiError(405, "x"), 40000),
        (ApiError(408, "x"), 40000),
        (ApiError(401, "x", code="missing_api_key"), 40130),
        (ApiError(401, "x", code="invalid_api_key"), 40132),
        (ApiError(403, "x", code="anything"), 40306),
        (ApiError(404, "x", code="not_found"), 40001),
        (ApiError(413, "x"), 40305),
        (ApiError(429, "x"), 40300),
        (ApiError(429, "x", code="insufficient_quota"), 40304),
        (ApiError(500, "x", kind="server_error"), 50000),
        (ApiError(502, "x", code="upstream_unreachable"), 50002),
        (ApiError(503, "x", code="overloaded"), 50004),
    ],
)
def test_what_the_layers_around_the_endpoints_refuse_has_a_code_too(error, code):
    assert orjson.loads(memos_body(error))["code"] == code


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 40130),
        ({"authorization": "Token"}, 40130),
        ({"authorization": "Token wrong"}, 40132),
        ({"authorization": "Bearer wrong"}, 40132),
        ({"x-gateway-key": "wrong"}, 40132),
    ],
)
async def test_a_missing_key_and_a_wrong_one_are_told_apart(headers, code):
    async with served(api_keys="p:right") as it, httpx.AsyncClient(trust_env=False) as client:
        url = f"{it.url}/api/openmem/v1/search/memory"
        refused = await client.post(url, json={}, headers=headers)
        taken = await client.post(url, json={}, headers={"authorization": "Token right"})
    assert (refused.status_code, refused.json()["code"]) == (401, code)
    assert (taken.status_code, taken.json()["code"]) == (400, 40002)
