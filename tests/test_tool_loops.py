"""In a tool loop the same user message gets the same block, and the steps are one turn."""

from typing import Any

import httpx
import pytest

from gateway.http.tool_loops import ToolLoops
from gateway.memory.model import Scope
from gateway.memory.recall import Recall
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
CALL: dict[str, Any] = {
    "id": "c1",
    "type": "function",
    "function": {"name": "weather", "arguments": "{}"},
}
QUESTION = "What is the weather like where I live?"


async def calls_a_tool_once(exchange):
    said: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    if exchange.request.json["messages"][-1]["role"] == "tool":
        said = {"role": "assistant", "content": "Sunny."}
    choice = {"index": 0, "message": said, "finish_reason": "stop"}
    await exchange.json({"choices": [choice]})


async def test_every_step_carries_the_same_block_while_memory_moves_on():
    async with (
        scripted_upstream(calls_a_tool_once) as upstream,
        served(upstream.url) as it,
        httpx.AsyncClient(trust_env=False, base_url=it.url) as client,
    ):

        async def chat(messages: list[dict[str, Any]], **more: object) -> dict[str, Any]:
            body = {"model": "m", "user": "ann", "messages": messages} | more
            answer = await client.post("/v1/chat/completions", json=body)
            await it.learned()
            return answer.json()["choices"][0]["message"]

        await chat([{"role": "user", "content": "I live in Lisbon."}])
        loop: dict[str, Any] = {"tools": TOOLS, "metadata": {"conversation_id": "c"}}
        history: list[dict[str, Any]] = [{"role": "user", "content": QUESTION}]
        history.append(await chat(history, **loop))
        first = upstream.last.json["messages"][0]["content"]
        await chat([{"role": "user", "content": "The weather where I live is like April."}])
        history.append({"role": "tool", "tool_call_id": "c1", "content": "22 degrees"})
        history.append(await chat(history, **loop))
        sent = upstream.last.json["messages"]
        assert "Lisbon" in first
        assert sent[0]["content"] == first
        assert sent[1:] == history[1:3]  # the call and its result stay side by side, untouched
        turns = await it.gateway.store.get_turns(Scope("default", "ann"), "c", 10)
    assert [[m.role for m in turn.messages] for turn in turns] == [
        ["user", "assistant", "tool", "assistant"]
    ]


def test_only_the_latest_turns_are_kept():
    loops, recall = ToolLoops(most=2), Recall(outcome="empty")
    for turn in ("a", "b"):
        loops.put(turn, recall)
    assert loops.get("a") is recall  # used last now
    loops.put("c", recall)
    assert (loops.get("a"), loops.get("b"), loops.get("c")) == (recall, None, recall)
