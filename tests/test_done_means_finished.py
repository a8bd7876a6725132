"""No [DONE] without a finish: an answer that breaks off says so, within the stream."""

import asyncio
from typing import Any

import httpx
import openai
import orjson
import pytest

from gateway.adapters.upstream import Timeouts
from gateway.memory.model import Ending, Scope
from tests.scripted_upstream import DONE, delta, event, scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ASK: dict[str, Any] = {
    "model": "m",
    "stream": True,
    "user": "ann",
    "metadata": {"conversation_id": "c"},
    "messages": [{"role": "user", "content": "I live in Lisbon."}],
}

STREAM = delta("Hé") + delta("lo.", "stop") + DONE
CUTS = {
    "nothing": 0,
    "one byte": 1,
    "a field's name": 5,
    "the middle of a line": 40,
    "the middle of a character": STREAM.index("é".encode()) + 1,
    "a line without its event's end": len(delta("Hé")) - 1,
    "an event": len(delta("Hé")),
    "all but the end": STREAM.index(b"lo.") + 3,
}


async def answer_to(script, timeouts=None):
    """What the client gets, and the turn that is recorded."""
    async with scripted_upstream(script) as upstream, served(upstream.url, timeouts=timeouts) as it:
        async with (
            httpx.AsyncClient(trust_env=False) as client,
            client.stream("POST", f"{it.url}/v1/chat/completions", json=ASK) as response,
        ):
            got = b"".join([chunk async for chunk in response.aiter_raw()])
        await it.learned()
        turns = await it.gateway.store.get_turns(Scope("default", "ann"), "c", 10)
    return got, turns


def error_in(event: bytes) -> dict:
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    return orjson.loads(event[6:])["error"]


@pytest.mark.fault("F15")
@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
async def test_a_reset_in_the_middle_ends_in_an_error_event(cut):
    async def script(exchange):
        await exchange.head(200, [("content-type", "text/event-stream")])
        if cut:
            await exchange.chunk(STREAM[:cut])
        await asyncio.sleep(0.05)  # so that the piece is not lost with the connection
        exchange.abort()

    got, [turn] = await answer_to(script)
    whole = STREAM[: STREAM.rfind(b"\n", 0, cut) + 1]  # half a line spoils what follows it
    assert got.startswith(whole)
    error = error_in(got[len(whole) :].removeprefix(b"\n"))  # which ends an event under way
    assert error["code"] == "upstream_broken"
    assert set(error) == {"message", "type", "param", "code"}
    assert b"[DONE]" not in got
    assert turn.ending is Ending.UPSTREAM_BROKE


@pytest.mark.fault("F16")
async def test_a_stream_that_ends_without_a_finish_reason_is_broken():
    async def script(exchange):
        await exchange.stream(delta("Hel"))

    got, [turn] = await answer_to(script)
    assert error_in(got[len(delta("Hel")) :])["code"] == "upstream_broken"
    assert turn.ending is Ending.UPSTREAM_BROKE


@pytest.mark.fault("F17")
async def test_a_stream_that_stalls_is_ended_at_the_idle_limit():
    async def script(exchange):
        await exchange.head(200, [("content-type", "text/event-stream")])
        await exchange.chunk(delta("Hel"))
        await exchange.closed.wait()

    timeouts = Timeouts(connect=2, first_byte=5, idle=0.1)
    got, [turn] = await answer_to(script, timeouts)
    assert error_in(got[len(delta("Hel")) :])["code"] == "upstream_timeout"
    assert turn.ending is Ending.UPSTREAM_STALLED


@pytest.mark.fault("F16")
async def test_a_finish_without_done_is_an_end_as_it_is():
    async def script(exchange):
        await exchange.stream(delta("Hello.", "stop"))

    got, [turn] = await answer_to(script)
    assert got == delta("Hello.", "stop")
    assert turn.ending is Ending.COMPLETE
    assert turn.messages[-1].text == "Hello."


