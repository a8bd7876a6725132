"""What users of the `openai` package do with its Responses API, in its majors 2 and 3 alike."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import openai
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.clients.recipes import Recipe, told

KEY = "sk-made-up"
QUESTION = "What is the weather like where I live?"


class Place(BaseModel):
    city: str
    country: str


def tool(name: str, argument: str) -> Any:
    return {
        "type": "function",
        "name": name,
        "parameters": {
            "type": "object",
            "properties": {argument: {"type": "string"}},
            "required": [argument],
            "additionalProperties": False,
        },
        "strict": True,
    }


TOOLS = [tool("get_weather", "city"), tool("get_time", "zone")]
FUNCTIONS: dict[str, Callable[[Any], str]] = {
    "get_weather": lambda asked: f"22 degrees in {asked['city']}",
    "get_time": lambda asked: f"ten in {asked['zone']}",
}


def connect(base_url: str, who: str) -> OpenAI:
    headers = {"X-User-Id": who}
    return OpenAI(base_url=base_url, api_key=KEY, max_retries=0, default_headers=headers)


def remembers(base_url: str) -> Any:
    client = connect(base_url, "ann")
    client.chat.completions.create(
        model="talks", messages=[{"role": "user", "content": "I live in Lisbon."}]
    )
    asked = "Which city do I live in?"
    raw = client.responses.with_raw_response.create(model="talks", input=asked)
    first = raw.parse()
    with client.responses.stream(
        model="quiet", input="And in which country?", previous_response_id=first.id
    ) as stream:
        kinds = {event.type for event in stream}
        last = stream.get_final_response()
    return {
        "memory": raw.headers["x-memory-status"],
        "request_id": raw.headers["x-request-id"],
        "text": first.output_text,
        "streamed": last.output_text,
        "usage": last.usage and last.usage.total_tokens,
        "whole": "response.completed" in kinds,
    }


def parses(base_url: str) -> Any:
    responses = connect(base_url, "ann").responses
    ask: Any = {"input": "Where is Lisbon?", "text_format": Place}
    with responses.stream(model="structured", **ask) as stream:
        streamed: Any = stream.get_final_response().output_parsed
    parsed: Any = responses.parse(model="structured", **ask).output_parsed
    refused: Any = responses.parse(model="refuses", **ask).output[0]
    return {
        "parsed": parsed.model_dump(),
        "streamed": streamed.model_dump(),
        "refusal": refused.content[0].refusal,
    }


def uses_tools(base_url: str) -> Any:
    ways: dict[str, Any] = {"alone": step_by_step, "resent": with_history}
    if not openai.__version__.startswith("2."):
        ways["runner"] = with_the_runner
    saw = {}
    for way, loop in ways.items():
        client = connect(base_url, way)
        client.responses.create(model="talks", input="I live in Lisbon.")
        saw[way] = loop(client)
    return saw


def step_by_step(client: OpenAI) -> str:
    """What the tools gave back alone, after the response that asked for it."""
    more: Any = {}
    given: Any = QUESTION
    while True:
        answer = client.responses.create(model="calls-tools", input=given, tools=TOOLS, **more)
        given = [answer_to(item) for item in answer.output if item.type == "function_call"]
        more = {"previous_response_id": answer.id}
        if not given:
            return answer.output_text


def with_history(client: OpenAI) -> str:
    """The whole history in each step, streamed."""
    history: Any = [{"role": "user", "content": QUESTION}]
    while True:
        with client.responses.stream(
            model="calls-tools", input=history, tools=TOOLS, store=False
        ) as stream:
            answer = stream.get_final_response()
        calls = [item for item in answer.output if item.type == "function_call"]
        if not calls:
            return answer.output_text
        history += answer.output
        history += [answer_to(call) for call in calls]


def with_the_runner(client: OpenAI) -> str:
    """By the runner that version 3 brings."""
    from openai.lib.responses_tool_runner import (  # noqa: PLC0415  version 2 has none
        RegisteredFunction,
        ResponsesToolRunner,
    )

    functions = [RegisteredFunction(tool, FUNCTIONS[tool["name"]]) for tool in TOOLS]
    runner = ResponsesToolRunner(functions=functions)
    return runner.run(client, {"model": "calls-tools", "input": QUESTION}).output_text


def answer_to(call: Any) -> Any:
    output = FUNCTIONS[call.name](json.loads(call.arguments))
    return {"type": "function_call_output", "call_id": call.call_id, "output": output}


def ends(base_url: str) -> Any:
    """How a response that fails, one that breaks off, and two that are left end."""
    responses = connect(base_url, "ann").responses
    saw: dict[str, Any] = {}
    try:
        responses.create(model="fails-429", input="Hello?")
    except openai.RateLimitError as error:
        saw["refused"] = [error.code, error.request_id]
    text = ""
    try:
        for event in responses.create(model="breaks", input="Hello?", stream=True):
            if event.type == "response.output_text.delta":
                text += event.delta
    except openai.APIError as error:
        saw |= {"text": text, "class": type(error).__name__}

    async def leave() -> None:
        async with AsyncOpenAI(base_url=base_url, api_key=KEY) as client:
            stream = await client.responses.create(model="stays", input="Hello?", stream=True)
            await anext(stream)
            await stream.close()
            asking = client.responses.create(model="waits", input="Hello?")
            task = asyncio.create_task(asking)
            await asyncio.to_thread(told)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(leave())
    return saw


RECIPES: dict[str, Recipe] = {
    "remembers responses": remembers,
    "parses responses": parses,
    "uses tools in responses": uses_tools,
    "ends responses": ends,
}
