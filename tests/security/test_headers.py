"""A key in a wrong way is a 401 that says nothing; headers that should not cross do not."""

import pytest

from tests.conformance.parties import connected
from tests.scripted_upstream import scripted_upstream
from tests.security.target import ACME, ADMIN, CHAT, GLOBEX, SEARCH, at
from tests.served import served
from tests.test_protocol import status_of

pytestmark = pytest.mark.anyio
__all__ = ["at"]

ASK = {
    "model": "m",
    "user_id": "u",
    "query": "x",
    "messages": [{"role": "user", "content": "Hello?"}],
}
WRONG = {
    "none": [],
    "a scheme alone": [("authorization", "Bearer")],
    "a tab": [("authorization", f"Bearer\t{ACME}")],
    "another scheme": [("authorization", f"Digest {ACME}")],
    "no scheme": [("authorization", ACME)],
    "Basic": [("authorization", "Basic a2V5LW9mLWFjbWUtNDcxMTo=")],
    "a space within": [("authorization", f"Bearer {ACME[:4]} {ACME[4:]}")],
    "a prefix": [("authorization", f"Bearer {ACME[:-1]}")],
    "something behind": [("authorization", f"Bearer {ACME}x")],
    "two keys in one": [("authorization", f"Bearer {ACME},{GLOBEX}")],
    "unicode": [("authorization", "Bearer ключ-".encode())],
    "latin-1": [("authorization", b"Bearer \xff\xfe")],
    "10 kB": [("authorization", "Bearer " + "k" * 10_000)],
    "another case": [("authorization", f"Bearer {ACME.upper()}")],
    "in our form": [("authorization", "Bearer mgw-abcdefgh-" + "x" * 43)],
    "in another header": [("x-api-key", ACME)],
    "a cookie": [("cookie", f"key={ACME}")],
    "an empty one of ours": [("x-gateway-key", ""), ("authorization", "Bearer x")],
    "a wrong one of ours before a right one": [
        ("x-gateway-key", "wrong"),
        ("authorization", f"Bearer {ACME}"),
    ],
}


@pytest.mark.security("B4")
@pytest.mark.security("S7")
@pytest.mark.parametrize("path", [CHAT, SEARCH])
@pytest.mark.parametrize("headers", WRONG.values(), ids=list(WRONG))
async def test_a_key_in_a_wrong_way_is_a_401_that_says_nothing(at, path, headers):
    response = await at.post(path, ASK, key="", headers=headers)
    assert response.status_code == 401
    told = response.json()
    said = told["message"] if "message" in told else told["error"]["message"]
    assert said in {"no key", "no valid key"}
    assert at.upstream.received == []


@pytest.mark.security("B4")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Token", "Bearer  "])
async def test_a_right_key_is_taken_as_clients_write_it(at, scheme):
    headers = [("authorization", f"{scheme} {ACME}")]
    assert (await at.post(CHAT, ASK, key="", headers=headers)).status_code == 200


@pytest.mark.security("B4")
@pytest.mark.parametrize("name", ["key", "api_key", "api-key", "access_token"])
async def test_a_key_in_an_address_is_none_and_goes_nowhere(at, name):
    for key in ("", ACME):
        response = await at.post(f"{CHAT}?{name}={ACME}", ASK, key=key)
        assert response.status_code == 401
    assert at.upstream.received == []


BODY = b'{"model":"m","messages":[{"role":"user","content":"Hello?"}]}'
START = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer %s\r\n"
    b"Content-Length: %d\r\n" % (ACME.encode(), len(BODY))
)
# What is sent, and what of it may never arrive.
RAW = {
    "a line break within a value": (b"X-A: 1\r\nX-Injected: 2\r\n", None),
    "a bare line feed": (b"X-A: 1\nX-Injected: 2\r\n", None),
    "a bare carriage return": (b"X-A: 1\rX-Injected: 2\r\n", "x-injected"),
    "a folded line": (b"X-A: 1\r\n X-Injected: 2\r\n", "x-injected"),
    "an underscore's twin": (b"X_Gateway_Key: wrong\r\nX_User_Id: eve\r\n", None),
    "of one connection": (b"Connection: x-secret\r\nX-Secret: 1\r\n", "x-secret"),
    "unknown, of one connection": (b"Keep-Alive: 1\r\nProxy-Authorization: x\r\n", "keep-alive"),
    "TE": (b"TE: trailers\r\nTrailer: x\r\n", "te"),
    "where it came from": (b"X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n", "forwarded"),
    "a cookie": (b"Cookie: session=1\r\n", "cookie"),
    "an expectation": (b"Expect: 100-continue\r\n", "expect"),
    "another host": (b"X-Forwarded-Host: evil.example\r\n", "x-forwarded-host"),
    "another key of ours": (b"X-Api-Key: %s\r\n" % GLOBEX.encode(), "x-api-key"),
    "an admin's key": (b"X-Whatever: a=%s;\r\n" % ADMIN.encode(), "x-whatever"),
    "a NUL": (b"X-A: a\0b\r\n", "x-a"),
    "a name with a space": (b"X A: 1\r\n", "x a"),
    "200 of them": (b"".join(b"X-%d: 1\r\n" % n for n in range(200)), None),
    "60 kB of one": (b"X-A: " + b"v" * 60_000 + b"\r\n", None),
    "two hosts": (b"Host: evil.example\r\n", None),
}


@pytest.mark.security("B5")
@pytest.mark.security("S9")
@pytest.mark.parametrize(("lines", "never"), RAW.values(), ids=list(RAW))
async def test_a_header_that_should_not_cross_does_not(lines, never):
    keys = f"acme:{ACME},globex:{GLOBEX}"
    async with (
        scripted_upstream() as upstream,
        served(upstream.url, api_keys=keys, admin_keys=ADMIN) as it,
        connected(it.url) as inbox,
    ):
        await inbox.write(START + lines + b"\r\n" + BODY)
        status = await status_of(inbox)
    assert status in {0, 100, 200, 400, 431}
    for request in upstream.received:
        names = {name.lower() for name, _ in request.headers}
        assert never not in names
        assert not [value for _, value in request.headers if GLOBEX in value or ADMIN in value]
        assert request.header("authorization") is None
        assert "evil.example" not in (request.header("host") or "")