@pytest.mark.parametrize("after", [[], [DONE]])
async def test_an_error_of_the_servers_own_is_the_only_one(after):
    sent = [delta("Hel"), event({"error": {"message": "overloaded", "code": 529}}), *after]

    async def script(exchange):
        await exchange.stream(*sent)

    got, [turn] = await answer_to(script)
    assert got == b"".join(sent)
    assert turn.ending is Ending.UPSTREAM_BROKE


@pytest.mark.fault("F16")
@pytest.mark.parametrize("ending", [b"", b"data: [DONE]\n\n"], ids=["no end", "done"])
async def test_an_end_after_nothing_was_said_is_what_the_server_made_it(ending):
    """[DONE] without a finish_reason is the server's own word; nothing at all is a break."""

    async def script(exchange):
        await exchange.stream(*([ending] if ending else []))

    got, [turn] = await answer_to(script)
    if ending:
        assert got == ending
        assert turn.ending is Ending.COMPLETE
    else:
        assert error_in(got)["code"] == "upstream_broken"
        assert turn.ending is Ending.UPSTREAM_BROKE


@pytest.mark.fault("F17")
async def test_a_stream_that_stalls_within_a_line_is_ended_as_well():
    async def script(exchange):
        await exchange.head(200, [("content-type", "text/event-stream")])
        await exchange.chunk(delta("Hel") + delta("lo")[:20])
        await exchange.closed.wait()

    got, [turn] = await answer_to(script, Timeouts(connect=2, first_byte=5, idle=0.1))
    assert error_in(got[len(delta("Hel")) :])["code"] == "upstream_timeout"
    assert turn.ending is Ending.UPSTREAM_STALLED


@pytest.mark.fault("F17")
async def test_a_server_that_keeps_its_connection_after_done_is_not_awaited():
    async def script(exchange):
        await exchange.head(200, [("content-type", "text/event-stream")])
        await exchange.chunk(delta("Hello.", "stop") + DONE)
        await exchange.closed.wait()

    got, [turn] = await answer_to(script)
    assert got == delta("Hello.", "stop") + DONE
    assert turn.ending is Ending.COMPLETE


async def test_of_a_broken_answer_only_the_users_words_are_learned():
    async def script(exchange):
        await exchange.stream(delta("You live in Lis"))

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(f"{it.url}/v1/chat/completions", json=ASK)
        await it.learned()
        found = await it.gateway.store.get_turns(Scope("default", "ann"), "c", 1)
        async with httpx.AsyncClient(trust_env=False) as client:
            listed = await client.post(
                f"{it.url}/api/openmem/v1/get/memory", json={"user_id": "ann"}
            )
    assert found[0].messages[-1].text == "You live in Lis"  # the record is whole
    texts = [item["memory_value"] for item in listed.json()["data"]["memory_detail_list"]]
    assert texts
    assert not [text for text in texts if text.endswith("You live in Lis")]


async def test_the_official_client_raises_when_an_answer_breaks_off():
    async def script(exchange):
        await exchange.stream(delta("Hel"))

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        client = openai.AsyncOpenAI(base_url=f"{it.url}/v1", api_key="k", max_retries=0)
        async with client:
            stream = await client.chat.completions.create(**ASK)
            said = []
            with pytest.raises(openai.APIError, match="broke off"):
                async for chunk in stream:
                    said.append(chunk.choices[0].delta.content)
    assert said == ["Hel"]


async def test_an_unstreamed_answer_that_breaks_off_is_a_502():
    async def script(exchange):
        await exchange.head(200, [("content-type", "application/json")], length=100)
        await exchange.raw(b'{"choices":')
        exchange.abort()

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.post(f"{it.url}/v1/chat/completions", json=ASK)
    assert response.status_code == httpx.codes.BAD_GATEWAY
    assert response.json()["error"]["code"] == "upstream_broken"
