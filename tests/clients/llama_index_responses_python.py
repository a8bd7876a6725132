"""What users of LlamaIndex do over the Responses API."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import openai
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILikeResponses
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


FUNCTIONS: dict[str, Callable[..., str]] = {"get_weather": get_weather, "get_time": get_time}
TOOLS = [FunctionTool.from_defaults(each) for each in FUNCTIONS.values()]


def connect(base_url: str, who: str, model: str, **more: Any) -> OpenAILikeResponses:
    return OpenAILikeResponses(
        api_base=base_url,
        api_key="sk-made-up",
        model=model,
        is_function_calling_model=True,
        max_retries=0,
        default_headers={"X-User-Id": who},
        **more,
    )


def user(text: str) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=text)]


def remembers(base_url: str) -> Any:
    chat = openai.OpenAI(base_url=base_url, api_key="sk-made-up")
    chat.chat.completions.create(
        model="talks", user="ann", messages=[{"role": "user", "content": "I live in Lisbon."}]
    )
    answers: list[httpx.Response] = []
    shows = httpx.Client(event_hooks={"response": [answers.append]})
    first = connect(base_url, "ann", "talks", http_client=shows).chat(
        user("Which city do I live in?")
    )
    later = connect(base_url, "ann", "quiet", previous_response_id=first.raw.id)
    *chunks, last = later.stream_chat(user("And in which country?"))
    [response] = answers
    return {
        "memory": response.headers["x-memory-status"],
        "request_id": response.headers["x-request-id"],
        "text": first.message.content,
        "streamed": "".join(chunk.delta or "" for chunk in chunks),
        "usage": last.additional_kwargs["usage"].total_tokens,
        "whole": last.raw.type == "response.completed",
    }


def parses(base_url: str) -> Any:
    def ask(model: str) -> Any:
        llm = connect(base_url, "ann", model)
        return llm.structured_predict(Place, PromptTemplate("Where is Lisbon?"))

    try:
        ask("refuses")
    except ValueError as error:  # it says no more than that nothing came
        refusal = type(error).__name__
    return {"parsed": ask("structured").model_dump(), "refusal": refusal}


def uses_tools(base_url: str) -> Any:
    saw = {}
    for way in ("alone", "resent"):
        connect(base_url, way, "talks").chat(user("I live in Lisbon."))
        llm = connect(base_url, way, "calls-tools", track_previous_responses=way == "alone")
        history = user("What is the weather like where I live?")
        while True:
            if way == "alone":
                said = llm.chat_with_tools(TOOLS, chat_history=history)
                history = []
            else:
                *_, said = llm.stream_chat_with_tools(TOOLS, chat_history=list(history))
                history.append(said.message)
            calls = llm.get_tool_calls_from_response(said, error_on_no_tool_call=False)
            if not calls:
                break
            for call in calls:
                result = FUNCTIONS[call.tool_name](**call.tool_kwargs)
                given = {"tool_call_id": call.tool_id}
                history.append(ChatMessage(role="tool", content=result, additional_kwargs=given))
        saw[way] = said.message.content
    return saw


async def read(llm: OpenAILikeResponses, started: asyncio.Event) -> None:
    async for _ in await llm.astream_chat(user("Hello?")):
        started.set()


def ends(base_url: str) -> Any:
    """How a response that fails, one that breaks off, and two that are left end."""
    saw: dict[str, Any] = {}
    try:
        connect(base_url, "ann", "fails-429").chat(user("Hello?"))
    except openai.RateLimitError as error:
        saw["refused"] = [error.code, error.request_id]
    text = ""
    try:
        for chunk in connect(base_url, "ann", "breaks").stream_chat(user("Hello?")):
            text += chunk.delta or ""
    except openai.APIError as error:
        saw |= {"text": text, "class": type(error).__name__}

    async def leave() -> None:
        # To close its stream leaves the answer open; to cancel who reads it does not.
        started = asyncio.Event()
        reading = asyncio.create_task(read(connect(base_url, "ann", "stays"), started))
        await started.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        task = asyncio.create_task(connect(base_url, "ann", "waits").achat(user("Hello?")))
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
