"""The MemOS endpoints refuse what is wrong with their own code, and delete nothing unnamed."""

from typing import Any

import pytest

from gateway.http.access import MEMOS_PREFIX
from gateway.http.description.document import families
from tests.asking import Known, bodies, placed
from tests.security.target import ADD, GLOBEX, SEARCH, at

pytestmark = pytest.mark.anyio
__all__ = ["at"]

GET = f"{MEMOS_PREFIX}v1/get/memory"
ODD: list[Any] = [..., 5, True, [], {}, [5], {"a": 1}, "", "u" * 101, "u" * 1024]
NAMES = ["*", "../", "' OR 1=1 --", "\u0430nn", "ann\0", "ann\r\nx: 1", "\u202eann", "%00", "a/b"]


def asks(user: object) -> dict[str, Any]:
    body = {"query": "x", "messages": [{"role": "user", "content": "Hello."}], "relativity": 0}
    return body if user is ... else body | {"user_id": user}


@pytest.mark.security("B12")
@pytest.mark.parametrize("path", [SEARCH, GET, ADD])
@pytest.mark.parametrize("user", ODD, ids=lambda user: str(user)[:20])
async def test_a_user_that_is_no_name_is_a_400(at, path, user):
    response = await at.post(path, asks(user))
    assert response.status_code == 400
    assert response.json()["code"] in {40000, 40002, 40003, 40010}


@pytest.mark.security("B12")
@pytest.mark.parametrize("path", [SEARCH, GET, ADD])
@pytest.mark.parametrize("user", NAMES)
async def test_an_odd_name_is_that_users_alone(at, path, user):
    told = {"user_id": "ann", "async_mode": False}
    told["messages"] = [{"role": "user", "content": "I keep a heron."}]
    await at.post(ADD, told)
    response = await at.post(path, asks(user))
    assert response.status_code in {200, 400}
    assert "heron" not in response.text


def each(path: str, name: str, values: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(path, {name: value}) for value in values]


WRONG: list[tuple[str, dict[str, Any]]] = [
    *each(SEARCH, "query", ("", None, 5, [])),
    *each(SEARCH, "memory_limit_number", (-1, 10**9, "x", 1.5)),
    *each(SEARCH, "relativity", (-0.1, 1.1, "x", [])),
    *each(GET, "page", (0, -1, "x", 10**30)),
    *each(GET, "size", (0, -1, 10**9, "x")),
    *each(ADD, "messages", ([], None, "x", [None], [{}], [{"role": "emperor"}])),
    *each(ADD, "tags", ("x", [1], ["t"] * 1000)),
    (ADD, {"conversation_id": "c" * 101}),
    (ADD, {"messages": [{"role": "user", "content": "x", "chat_time": "yesterday-ish"}]}),
    *each(
        SEARCH,
        "filter",
        (
            *("x", 5, [], {"and": []}, {"or": [{}]}, {"xor": [{"a": 1}]}),
            *({"and": [{"tags": {"contains": {}}}]}, {"and": [{"create_time": {"gte": []}}]}),
            {"and": [{"a": {"$where": "1"}}]},
        ),
    ),
]


@pytest.mark.security("B12")
@pytest.mark.parametrize(("path", "given"), WRONG, ids=lambda value: str(value)[-60:])
async def test_a_field_that_is_wrong_is_a_400_with_a_code(at, path, given):
    response = await at.post(path, asks("ann") | given)
    assert response.status_code == 400
    assert 40000 <= response.json()["code"] < 41000


@pytest.mark.security("B12")
async def test_a_filter_of_a_hundred_levels_is_refused(at):
    deep: dict[str, Any] = {"tags": "x"}
    for _ in range(100):
        deep = {"and": [deep]}
    response = await at.post(SEARCH, asks("ann") | {"filter": deep})
    assert response.status_code in {200, 400}


@pytest.mark.security("B12")
async def test_100_000_words_are_searched_for_or_refused(at):
    response = await at.post(SEARCH, asks("ann") | {"query": "word " * 100_000})
    assert response.status_code in {200, 400, 413}


DELETES = [
    (f"/{family.prefix}{each.path}".replace("//", "/"), each)
    for family in families()
    for each in family.operations
    if each.method == "DELETE" or each.path.startswith("delete/")
]
EMPTY: list[dict[str, Any]] = [
    {},
    {"memory_ids": [], "file_ids": [], "user_id": "", "agent_id": ""},
    {"memory_ids": [""], "file_ids": [""], "user_id": "*"},
    {"memory_ids": ["*"], "file_ids": ["*"], "user_id": "%"},
    {"memory_ids": None, "file_ids": None, "user_id": None},
    {"filter": {}, "memory_ids": [], "file_ids": []},
    {"memory_ids": ["x"] * 10_000, "file_ids": ["x"] * 10_000},
]


@pytest.mark.security("B12")
@pytest.mark.security("S3")
@pytest.mark.parametrize("path_and_call", DELETES, ids=lambda call: f"{call[1].method} {call[0]}")
async def test_a_deletion_that_names_nothing_deletes_nothing(at, path_and_call, record_property):
    path, operation = path_and_call
    told = {"user_id": "zoe", "async_mode": False, "conversation_id": "c"}
    told["messages"] = [{"role": "user", "content": "I keep a heron."}]
    for key in (None, GLOBEX):
        await at.post(ADD, told, **({"key": key} if key else {}))
    await at.it.learned()
    known = Known()
    tried = [*EMPTY, *bodies(operation, path, known)]
    for body in tried:
        filled, left = placed(path, body, known)
        await at.send(operation.method, filled, json=left)
    for key in (None, GLOBEX):
        found = await at.post(GET, {"user_id": "zoe"}, **({"key": key} if key else {}))
        assert "heron" in found.text
    record_property("cases", len(tried))
