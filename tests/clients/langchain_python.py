"""What users of `langchain-openai` do."""

import asyncio
from typing import Any

import openai
from langchain_core.exceptions import ModelRefusalError
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from tests.clients import langchain_responses_python
from tests.clients.recipes import seen_of, serve, told


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


def connect(base_url: str, model: str, **more: Any) -> ChatOpenAI:
    given: dict[str, Any] = {"max_retries": 0, "stream_usage": True} | more
    return ChatOpenAI(base_url=base_url, api_key="sk-made-up", model=model, **given)


def remembers(base_url: str) -> Any:
    connect(base_url, "talks", default_headers={"X-User-Id": "ann"}).invoke("I live in Lisbon.")
    ways: dict[str, Any] = {
        "nobody": {},
        "X-User-Id": {"default_headers": {"X-User-Id": "ann"}},
        "user": {"model_kwargs": {"user": "ann"}},
        # What it calls `metadata` itself is for tracing and is not sent.
        "metadata": {"extra_body": {"metadata": {"user_id": "ann"}}},
        "safety_identifier": {"model_kwargs": {"safety_identifier": "ann"}},
    }
    saw = {}
    for way, who in ways.items():
        given = {"default_headers": {}} | who
        given["default_headers"] = {"X-Memory": "read"} | given["default_headers"]
        chat = connect(base_url, "talks", include_response_headers=True, **given)
        answer = chat.invoke("Which city do I live in?")
        headers = answer.response_metadata["headers"]
        saw[way] = {
            "memory": headers["x-memory-status"],
            "request_id": headers["x-request-id"],
            "text": answer.content,
        }
    return saw


def gather(chunks: list[AIMessageChunk]) -> Any:
    whole = sum(chunks[1:], chunks[0])
    return {
        "text": whole.content,
        "reasoning": "",  # ChatOpenAI leaves out what is not in OpenAI's own API
        "usage": whole.usage_metadata and whole.usage_metadata["total_tokens"],
    }


def streams(base_url: str) -> Any:
    async def one(model: str) -> Any:
        stream = connect(base_url, model).astream("Which weather?")
        return gather([chunk async for chunk in stream])

    async def at_once(models: list[str]) -> list[Any]:
        return await asyncio.gather(*map(one, models))

    models = ["talks", "thinks", "quiet", "slow"]
    saw = {model: gather(list(connect(base_url, model).stream("Hello?"))) for model in models}
    later = asyncio.run(at_once(models))
    return saw | {f"{model}, async": it for model, it in zip(models, later, strict=True)}


def uses_tools(base_url: str) -> Any:
    return {
        "plain": tool_loop(base_url, "plain", streamed=False),
        "streamed": tool_loop(base_url, "streamed", streamed=True),
    }


def tool_loop(base_url: str, who: str, *, streamed: bool) -> Any:
    headers = {"X-User-Id": who}
    connect(base_url, "talks", default_headers=headers).invoke("I live in Lisbon.")
    chat = connect(base_url, "calls-tools", default_headers=headers, streaming=streamed)
    bound = chat.bind_tools(list(TOOLS.values()))
    messages: list[Any] = [HumanMessage("What is the weather like where I live?")]
    while True:
        said = bound.invoke(messages)
        if not said.tool_calls:
            return said.content
        messages.append(said)
        for call in said.tool_calls:
            result = TOOLS[call["name"]].invoke(call["args"])
            messages.append(ToolMessage(result, tool_call_id=call["id"]))


def parses(base_url: str) -> Any:
    def ask(model: str, **more: Any) -> Any:
        chat = connect(base_url, model, **more)
        return chat.with_structured_output(Place, method="json_schema").invoke("Where is Lisbon?")

    try:
        ask("refuses")
    except ModelRefusalError as error:
        refusal = str(error)
    try:
        ask("is-cut")
    except openai.LengthFinishReasonError as error:
        cut = type(error).__name__
    return {
        "parsed": ask("structured").model_dump(),
        "streamed": ask("structured", streaming=True).model_dump(),
        "refusal": refusal,
        "cut": cut,
    }


def fails(base_url: str) -> Any:
    saw = {}
    for status in (400, 401, 403, 404, 409, 422, 429, 500, 503):
        for streaming in (False, True):
            try:
                connect(base_url, f"fails-{status}", streaming=streaming).invoke("Hello?")
            except openai.APIStatusError as error:
                saw[f"{status} {'streamed' if streaming else 'whole'}"] = seen_of(error)
    return saw


def tries_again(base_url: str) -> Any:
    return connect(base_url, "busy", max_retries=1).invoke("Hello?").content


def is_cut_off(base_url: str) -> Any:
    text = ""
    try:
        for chunk in connect(base_url, "breaks").stream("Hello?"):
            text += str(chunk.content)
    except openai.APIError as error:
        return {"text": text, "class": type(error).__name__}
    return {"text": text, "class": None}


def leaves(base_url: str) -> Any:
    stream = connect(base_url, "stays").stream("Hello?")
    next(stream)
    stream.close()

    async def cancel() -> None:
        task: asyncio.Task[AIMessage] = asyncio.create_task(
            connect(base_url, "waits").ainvoke("Hello?")
        )
        await asyncio.to_thread(told)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancel())


def asks_elsewhere(base_url: str) -> Any:
    # Its own counting of tokens would fetch a vocabulary; a gateway's model counts for itself.
    embeddings = OpenAIEmbeddings(
        base_url=base_url,
        api_key="sk-made-up",
        model="embeds",
        check_embedding_ctx_length=False,
    )
    complete = OpenAI(base_url=base_url, api_key="sk-made-up", model="talks")
    return {
        "completion": complete.invoke("Once"),
        "completion, streamed": "".join(complete.stream("Once")),
        "vectors": embeddings.embed_documents(["one", "two"]),
    }


if __name__ == "__main__":
    serve(
        {
            "remembers": remembers,
            "streams": streams,
            "uses tools": uses_tools,
            "parses": parses,
            "fails": fails,
            "tries again": tries_again,
            "is cut off": is_cut_off,
            "leaves": leaves,
            "asks elsewhere": asks_elsewhere,
        }
        | langchain_responses_python.RECIPES
    )
