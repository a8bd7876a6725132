"""A gateway that runs somewhere, as whoever uses it from the command line sees it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Self

import httpx
import orjson

_TRIES: Final = 6  # of one request, over half a minute, while the gateway has too much to do
_PAUSE: Final = 1.0  # seconds; doubled each time
_MOST_ID: Final = 100  # characters of a conversation's id
_ANSWERED: Final = 600.0  # seconds that a model may be silent
_BUSY: Final = frozenset({httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE})


class RemoteGatewayError(Exception):
    """It cannot be reached, or did not do what it was asked; the message says why."""


class Answer:
    """An answer as it comes, piece by piece; `recalled` are the ids of memories it was given."""

    def __init__(self, lines: Iterator[str], recalled: Sequence[str]) -> None:
        self._lines = lines
        self.recalled = recalled

    def __iter__(self) -> Iterator[str]:
        """Its pieces. Raises RemoteGatewayError when it breaks off."""
        for line in self._lines:
            data = line.removeprefix("data:").strip()
            if not line.startswith("data:") or data == "[DONE]":
                continue
            event = orjson.loads(data)
            if "error" in event:
                raise RemoteGatewayError(event["error"]["message"])
            for choice in event.get("choices", ()):
                yield choice.get("delta", {}).get("content") or ""


class RemoteGateway:
    """The gateway at `url`, with a key for it ("" for none), as one user. Used by many threads."""

    def __init__(self, url: str, *, key: str, user: str) -> None:
        headers = {b"x-user-id": user.encode()}
        if key:
            headers[b"authorization"] = f"Bearer {key}".encode()
        self._url = url.rstrip("/").removesuffix("/v1")
        self._user = user
        self._client = httpx.Client(timeout=httpx.Timeout(60, connect=5), headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401  httpx's, and JSON
        """What a call answers. `request` is what httpx takes. Raises RemoteGatewayError."""
        answer = self._send(method, path, **request)
        if answer.is_success:
            return answer.json()
        raise RemoteGatewayError(_reason(answer))

    def delete(self, path: str) -> bool:
        """Delete a thing; whether there was one. Raises RemoteGatewayError."""
        answer = self._send("DELETE", path)
        if answer.is_success or answer.status_code == httpx.codes.NOT_FOUND:
            return answer.is_success
        raise RemoteGatewayError(_reason(answer))

    @contextmanager
    def chat(
        self, messages: Sequence[Mapping[str, str]], *, conversation: str, model: str
    ) -> Iterator[Answer]:
        """Say the last of the messages in a conversation. Raises RemoteGatewayError."""
        body = {"model": model, "stream": True, "messages": messages}
        headers = {b"x-conversation-id": conversation.encode()}
        try:
            with self._client.stream(
                "POST",
                f"{self._url}/v1/chat/completions",
                json=body,
                headers=headers,
                timeout=httpx.Timeout(_ANSWERED, connect=5),
            ) as answer:
                if not answer.is_success:
                    answer.read()
                    raise RemoteGatewayError(_reason(answer))
                told = answer.headers.get("x-memory-ids", "").split(", ")
                ids = [each.partition(";")[0] for each in told if each]
                yield Answer(answer.iter_lines(), ids)
        except httpx.TransportError as error:
            raise self._unreachable(error) from None

    def add(self, conversation: str, messages: Sequence[Mapping[str, str | int]]) -> None:
        """Have it remember messages of a conversation; the same again change nothing.

        They are as /add/message takes them: `role`, `content`, `chat_time`. Raises
        RemoteGatewayError.
        """
        body = {
            "user_id": self._user,
            "conversation_id": conversation[:_MOST_ID],
            "messages": messages,
        }
        pause = _PAUSE
        for left in reversed(range(_TRIES)):
            answer = self._send("POST", "/api/openmem/v1/add/message", json=body)
            if answer.status_code == httpx.codes.OK:
                return
            if answer.status_code not in _BUSY or not left:
                raise RemoteGatewayError(_reason(answer))
            time.sleep(pause)
            pause *= 2

    def memories(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Those of them that are the user's own. Raises RemoteGatewayError."""
        answers = (self._send("GET", f"/v1/memories/{each}") for each in ids)
        return [answer.json() for answer in answers if answer.is_success]

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401  httpx's
        try:
            return self._client.request(method, f"{self._url}{path}", **request)
        except httpx.TransportError as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: httpx.TransportError) -> RemoteGatewayError:
        return RemoteGatewayError(
            f"the gateway at {self._url} cannot be reached ({type(error).__name__})"
        )


def _reason(answer: httpx.Response) -> str:
    try:
        document = answer.json()
        message = document["message"] if "message" in document else document["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = "it does not answer as a gateway does"
    return f"the gateway refused ({answer.status_code}): {message}"
