"""What users of the `openai` package do, in its major versions 2 and 3 alike."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import openai
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.clients import openai_responses_python
from tests.clients.recipes import seen_of, serve, told

KEY = "sk-made-up"


class Place(BaseModel):
    city: str
    country: str


class GetWeather(BaseModel):
    city: str


class GetTime(BaseModel):
    zone: str


TOOLS = [
    openai.pydantic_function_tool(GetWeather, name="get_weather"),
    openai.pydantic_function_tool(GetTime, name="get_time"),
]


def connect(base_url: str, **more: Any) -> OpenAI:
    return OpenAI(base_url=base_url, api_key=KEY, **({"max_retries": 0} | more))


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def remembers(base_url: str) -> Any:
    ann = connect(base_url, default_headers={"X-User-Id": "ann"})
    ann.chat.completions.create(model="talks", messages=user("I live in Lisbon."))
    ways: dict[str, Any] = {
        "nobody": {},
        "X-User-Id": {"extra_headers": {"X-User-Id": "ann"}},
        "user": {"user": "ann"},
        "metadata": {"metadata": {"user_id": "ann"}},
        "safety_identifier": {"safety_identifier": "ann"},
    }
    saw = {}
    for way, who in ways.items():
        raw = connect(base_url).chat.completions.with_raw_response.create(
            model="talks",
            messages=user("Which city do I live in?"),
            extra_body={"memory": {"mode": "read"}},
            **who,
        )
        saw[way] = {
            "memory": raw.headers["x-memory-status"],
            "request_id": raw.headers["x-request-id"],
            "text": raw.parse().choices[0].message.content,
        }
    return saw


def gather(chunks: Iterable[Any]) -> Any:
    saw: dict[str, Any] = {"text": "", "reasoning": "", "usage": None}
    for chunk in chunks:
        if chunk.usage:
            saw["usage"] = chunk.usage.total_tokens
        for choice in chunk.choices:
            saw["text"] += choice.delta.content or ""
            saw["reasoning"] += getattr(choice.delta, "reasoning_content", None) or ""
    return saw


def streams(base_url: str) -> Any:
    def ask(model: str) -> Any:
        return {
            "model": model,
            "messages": user("Which weather?"),
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    async def at_once(models: list[str]) -> list[Any]:
        async with AsyncOpenAI(base_url=base_url, api_key=KEY) as client:

            async def one(model: str) -> Any:
                stream = await client.chat.completions.create(**ask(model))
                return gather([chunk async for chunk in stream])

            return await asyncio.gather(*map(one, models))

    models = ["talks", "thinks", "quiet", "slow"]
    client = connect(base_url)
    saw = {model: gather(client.chat.completions.create(**ask(model))) for model in models}
    later = asyncio.run(at_once(models))
    return saw | {f"{model}, async": it for model, it in zip(models, later, strict=True)}


def run(call: Any) -> str:
    arguments = call.function.parsed_arguments
    if isinstance(arguments, GetWeather):
        return f"22 degrees in {arguments.city}"
    return f"ten in {arguments.zone}"


def uses_tools(base_url: str) -> Any:
    return {
        "plain": tool_loop(base_url, "plain", streamed=False),
        "streamed": tool_loop(base_url, "streamed", streamed=True),
    }


def tool_loop(base_url: str, who: str, *, streamed: bool) -> Any:
    client = connect(base_url, default_headers={"X-User-Id": who})
    client.chat.completions.create(model="talks", messages=user("I live in Lisbon."))
    messages = user("What is the weather like where I live?")
    while True:
        ask: Any = {"model": "calls-tools", "messages": messages, "tools": TOOLS}
        if streamed:
            with client.chat.completions.stream(**ask) as stream:
                completion = stream.get_final_completion()
        else:
            completion = client.chat.completions.parse(**ask)
        said = completion.choices[0].message
        if not said.tool_calls:
            return said.content
        messages.append(said)
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": run(call)}
            for call in said.tool_calls
        ]


def dump(completion: Any) -> Any:
    return completion.choices[0].message.parsed.model_dump()


def parses(base_url: str) -> Any:
    chat = connect(base_url).chat.completions
    ask: Any = {"messages": user("Where is Lisbon?"), "response_format": Place}
    with chat.stream(model="structured", **ask) as stream:
        streamed = stream.get_final_completion()
    try:
        chat.parse(model="is-cut", **ask)
    except openai.LengthFinishReasonError as error:
        cut = type(error).__name__
    return {
        "parsed": dump(chat.parse(model="structured", **ask)),
        "streamed": dump(streamed),
        "refusal": chat.parse(model="refuses", **ask).choices[0].message.refusal,
        "cut": cut,
    }


def fails(base_url: str) -> Any:
    saw = {}
    for status in (400, 401, 403, 404, 409, 422, 429, 500, 503):
        for stream in (False, True):
            try:
                connect(base_url).chat.completions.create(
                    model=f"fails-{status}", messages=user("Hello?"), stream=stream
                )
            except openai.APIStatusError as error:
                saw[f"{status} {'streamed' if stream else 'whole'}"] = seen_of(error)
    return saw


def tries_again(base_url: str) -> Any:
    client = connect(base_url, max_retries=1)
    answer = client.chat.completions.create(model="busy", messages=user("Hello?"))
    return answer.choices[0].message.content


def is_cut_off(base_url: str) -> Any:
    stream = connect(base_url).chat.completions.create(
        model="breaks", messages=user("Hello?"), stream=True
    )
    text = ""
    try:
        for chunk in stream:
            text += chunk.choices[0].delta.content or ""
    except openai.APIError as error:
        return {"text": text, "class": type(error).__name__}
    return {"text": text, "class": None}


def leaves(base_url: str) -> Any:
    stream = connect(base_url).chat.completions.create(
        model="stays", messages=user("Hello?"), stream=True
    )
    next(iter(stream))
    stream.close()

    async def cancel() -> None:
        async with AsyncOpenAI(base_url=base_url, api_key=KEY) as client:
            asking = client.chat.completions.create(model="waits", messages=user("Hello?"))
            task = asyncio.create_task(asking)
            await asyncio.to_thread(told)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancel())


def asks_elsewhere(base_url: str) -> Any:
    client = connect(base_url)
    pieces = client.completions.create(model="talks", prompt="Once", stream=True)
    embed: Any = {"model": "embeds", "input": ["one", "two"]}
    raw = client.embeddings.with_raw_response.create(**embed, encoding_format="base64")
    return {
        "models": [model.id for model in client.models.list()],
        "model": client.models.retrieve("org/model").id,
        "completion": client.completions.create(model="talks", prompt="Once").choices[0].text,
        "completion, streamed": "".join(piece.choices[0].text for piece in pieces),
        "vectors": [item.embedding for item in client.embeddings.create(**embed).data],
        "base64": [item["embedding"] for item in json.loads(raw.text)["data"]],
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
        | openai_responses_python.RECIPES
    )
