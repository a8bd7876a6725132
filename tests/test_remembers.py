"""What was said is remembered across conversations and a SIGKILL, and by nobody else."""

import asyncio

import openai
import pytest

from tests import process
from tests.scripted_upstream import scripted_upstream

pytestmark = [pytest.mark.anyio, pytest.mark.process]

TOLD = [
    "My sister Anna is allergic to peanuts.",
    "I moved to Lisbon last spring and work as a ceramicist.",
    "Our old dog is called Bruno.",
]
ASKED = {
    "What must Anna not eat?": TOLD[0],
    "In which city do I live?": TOLD[1],
    "What is the name of my dog?": TOLD[2],
}


async def say(client, user: str, text: str, history: list) -> None:
    """One streamed turn of a conversation, with the history that clients resend."""
    history.append({"role": "user", "content": text})
    stream = await client.chat.completions.create(
        model="m", messages=history, user=user, stream=True
    )
    pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    history.append({"role": "assistant", "content": "".join(pieces)})


async def test_three_things_told_are_recalled_in_new_conversations_after_a_kill(
    tmp_path, default_model_folder
):
    cache = default_model_folder.parent.parent
    async with scripted_upstream() as upstream:
        with process.gateway(tmp_path, cache, upstream_base_url=upstream.url) as gateway:
            async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="k") as client:
                history: list = []
                for text in TOLD:
                    await say(client, "ann", text, history)
            gateway.kill()
        with process.gateway(tmp_path, cache, upstream_base_url=upstream.url) as gateway:
            async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="k") as client:
                for question, memory in ASKED.items():
                    await say(client, "ann", question, [])
                    sent = upstream.last.json["messages"][-1]["content"]
                    assert sent.endswith(question)
                    assert memory in sent
                    await say(client, "bob", question, [])
                    assert upstream.last.json["messages"][-1]["content"] == question


async def test_what_was_said_a_moment_ago_is_found_in_the_next_request(
    tmp_path, default_model_folder
):
    cache = default_model_folder.parent.parent
    async with scripted_upstream() as upstream:
        with process.gateway(tmp_path, cache, upstream_base_url=upstream.url) as gateway:
            async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="k") as client:
                for number in range(10):
                    await say(client, "ann", f"The code word of day {number} is heron{number}.", [])
                    question = f"What was the code word of day {number}?"
                    await say(client, "ann", question, [])
                    assert f"heron{number}" in upstream.last.json["messages"][-1]["content"]


async def test_turns_pending_at_a_kill_are_learned_after_the_restart(
    tmp_path, default_model_folder
):
    cache = default_model_folder.parent.parent
    async with scripted_upstream() as upstream:
        settings = {"upstream_base_url": upstream.url}
        with process.gateway(tmp_path, cache, **settings) as gateway:
            async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="k") as client:
                told = [f"I have a cat called Tom{number}." for number in range(30)]
                await asyncio.gather(*(say(client, f"user-{i}", t, []) for i, t in enumerate(told)))
            gateway.kill()  # with most of the thirty still to be learned
        with process.gateway(tmp_path, cache, **settings) as gateway:
            async with openai.AsyncOpenAI(base_url=gateway.url, api_key="k") as client:
                for number, text in enumerate(told):
                    await _until_a_fact(client, f"user-{number}", text)


async def _until_a_fact(client, user: str, text: str) -> None:
    async with asyncio.timeout(30):
        while True:
            found = await client.post(
                "/api/openmem/v1/get/memory", body={"user_id": user}, cast_to=object
            )
            memories = found["data"]["memory_detail_list"]
            if any(
                m["memory_type"] == "LongTermMemory" and text == m["memory_value"] for m in memories
            ):
                return
            await asyncio.sleep(0.05)
