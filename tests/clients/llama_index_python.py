"""What users of LlamaIndex do, with its class for servers that are like OpenAI's."""

import asyncio
from typing import Any

import httpx
import openai
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ThinkingBlock
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel, ValidationError

from tests.clients import llama_index_responses_python
from tests.clients.recipes import seen_of, serve, told

KEY = "sk-made-up"
QUESTION = PromptTemplate("Where is Lisbon?")


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


TOOLS = {each.__name__: FunctionTool.from_defaults(each) for each in (get_weather, get_time)}


def connect(base_url: str, model: str, **more: Any) -> OpenAILike:
    given: dict[str, Any] = {
        "is_chat_model": True,
        "is_function_calling_model": True,
        "should_use_structured_outputs": True,
        "max_retries": 0,
    }
    return OpenAILike(api_base=base_url, api_key=KEY, model=model, **(given | more))


def user(text: str) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=text)]


def remembers(base_url: str) -> Any:
    ann = connect(base_url, "talks", default_headers={"X-User-Id": "ann"})
    SimpleChatEngine.from_defaults(llm=ann).chat("I live in Lisbon.")
    ways: dict[str, Any] = {
        "nobody": {},
        "X-User-Id": {"extra_headers": {"X-User-Id": "ann"}},
        "user": {"user": "ann"},
        "metadata": {"metadata": {"user_id": "ann"}},
        "safety_identifier": {"safety_identifier": "ann"},
    }
    saw = {}
    for way, who in ways.items():
        answers: list[httpx.Response] = []
        llm = connect(
            base_url,
            "talks",
            default_headers={"X-Memory": "read"},
            http_client=httpx.Client(event_hooks={"response": [answers.append]}),
        )
        answer = llm.chat(user("Which city do I live in?"), **who)
        [response] = answers
        saw[way] = {
            "memory": response.headers["x-memory-status"],
            "request_id": response.headers["x-request-id"],
            "text": answer.message.content,
        }
    return saw


def gather(chunks: list[ChatResponse]) -> Any:
    *_, last = chunks
    spoken = [chunk for chunk in chunks if chunk.message.blocks][-1]
    thoughts = [each for each in spoken.message.blocks if isinstance(each, ThinkingBlock)]
    return {
        "text": "".join(chunk.delta or "" for chunk in chunks),
        "reasoning": "".join(each.content or "" for each in thoughts),
        "usage": last.additional_kwargs.get("total_tokens"),
    }


def streams(base_url: str) -> Any:
    counted: dict[str, Any] = {"stream_options": {"include_usage": True}}

    async def one(model: str) -> Any:
        llm = connect(base_url, model, additional_kwargs=counted)
        stream = await llm.astream_chat(user("Which weather?"))
        return gather([chunk async for chunk in stream])

    async def at_once(models: list[str]) -> list[Any]:
        return await asyncio.gather(*map(one, models))

    models = ["talks", "thinks", "quiet", "slow"]
    saw = {}
    for model in models:
        llm = connect(base_url, model, additional_kwargs=counted)
        saw[model] = gather(list(llm.stream_chat(user("Hello?"))))
    later = asyncio.run(at_once(models))
    return saw | {f"{model}, async": it for model, it in zip(models, later, strict=True)}


def uses_tools(base_url: str) -> Any:
    return {
        "plain": tool_loop(base_url, "plain", streamed=False),
        "streamed": tool_loop(base_url, "streamed", streamed=True),
    }


def tool_loop(base_url: str, who: str, *, streamed: bool) -> Any:
    headers = {"X-User-Id": who}
    connect(base_url, "talks", default_headers=headers).chat(user("I live in Lisbon."))
    llm = connect(base_url, "calls-tools", default_headers=headers)
    history = user("What is the weather like where I live?")
    while True:
        asked: Any = {"chat_history": list(history), "allow_parallel_tool_calls": True}
        if streamed:
            *_, said = llm.stream_chat_with_tools(list(TOOLS.values()), **asked)
        else:
            said = llm.chat_with_tools(list(TOOLS.values()), **asked)
        history.append(said.message)
        calls = llm.get_tool_calls_from_response(said, error_on_no_tool_call=False)
        if not calls:
            return said.message.content
        for call in calls:
            result = TOOLS[call.tool_name](**call.tool_kwargs)
            history.append(
                ChatMessage(
                    role="tool",
                    content=result.content,
                    additional_kwargs={"tool_call_id": call.tool_id},
                )
            )


def parses(base_url: str) -> Any:
    def ask(model: str) -> Any:
        return connect(base_url, model).structured_predict(Place, QUESTION)

    def failure(model: str) -> str:
        try:
            return repr(ask(model))
        except ValidationError as error:  # it parses whatever is there
            return type(error).__name__

    *_, last = connect(base_url, "structured").stream_structured_predict(Place, QUESTION)
    return {
        "parsed": ask("structured").model_dump(),
        "streamed": last.model_dump(),
        "refusal": failure("refuses"),
        "cut": failure("is-cut"),
    }


def fails(base_url: str) -> Any:
    saw = {}
    for status in (400, 401, 403, 404, 409, 422, 429, 500, 503):
        for streaming in (False, True):
            llm = connect(base_url, f"fails-{status}")
            try:
                if streaming:
                    list(llm.stream_chat(user("Hello?")))
                else:
                    llm.chat(user("Hello?"))
            except openai.APIStatusError as error:
                saw[f"{status} {'streamed' if streaming else 'whole'}"] = seen_of(error)
    return saw


def tries_again(base_url: str) -> Any:
    return connect(base_url, "busy", max_retries=1).chat(user("Hello?")).message.content


def is_cut_off(base_url: str) -> Any:
    text = ""
    try:
        for chunk in connect(base_url, "breaks").stream_chat(user("Hello?")):
            text += chunk.delta or ""
    except openai.APIError as error:
        return {"text": text, "class": type(error).__name__}
    return {"text": text, "class": None}


def leaves(base_url: str) -> Any:
    # To close its stream may leave the answer open; to close the client does not.
    client = httpx.Client()
    stream: Any = connect(base_url, "stays", http_client=client).stream_chat(user("Hello?"))
    next(stream)
    client.close()

    async def cancel() -> None:
        asking = connect(base_url, "waits").achat(user("Hello?"))
        task = asyncio.create_task(asking)
        await asyncio.to_thread(told)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancel())


def asks_elsewhere(base_url: str) -> Any:
    embeddings = OpenAILikeEmbedding(api_base=base_url, api_key=KEY, model_name="embeds")
    complete = connect(base_url, "talks", is_chat_model=False)
    return {
        "completion": complete.complete("Once").text,
        "completion, streamed": "".join(
            piece.delta or "" for piece in complete.stream_complete("Once")
        ),
        "vectors": embeddings.get_text_embedding_batch(["one", "two"]),
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
        | llama_index_responses_python.RECIPES
    )
