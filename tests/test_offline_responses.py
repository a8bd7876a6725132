"""The built-in model speaks the Responses API too, so that its whole loop works without a key."""

import openai
import orjson
import pytest
from openai.types.responses import Response

from gateway.adapters.offline_model import MODEL, OfflineModel
from gateway.http.response_answer import ResponseAnswer
from gateway.http.tee import EventSplitter
from gateway.memory.ports import ModelRequest
from tests.served import served

pytestmark = pytest.mark.anyio

TOLD = "My sister Anna is allergic to peanuts."
ASKED = "What is my sister Anna allergic to?"


async def ask(body):
    """Status and body of an answer."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    response = await OfflineModel().send(
        ModelRequest(method="POST", path="responses", headers=(), body=raw)
    )
    return response.status, b"".join([chunk async for chunk in response.body])


async def test_a_whole_response_is_what_the_official_types_say():
    body = {"input": "Hi", "instructions": "Be brief.", "metadata": {"a": "b"}}
    status, raw = await ask(body | {"previous_response_id": "resp_0"})
    assert status == 200
    response = Response.model_validate_json(raw)
    assert "No language model is connected" in response.output_text
    assert (response.model, response.status) == (MODEL, "completed")
    assert response.previous_response_id == "resp_0"
    assert response.metadata == {"a": "b"}
    assert response.usage
    assert response.usage.total_tokens > 0


async def test_a_streamed_response_numbers_its_events_and_says_the_same():
    status, raw = await ask({"input": [{"role": "user", "content": "Hi"}], "stream": True})
    assert status == 200
    events = [orjson.loads(data) for data, _ in EventSplitter().feed(raw)]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    names = [line[7:] for line in raw.decode().split("\n") if line.startswith("event: ")]
    assert names == [event["type"] for event in events]
    answer = ResponseAnswer()
    for event in events:
        answer.event(orjson.dumps(event))
    last = Response.model_validate(events[-1]["response"])
    assert answer.done
    assert answer.text == last.output_text


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"input":[]}', b'{"input":7}'])
async def test_what_asks_nothing_is_refused(body):
    status, raw = await ask(body)
    assert status == 400
    assert set(orjson.loads(raw)["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("position", ["user", "message", "system"])
async def test_the_official_client_is_told_what_it_said_before(position):
    async with served(memory_position=position) as it:
        async with openai.AsyncOpenAI(base_url=f"{it.url}/v1", api_key="k") as client:
            await client.responses.create(model="m", input=TOLD, user="ann")
            await it.learned()
            whole = await client.responses.create(model="m", input=ASKED, user="ann")
            async with client.responses.stream(model="m", input=ASKED, user="ann") as stream:
                said = [e.delta async for e in stream if e.type == "response.output_text.delta"]
                final = await stream.get_final_response()
    assert TOLD in whole.output_text
    assert "".join(said) == final.output_text == whole.output_text
