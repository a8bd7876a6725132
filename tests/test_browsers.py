"""Pages call the gateway from origins that are let in; without keys none from elsewhere does."""

import httpx
import pytest

from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.security("S16")]

ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}
PAGE = "https://app.example.com"


async def chat(it, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{it.url}/v1/chat/completions", json=ASK, headers=headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://evil.example:8080", "host": "127.0.0.1:8080"},
        {"origin": "null"},
        {"origin": "http://192.168.1.7"},
        {"host": "evil.example:8080"},  # a name that was pointed at this machine
        {"host": "evil.example."},
        {"origin": "http://evil.example:8080", "host": "evil.example:8080"},
        {"origin": "https://localhost.evil.example"},
        {"origin": "https://127.0.0.1.evil.example"},
    ],
    ids=str,
)
async def test_without_keys_what_a_page_from_elsewhere_sends_is_refused(headers):
    async with served() as it:
        response = await chat(it, headers)
        async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
            got = await client.get(f"{it.url}/v1/models")
    assert response.status_code == got.status_code == 403
    assert response.json()["error"]["code"] == "foreign_origin"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost:8080"},
        {"host": "[::1]:8080"},
        {"host": "gateway"},
        {"host": "memory.localhost"},
        {"origin": "http://localhost:3000"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "http://[::1]:3000"},
    ],
    ids=str,
)
async def test_without_keys_this_machine_is_served(headers):
    async with served() as it:
        assert (await chat(it, headers)).status_code == 200


async def test_with_keys_the_key_is_what_counts():
    async with served(api_keys="p:secret-key") as it:
        headers = {"host": "memory.example.com", "authorization": "Bearer secret-key"}
        assert (await chat(it, headers)).status_code == 200


async def preflight(it, origin: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.options(
            f"{it.url}/v1/chat/completions",
            headers={
                "origin": origin,
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization,content-type",
            },
        )


@pytest.mark.parametrize("keys", ["", "p:secret-key"])
async def test_without_the_setting_no_answer_lets_a_page_read_it(keys):
    async with served(api_keys=keys) as it:
        for response in (
            await preflight(it, PAGE),
            await chat(it, {"origin": PAGE, "authorization": "Bearer secret-key"}),
        ):
            assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("keys", ["", "p:secret-key"])
async def test_a_page_of_an_origin_that_is_let_in_may_call_and_read_also_what_is_refused(keys):
    async with served(api_keys=keys, cors_origins=PAGE) as it:
        asked = await preflight(it, PAGE)
        answered = await chat(it, {"origin": PAGE, "authorization": "Bearer secret-key"})
        async with httpx.AsyncClient(trust_env=False) as client:
            wrong = await client.post(
                f"{it.url}/v1/chat/completions",
                content=b"{",
                headers={"origin": PAGE, "authorization": "Bearer secret-key"},
            )
        other = await preflight(it, "https://evil.example")
    assert (asked.status_code, answered.status_code, wrong.status_code) == (200, 200, 400)
    for response in (asked, answered, wrong):
        assert response.headers["access-control-allow-origin"] == PAGE
        assert "access-control-allow-credentials" not in response.headers
    assert "access-control-allow-origin" not in other.headers
