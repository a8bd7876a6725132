"""Calls of the MemOS API as plain clients make them, and what a stream of it tells."""

import httpx
import orjson

KEY = {"authorization": "Token mpg-made-up"}


async def call(it, path: str, body: object, *, status: int = 200):
    """The document that is answered, in MemOS's envelope."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        response = await client.post(f"{it.url}/api/openmem/v1/{path}", json=body, headers=KEY)
    assert response.status_code == status, response.text
    document = response.json()
    assert set(document) == {"code", "data", "message"}
    return document


async def chat(it, body: dict) -> dict:
    """The data of an answer in one piece."""
    document = await call(it, "chat", body)
    assert (document["code"], document["message"]) == (0, "ok")
    return document["data"]


def events(body: bytes) -> list[dict]:
    """The events of a stream, each of which is a `message` with one line of data."""
    told = []
    for block in body.split(b"\n\n"):
        lines = [line for line in block.split(b"\n") if line and not line.startswith(b":")]
        if lines:
            assert lines[0] == b"event: message"
            [data] = lines[1:]
            told.append(orjson.loads(data.removeprefix(b"data: ")))
            assert told[-1]["content"] == told[-1]["data"]
    return told


async def streamed(it, body: dict) -> list[dict]:
    """The events of a streamed answer."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        address = f"{it.url}/api/openmem/v1/chat"
        response = await client.post(address, json=body | {"stream": True}, headers=KEY)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return events(response.content)


def told(told: list[dict], kind: str) -> str:
    """All that the events of one type say."""
    return "".join(event["data"] for event in told if event["type"] == kind)
