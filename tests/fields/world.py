"""A served gateway as the rows of the table use it, over fakes."""

import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.openai_model import TEXT as REPLY
from tests.openai_model import OpenAIModel
from tests.scripted_upstream import ScriptedUpstream, scripted_upstream
from tests.served import Served, served

__all__ = ["REPLY", "World", "texts", "worlds"]

TIME = "2026-06-10 09:00:00"
_LEAD = re.compile(r"^\[[^]]*\] \w+: ")


def texts(found: Any) -> set[str]:
    """What the facts of an answer say, without the day and the speaker that lead an episode."""
    return {_LEAD.sub("", each["memory_value"]) for each in found["memory_detail_list"]}


@dataclass
class World:
    """Calls of the MemOS API, whose answers must be ones that succeed unless a status is named."""

    it: Served
    upstream: ScriptedUpstream
    client: httpx.AsyncClient
    key: str

    async def call(self, path: str, body: Any = None, *, method: str = "POST", status: int = 200):
        """The data of the answer, or the whole document of a refusal."""
        url = f"{self.it.url}/api/openmem/v1/{path}"
        headers = {"authorization": f"Token {self.key}"}
        response = await self.client.request(method, url, json=body, headers=headers)
        assert response.status_code == status, (path, response.text)
        document = response.json()
        if status == 200 and set(document) == {"code", "data", "message"}:
            assert (document["code"], document["message"]) == (0, "ok")
            return document["data"]
        return document

    async def add(self, *texts: str, user_id: str | None = "ann", **more: Any):
        """Have the user say these in a conversation of their own, and learn them."""
        messages = [{"role": "user", "content": text, "chat_time": TIME} for text in texts]
        body = {"user_id": user_id, "messages": messages, "async_mode": False} | more
        return await self.call("add/message", body)

    async def search(self, query: str = "what is known", **more: Any):
        return await self.call(
            "search/memory", {"user_id": "ann", "query": query, "relativity": 0} | more
        )

    async def listed(self, **more: Any):
        return await self.call("get/memory", {"user_id": "ann", "size": 50} | more)

    async def facts(self, **more: Any) -> set[str]:
        """What is listed as facts says."""
        return texts(await self.listed(**more))

    async def base(self) -> str:
        """A new knowledge base, by its id."""
        return (await self.call("create/knowledgebase", {"knowledgebase_name": "House"}))["id"]

    async def document(self, text: str) -> str:
        """A new knowledge base that holds a document of this text and has read it."""
        base = await self.base()
        asked = {"knowledgebase_id": base, "file": [{"name": "a.txt", "content": text}]}
        await self.call("add/knowledgebase-file", asked)
        await self.it.learned()
        return base

    async def chat(self, query: str = "What do you know?", **more: Any):
        """Chat, and return the request that reached the model."""
        body = {"user_id": "ann", "conversation_id": "here", "query": query} | more
        await self.call("chat", body)
        return self.upstream.received[-1].json

    async def events(self, query: str = "What do you know?", **more: Any) -> list[Any]:
        """What the events of a streamed chat tell."""
        body = {"user_id": "ann", "conversation_id": "here", "query": query} | more
        url = f"{self.it.url}/api/openmem/v1/chat"
        headers = {"authorization": f"Token {self.key}"}
        response = await self.client.post(url, json=body, headers=headers)
        lines = response.text.splitlines()
        return [json.loads(line[5:]) for line in lines if line.startswith("data:")]

    async def prompt(self, query: str = "What do you know?", **more: Any) -> str:
        """All that the model was told when it was asked this."""
        asked = await self.chat(query, **more)
        return "\n".join(str(message["content"]) for message in asked["messages"])


@asynccontextmanager
async def worlds(keys: Sequence[str], **settings: Any) -> AsyncIterator[Callable[[str], World]]:
    """One gateway with a project for each of the keys, and so a world for each."""
    async with (
        scripted_upstream(OpenAIModel()) as upstream,
        served(upstream.url, api_keys=",".join(f"{key}:{key}" for key in keys), **settings) as it,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        yield lambda key: World(it, upstream, client, key)
