"""A gateway that runs somewhere, as whoever imports into it sees it: over its MemOS API."""

import time
from collections.abc import Mapping, Sequence
from typing import Final, Self

import httpx

_TRIES: Final = 6  # of one request, over half a minute, while the gateway has too much to do
_PAUSE: Final = 1.0  # seconds; doubled each time
_MOST_ID: Final = 100  # characters of a conversation's id


class RemoteGatewayError(Exception):
    """It cannot be reached, or did not take what it was given; the message says why."""


class RemoteGateway:
    """The gateway at `url`, with a key for it ("" for none), as one user. Used by many threads."""

    def __init__(self, url: str, *, key: str, user: str) -> None:
        headers = {"authorization": f"Token {key}"} if key else {}
        self._url = url.rstrip("/").removesuffix("/v1")
        self._user = user
        self._client = httpx.Client(timeout=httpx.Timeout(60, connect=5), headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

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
            try:
                answer = self._client.post(f"{self._url}/api/openmem/v1/add/message", json=body)
            except httpx.TransportError as error:
                raise RemoteGatewayError(
                    f"the gateway at {self._url} cannot be reached ({type(error).__name__})"
                ) from None
            if answer.status_code == httpx.codes.OK:
                return
            busy = answer.status_code in {
                httpx.codes.TOO_MANY_REQUESTS,
                httpx.codes.SERVICE_UNAVAILABLE,
            }
            if not busy or not left:
                raise RemoteGatewayError(_reason(answer))
            time.sleep(pause)
            pause *= 2


def _reason(answer: httpx.Response) -> str:
    try:
        message = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        message = "it does not answer as a gateway does"
    return f"the gateway refused ({answer.status_code}): {message}"
