"""Calls of the MemOS endpoints in tests: what comes back is checked for its envelope."""

from typing import Any

import httpx


async def post(url: str, path: str, body: object, *, status: int = 200, key: str = "") -> Any:
    """The whole document that a call is answered with."""
    headers = {"authorization": f"Token {key}"} if key else {}
    async with httpx.AsyncClient(trust_env=False, headers=headers, timeout=30) as client:
        response = await client.post(f"{url}/api/openmem/v1/{path}", json=body)
    assert response.status_code == status, response.text
    return response.json()


async def call(url: str, path: str, body: object, *, key: str = "") -> Any:
    """The data of a call that succeeds."""
    document = await post(url, path, body, key=key)
    assert (document["code"], document["message"]) == (0, "ok")
    assert set(document) == {"code", "data", "message"}
    return document["data"]


async def refused(
    url: str, path: str, body: object, status: int, *, key: str = ""
) -> tuple[int, str]:
    """The code and the message of a call that does not."""
    document = await post(url, path, body, status=status, key=key)
    assert set(document) == {"code", "data", "message"}
    assert document["data"] is None
    return document["code"], document["message"]
