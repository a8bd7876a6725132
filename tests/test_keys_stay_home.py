"""A gateway's key never reaches an upstream, whatever header it came in; the client's own may."""

import itertools
from base64 import b64encode

import httpx
import pytest

from gateway.memory.ports import ModelRequest
from gateway.metrics import Metrics
from gateway.parts import chat_model
from gateway.settings import Settings
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = [pytest.mark.anyio, pytest.mark.security("S9")]

ACME, OTHER, OWN, CLIENTS = "gw-acme-1", "gw-other-2", "sk-upstreams", "sk-clients"
KEYS = f"acme:{ACME},other:{OTHER}"
ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}


async def sent(headers, path="/v1/chat/completions", **settings):
    """What the upstream was sent, or None, and the answer's status."""
    async with scripted_upstream() as upstream, served(upstream.url, **settings) as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.post(it.url + path, json=ASK, headers=headers)
    return (upstream.received[-1] if upstream.received else None), response.status_code


def authorizations(request):
    return [value for name, value in request.headers if name.lower() == "authorization"]


PLACES = [
    ("authorization", "Bearer {}"),
    ("authorization", "bearer  {}"),
    ("authorization", "Token {}"),
    ("x-gateway-key", "{}"),
    ("x-api-key", "{}"),
    ("api-key", "{}"),
    ("x-anything", "key={};x"),
]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/embeddings"])
@pytest.mark.parametrize("own", ["", OWN])
async def test_no_key_of_ours_goes_on_whatever_it_came_in(path, own):
    for first, second in itertools.product(PLACES[:4], PLACES):
        headers = [(first[0], first[1].format(ACME)), (second[0], second[1].format(ACME))]
        request, status = await sent(headers, path, api_keys=KEYS, upstream_api_key=own)
        assert status == httpx.codes.OK, headers
        assert not [pair for pair in request.headers if ACME in pair[1]], headers
        assert authorizations(request) == ([f"Bearer {own}"] if own else [])


async def test_a_second_key_of_ours_does_not_go_on_either():
    for name, form in PLACES[:3]:
        headers = [("x-gateway-key", ACME), (name, form.format(OTHER))]
        request, _ = await sent(headers, api_keys=KEYS)
        assert not [pair for pair in request.headers if OTHER in pair[1]]
        headers = [(name, form.format(ACME)), (name, form.format(OTHER))]
        request, _ = await sent(headers, api_keys=KEYS)
        assert not [pair for pair in request.headers if OTHER in pair[1]]


async def test_a_client_may_bring_its_own_key_beside_ours():
    headers = {"x-gateway-key": ACME, "authorization": f"Bearer {CLIENTS}"}
    request, _ = await sent(headers, api_keys=KEYS)
    assert authorizations(request) == [f"Bearer {CLIENTS}"]


async def test_without_keys_of_ours_the_clients_passes():
    request, _ = await sent({"authorization": f"Bearer {CLIENTS}"})
    assert authorizations(request) == [f"Bearer {CLIENTS}"]


async def test_an_upstreams_own_key_replaces_the_clients():
    headers = {"x-gateway-key": ACME, "authorization": f"Bearer {CLIENTS}"}
    request, _ = await sent(headers, api_keys=KEYS, upstream_api_key=OWN)
    assert authorizations(request) == [f"Bearer {OWN}"]


@pytest.mark.parametrize(
    "header",
    [
        ("x-api-key", OTHER),
        ("x-anything", f"key={OTHER};x"),
        ("authorization", f"Key {OTHER}"),
        ("authorization", f"Basic {b64encode(f'me:{OTHER}'.encode()).decode()}"),
        ("authorization", f"Basic {b64encode(f'me:{ACME}'.encode()).decode()}"),
    ],
)
async def test_no_key_of_anybody_elses_goes_on(header):
    request, status = await sent([("x-gateway-key", ACME), header], api_keys=KEYS)
    assert status == httpx.codes.OK
    assert header[1] not in [value for _, value in request.headers]


async def test_a_short_key_takes_along_no_header_that_only_has_its_letters_in_it():
    headers = {"authorization": "Bearer x", "x-extra": "xylophone", "x-third": "id=x"}
    request, status = await sent(headers, api_keys="a:x")
    assert status == httpx.codes.OK
    assert request.header("x-extra") == "xylophone"
    assert request.header("x-third") is None


async def test_a_url_s_own_name_and_password_replace_the_clients_key():
    async with scripted_upstream() as upstream:
        async with served(upstream.url.replace("//", "//me:pass%40word@")) as it:
            async with httpx.AsyncClient(trust_env=False) as client:
                response = await client.post(
                    f"{it.url}/v1/chat/completions", json=ASK, headers={"authorization": "Bearer x"}
                )
    assert response.status_code == httpx.codes.OK
    assert authorizations(upstream.last) == ["Basic bWU6cGFzc0B3b3Jk"]
    assert upstream.last.header("host") in upstream.url


async def test_the_key_of_one_upstream_goes_to_no_other(monkeypatch):
    """Nor does OpenAI's, which may be there for other programs."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("KEY_OF_A", "sk-a")
    request = ModelRequest(method="POST", path="x", headers=[], body=b"{}", model="m")
    async with scripted_upstream() as a, scripted_upstream() as b:
        for upstreams in (
            [{"name": "b", "base_url": b.url}],
            [
                {"name": "a", "base_url": a.url, "api_key_env": "KEY_OF_A", "models": ["a"]},
                {"name": "b", "base_url": b.url},
            ],
        ):
            async with chat_model(Settings(upstreams=upstreams), Metrics()) as model:
                await (await model.send(request)).aclose()
        assert [it.header("authorization") for it in b.received] == [None, None]
        assert a.received == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-gateway-key": CLIENTS},
        {"x-gateway-key": CLIENTS, "authorization": f"Bearer {ACME}"},
        {"authorization": f"Basic {ACME}"},
        {"authorization": ACME},
        {"x-api-key": ACME},
    ],
)
async def test_without_a_key_of_ours_nothing_is_sent(headers):
    assert await sent(headers, api_keys=KEYS) == (None, httpx.codes.UNAUTHORIZED)


async def test_who_a_person_is_stays_with_us():
    """Chat applications send names and mail addresses to whom they trust with them."""
    personal = {
        "X-OpenWebUI-User-Email": "ann@example.org",
        "X-OpenWebUI-User-Name": "Ann",
        "X-OpenWebUI-Chat-Id": "c",
        "X-LibreChat-User-Id": "u",
    }
    request, _ = await sent(personal)
    for name in personal:
        assert request.header(name) is None
