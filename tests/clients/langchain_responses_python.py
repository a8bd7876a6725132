"""What users of `langchain-openai` do over the Responses API."""

import asyncio
from typing import Any

import openai
from langchain_core.exceptions import ModelRefusalError
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from tests.clients.recipes import Recipe, told


class Place(BaseModel):
    """A place."""

    city: str
    country: str


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"22 degrees in {city}"


def get_time(zone: str) -> str:
    """Tell the time in a zone."""
    return f"ten in {zone}"


TOOLS: dict[str, Any] = {"get_weather": tool(get_weather), "get_time": tool(get_time)}


def connect(base_url: str, who: str, model: str, **more: Any) -> ChatOpenAI:
    given: dict[str, Any] = {"use_responses_api": True} | more
    return ChatOpenAI(
        base_url=base_url,
        api_key="sk-made-up",
        model=model,
        max_retries=0,
        default_headers={"X-User-Id": who},
        **given,
    )


def remembers(base_url: str) -> Any:
    connect(base_url, "ann", "talks", use_responses_api=False).invoke("I live in Lisbon.")
    chat = connect(base_url, "ann", "talks", include_response_headers=True)
    messages: list[Any] = [HumanMessage("Which city do I live in?")]
    messages += [first := chat.invoke(messages), HumanMessage("And in which country?")]
    headers = first.response_metadata["headers"]
    later = connect(base_url, "ann", "quiet", use_previous_response_id=True)
    chunks = list(later.stream(messages))
    last = sum(chunks[1:], chunks[0])
    return {
        "memory": headers["x-memory-status"],
        "request_id": headers["x-request-id"],
        "text": first.text,
        "streamed": last.text,
        "usage": last.usage_metadata and last.usage_metadata["total_tokens"],
        "whole": last.response_metadata["status"] == "completed",
    }


def parses(base_url: str) -> Any:
    def ask(model: str, **more: Any) -> Any:
        chat = connect(base_url, "ann", model, **more)
        return chat.with_structured_output(Place, method="json_schema").invoke("Where is Lisbon?")

    try:
        ask("refuses")
    except ModelRefusalError as error:
        refusal = str(error)
    return {
        "parsed": ask("structured").model_dump(),
        "streamed": ask("structured", streaming=True).model_dump(),
        "refusal": refusal,
    }


def uses_tools(base_url: str) -> Any:
    ways: dict[str, Any] = {
        "alone": {"use_previous_response_id": True},
        "resent": {"streaming": True},
    }
    saw = {}
    for way, more in ways.items():
        connect(base_url, way, "talks").invoke("I live in Lisbon.")
        bound = connect(base_url, way, "calls-tools", **more).bind_tools(list(TOOLS.values()))
        messages: list[Any] = [HumanMessage("What is the weather like where I live?")]
        messages.append(said := bound.invoke(messages))
        while said.tool_calls:
            for call in said.tool_calls:
                result = TOOLS[call["name"]].invoke(call["args"])
                messages.append(ToolMessage(result, tool_call_id=call["id"]))
            messages.append(said := bound.invoke(messages))
        saw[way] = said.text
    return saw


def ends(base_url: str) -> Any:
    """How a response that fails, one that breaks off, and two that are left end."""
    saw: dict[str, Any] = {}
    try:
        connect(base_url, "ann", "fails-429").invoke("Hello?")
    except openai.RateLimitError as error:
        saw["refused"] = [error.code, error.request_id]
    text = ""
    try:
        for chunk in connect(base_url, "ann", "breaks").stream("Hello?"):
            text += chunk.text
    except openai.APIError as error:
        saw |= {"text": text, "class": type(error).__name__}

    async def leave() -> None:
        stream = connect(base_url, "ann", "stays").astream("Hello?")
        await anext(stream)
        await stream.aclose()
        task: asyncio.Task[AIMessage] = asyncio.create_task(
            connect(base_url, "ann", "waits").ainvoke("Hello?")
        )
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
