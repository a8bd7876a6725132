"""The wire format of `POST /v1/chat/completions`."""

from collections.abc import Mapping
from typing import Any

from gateway.http.injection import inject
from gateway.http.tee import Answer
from gateway.memory.model import text_of
from gateway.settings import Position


class ChatCompletions:
    """The dialect in which everything is one list of messages."""

    path = "chat/completions"

    def messages(self, document: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        messages = document.get("messages")
        if isinstance(messages, list) and all(isinstance(m, dict) for m in messages):
            return messages
        return None

    def conversation(self, document: Mapping[str, Any]) -> str:  # noqa: ARG002  it has none
        return ""

    def previous(self, document: Mapping[str, Any]) -> str:  # noqa: ARG002  history is resent
        return ""

    def inject(
        self, body: bytes, document: Mapping[str, Any], block: str, position: Position
    ) -> bytes | None:
        return inject(body, document["messages"], block, position)

    def answer(self) -> Answer:
        return ChatAnswer()


class ChatAnswer(Answer):
    """What the first choice of a chat completion said."""

    def take_event(self, document: dict[str, Any]) -> None:
        if document.get("error"):  # the server's own word that no more will come
            self.finished = self.failed = True
        self._take(document, "delta")

    def take_document(self, document: dict[str, Any]) -> None:
        self._take(document, "message")
        self.done = True

    def _take(self, document: dict[str, Any], member: str) -> None:
        if isinstance(document.get("usage"), dict):
            self.usage = document["usage"]
        choices = document.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, dict) or choice.get("index", 0) != 0:
                continue
            if choice.get("finish_reason"):
                self.finished = True
            said = choice.get(member)
            if isinstance(said, dict):
                self._said(said)

    def _said(self, said: dict[str, Any]) -> None:
        self.say(text_of(said.get("content")))
        calls = said.get("tool_calls")
        for order, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, dict):
                self._call(call, order)

    def _call(self, call: dict[str, Any], order: int) -> None:
        index = order if call.get("index") is None else call["index"]
        known = self.call(index)
        if known is None:
            return
        for key in ("id", "type"):  # some servers send them empty again with every later piece
            if not known.get(key) and (value := self.kept(call.get(key))):
                known[key] = value
        function = call.get("function")
        if isinstance(function, dict):
            whole = known.setdefault("function", {"name": "", "arguments": ""})
            for key in ("name", "arguments"):
                whole[key] += self.kept(function.get(key))
