"""A chat holds no more messages, parts, characters, tools and answers than the settings say."""

from typing import Any

import httpx
import pytest

from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.security("S10")]

SETTINGS: Any = {
    "max_messages": 3,
    "max_parts": 2,
    "max_characters": 100,
    "max_tools": 2,
    "max_choices": 4,
}


def said(content: object, count: int = 1) -> list:
    return [{"role": "user", "content": content}] * count


def text(length: int) -> dict:
    return {"type": "text", "text": "x" * length}


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1000}}

CASES = {
    "messages": ({"messages": said("x", 3)}, {"messages": said("x", 4)}, "messages"),
    "parts": (
        {"messages": said([text(1), IMAGE])},
        {"messages": said([text(1), IMAGE, IMAGE])},
        "messages.0.content",
    ),
    "characters": ({"messages": said("x" * 100)}, {"messages": said("x" * 101)}, "messages"),
    "characters of several": (
        {"messages": said("x" * 33, 3)},
        {"messages": said("x" * 34, 3)},
        "messages",
    ),
    "characters of parts": (
        {"messages": said([text(50), text(50)])},
        {"messages": said([text(50), text(51)])},
        "messages",
    ),
    "tools": (
        {"messages": said("x"), "tools": [{}] * 2},
        {"messages": said("x"), "tools": [{}] * 3},
        "tools",
    ),
    "answers": ({"messages": said("x"), "n": 4}, {"messages": said("x"), "n": 5}, "n"),
    "answers by a float": ({"messages": said("x")}, {"messages": said("x"), "n": 4.5}, "n"),
}


@pytest.mark.parametrize("mode", ["on", "off"])
@pytest.mark.parametrize(("fits", "over", "param"), CASES.values(), ids=list(CASES))
async def test_what_fits_goes_on_and_one_more_is_a_400_that_names_the_field(
    fits, over, param, mode
):
    async with scripted_upstream() as upstream, served(upstream.url, **SETTINGS) as it:
        async with httpx.AsyncClient(trust_env=False, headers={"x-memory": mode}) as client:
            url = f"{it.url}/v1/chat/completions"
            passed = await client.post(url, json={"model": "m"} | fits)
            refused = await client.post(url, json={"model": "m"} | over)
    assert passed.status_code == 200
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == param
    assert len(upstream.received) == 1


@pytest.mark.parametrize(
    ("given", "status"),
    [("x" * 100, 200), ("x" * 101, 400), (said("x", 3), 200), (said("x", 4), 400)],
    ids=["text", "too much of it", "a list", "too long a one"],
)
async def test_a_response_is_held_to_the_same(given, status):
    async with served(**SETTINGS) as it, httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(f"{it.url}/v1/responses", json={"model": "m", "input": given})
    assert response.status_code == status
    if status == 400:
        assert response.json()["error"]["param"] == "input"


@pytest.mark.parametrize(
    "odd", [{"messages": 7}, {"messages": [7, None, {"content": 3}]}, {"tools": "x"}, {"n": "x"}]
)
async def test_what_is_not_as_it_should_be_is_the_upstreams_to_judge(odd):
    async with scripted_upstream() as upstream, served(upstream.url, **SETTINGS) as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(f"{it.url}/v1/chat/completions", json={"model": "m"} | odd)
    assert upstream.last.json == {"model": "m"} | odd
