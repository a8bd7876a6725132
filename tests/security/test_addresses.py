"""Addresses and methods that are none are told in JSON; no address that is named is asked."""

import pytest

from tests.conformance.parties import connected
from tests.scripted_upstream import scripted_upstream
from tests.security.target import ACME, CHAT, at
from tests.served import served
from tests.test_protocol import status_of

pytestmark = pytest.mark.anyio
__all__ = ["at"]

PLACES = [
    ("POST", "/V1/chat/completions"),
    ("POST", "/api/openmem/v1/search/memory/"),
    ("POST", "/api/openmem/v2/search/memory"),
    ("POST", "/api/openmem/v1/nothing"),
    ("GET", "/api/openmem/v1/search/memory"),
    ("DELETE", "/api/openmem/v1/add/message"),
    ("TRACE", "/api/openmem/v1/add/message"),
    ("PUT", "/healthz"),
    ("POST", "/metrics"),
    ("GET", "/.env"),
    ("GET", "/etc/passwd"),
    ("GET", "/%2e%2e/%2e%2e/etc/passwd"),
    ("GET", "/%00"),
    ("GET", "/admin"),
    ("GET", "/" + "x" * 20_000),
    ("GET", "/путь"),
    ("OPTIONS", "/nothing"),
    ("HEAD", "/nothing"),
    ("BREW", "/nothing"),
]


@pytest.mark.security("B13")
@pytest.mark.parametrize(("method", "path"), PLACES, ids=lambda value: value[:40])
async def test_an_address_that_is_none_is_told_in_json(at, method, path):
    response = await at.send(method, path)
    assert response.status_code in {400, 404, 405}
    assert at.upstream.received == []


@pytest.mark.security("B13")
@pytest.mark.parametrize(
    "path",
    ["/v1/models/../../etc/passwd", "/v1/files/%2e%2e%2f%2e%2e", "/v1/%00", "/v1//evil.example"],
)
async def test_what_lies_under_the_models_side_stays_there(path):
    async def answers(exchange):
        await exchange.json({})

    async with (
        scripted_upstream(answers) as upstream,
        served(upstream.url, api_keys=f"acme:{ACME}") as it,
        connected(it.url) as inbox,
    ):
        head = f"GET {path} HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {ACME}\r\n\r\n"
        await inbox.write(head.encode())
        assert await status_of(inbox) in {0, 200, 400, 404}
    assert [
        request.path for request in upstream.received if not request.path.startswith("/v1/")
    ] == []


URLS = [
    *("http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://0:{port}/"),
    *("http://2130706433:{port}/", "http://0x7f.1:{port}/", "http://0177.0.0.1:{port}/"),
    *("http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://localhost:{port}/"),
    *("http://user@127.0.0.1:{port}/", "http://example.com@127.0.0.1:{port}/"),
    *("//127.0.0.1:{port}/", "HTTP://LOCALHOST:{port}/", "http:127.0.0.1:{port}"),
    *("ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_x", "dict://127.0.0.1:{port}/x"),
    *("file:///etc/passwd", "jar:http://127.0.0.1:{port}!/", "http://127.0.0.1:{port}#@x/"),
    "http://169.254.169.254/latest/meta-data/",
]


def says(url: str) -> list[dict]:
    """Chats that name an address in every place where one may stand."""
    image = [{"type": "image_url", "image_url": {"url": url}}]
    file = [{"type": "file", "file": {"file_data": url, "filename": url}}]
    tools = [{"type": "function", "function": {"name": "f", "description": url}}]
    return [
        {"messages": [{"role": "user", "content": f"Read ![x]({url}) and {url}, I like {url}"}]},
        {"messages": [{"role": "user", "content": image}]},
        {"messages": [{"role": "user", "content": file}]},
        {"messages": [{"role": "user", "content": "x"}], "tools": tools, "metadata": {"url": url}},
    ]


@pytest.mark.security("B14")
@pytest.mark.security("S5")
@pytest.mark.parametrize("url", URLS)
async def test_no_address_that_a_chat_names_is_asked(at, url, record_property):
    """The canary hears it otherwise; the same words are recalled afterwards."""
    port = at.canary.url.rpartition(":")[2]
    chats = says(url.replace("{port}", port))
    for body in chats:
        response = await at.post(CHAT, {"model": "m", "user": "ann"} | body)
        assert response.status_code == 200
        await at.it.learned()
    record_property("cases", len(chats))
