"""The built-in model speaks OpenAI's formats, says what it is, and repeats what it was given."""

import orjson
import pytest
from openai.types import Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gateway.adapters.offline_model import MODEL, OfflineModel
from gateway.http.tee import EventSplitter
from gateway.memory import prompt
from gateway.memory.model import Kind, Memory, Scope, Speaker
from gateway.memory.ports import ModelRequest

pytestmark = pytest.mark.anyio

NO_MODEL = "No language model is connected"


def remembered(*texts):
    memories = [
        Memory(
            id=text,
            scope=Scope("p", "u"),
            kind=Kind.FACT,
            text=text,
            speaker=Speaker.USER,
            conversation="c",
            time=time,
            created=time,
            updated=time,
            sources=(),
        )
        for time, text in enumerate(texts)
    ]
    return prompt.block(memories)


async def ask(body, *, method="POST", path="chat/completions"):
    """Status, headers and body of an answer."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    response = await OfflineModel().send(
        ModelRequest(method=method, path=path, headers=(), body=raw)
    )
    whole = b"".join([chunk async for chunk in response.body])
    await response.aclose()
    return response.status, dict(response.headers), whole


async def complete(*messages):
    status, headers, body = await ask({"model": "gpt-x", "messages": messages})
    assert status == 200
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"content-length"] == str(len(body)).encode()
    return ChatCompletion.model_validate_json(body)


async def stream(*messages, **options):
    """The chunks of a streamed answer, each checked, without the final [DONE]."""
    body = {"model": "gpt-x", "messages": messages, "stream": True} | options
    status, headers, raw = await ask(body)
    assert status == 200
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert b"content-length" not in headers
    *events, done = [data for data, _ in EventSplitter().feed(raw)]
    assert done == b"[DONE]"
    assert raw.endswith(b"data: [DONE]\n\n")
    for event in events:
        ChatCompletionChunk.model_validate_json(event)
    return [orjson.loads(event) for event in events]


def text(chunks):
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    return "".join(delta.get("content", "") for delta in deltas)


def said(completion):
    return completion.choices[0].message.content


async def test_an_answer_is_a_chat_completion_with_usage():
    completion = await complete({"role": "user", "content": "Hello"})
    [choice] = completion.choices
    assert (completion.object, completion.model) == ("chat.completion", MODEL)
    assert (choice.index, choice.finish_reason, choice.message.role) == (0, "stop", "assistant")
    usage = completion.usage
    assert usage.prompt_tokens == 2
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.completion_tokens == -(-len(said(completion)) // 4)


async def test_it_says_that_no_model_is_connected_and_how_to_connect_one():
    for content in ("Hello", remembered("lives in Lisbon") + "Hello"):
        answer = said(await complete({"role": "user", "content": content}))
        assert NO_MODEL in answer
        assert "GATEWAY_UPSTREAM_BASE_URL" in answer


async def test_it_repeats_the_lines_that_it_was_given_in_their_order():
    block = remembered("lives in Lisbon", "has\u2028a <cat> ☕")
    answer = said(await complete({"role": "user", "content": block + "What do you know?"}))
    lines = [line for line in answer.splitlines() if line.startswith("- ")]
    assert lines == [f"- {line}" for line in prompt.split(block)[0]]
    assert lines[0].endswith("user: lives in Lisbon")


async def test_it_finds_the_block_in_any_message_and_in_a_list_of_parts():
    block = remembered("lives in Lisbon")
    user = {"role": "user", "content": "Hello"}
    parts = [{"type": "text", "text": block}, {"type": "text", "text": "Hello"}]
    for messages in (
        [{"role": "user", "content": block}, user],
        [{"role": "system", "content": f"{block}Be brief."}, user],
        [{"role": "user", "content": parts}],
    ):
        assert "lives in Lisbon" in said(await complete(*messages))


async def test_without_memories_the_answer_is_the_same_whatever_is_asked():
    questions = ["Where do I live?", "My name is Anna.", "- [2020-01-01] user: has a dog", ""]
    answers = {said(await complete({"role": "user", "content": q})) for q in questions}
    assert len(answers) == 1


async def test_with_the_same_memories_the_answer_is_the_same_whatever_is_asked():
    block = remembered("lives in Lisbon")
    questions = [block + "Where do I live?", block + "My dog is called Rex.", block]
    answers = {said(await complete({"role": "user", "content": q})) for q in questions}
    assert len(answers) == 1


async def test_a_stream_says_the_same_as_the_whole_answer_piece_by_piece():
    user = {"role": "user", "content": remembered("lives in\u2028 Lisbon", "has a cat") + "?"}
    chunks = await stream(user)
    assert text(chunks) == said(await complete(user))
    assert len(chunks) > 10
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert reasons == [None] * (len(chunks) - 1) + ["stop"]
    assert chunks[-1]["choices"][0]["delta"] == {}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert {chunk["model"] for chunk in chunks} == {MODEL}


@pytest.mark.parametrize(
    "options", [{}, {"stream_options": None}, {"stream_options": {"include_usage": False}}]
)
async def test_a_stream_tells_no_usage_unasked(options):
    chunks = await stream({"role": "user", "content": "Hello"}, **options)
    assert all(chunk["choices"] and "usage" not in chunk for chunk in chunks)


async def test_a_stream_tells_usage_in_one_last_chunk_without_choices_when_asked():
    user = {"role": "user", "content": "Hello"}
    *chunks, last = await stream(user, stream_options={"include_usage": True})
    assert all(chunk["usage"] is None and chunk["choices"] for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"] == (await complete(user)).usage.model_dump(exclude_none=True)
    assert last["id"] == chunks[0]["id"]


@pytest.mark.parametrize("value", [False, None, "true", 1])
async def test_only_a_stream_of_true_is_streamed(value):
    _, headers, body = await ask(
        {"messages": [{"role": "user", "content": "Hello"}], "stream": value}
    )
    assert headers[b"content-type"] == b"application/json"
    ChatCompletion.model_validate_json(body)


def assert_error(status, body, expected):
    assert status == expected
    error = orjson.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert error["type"] == "invalid_request_error"
    return error


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"messages":[]', b"NaN"])
async def test_a_body_that_is_not_json_is_refused(body):
    status, _, answer = await ask(body)
    assert_error(status, answer, 400)


@pytest.mark.parametrize(
    "body", [None, [], 1, "x", {}, {"messages": []}, {"messages": None}, {"messages": {"a": 1}}]
)
async def test_a_body_without_messages_is_refused_and_the_field_named(body):
    status, _, answer = await ask(body)
    assert assert_error(status, answer, 400)["param"] == "messages"


@pytest.mark.parametrize("content", [None, 1, [], [None], {"a": 1}, [{"text": 1}]])
async def test_content_of_any_json_is_answered(content):
    assert NO_MODEL in said(await complete({"role": "user", "content": content}, None, 1))


async def test_the_list_of_models_holds_the_one():
    status, _, body = await ask(b"", method="GET", path="models")
    document = orjson.loads(body)
    assert (status, document["object"]) == (200, "list")
    assert [Model.model_validate(card).id for card in document["data"]] == [MODEL]
    status, _, body = await ask(b"", method="GET", path=f"models/{MODEL}")
    assert status == 200
    assert orjson.loads(body) == document["data"][0]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "models/gpt-x"),
        ("POST", "embeddings"),
        ("GET", "chat/completions"),
        ("POST", "models"),
    ],
)
async def test_what_it_does_not_know_is_not_found(method, path):
    status, _, body = await ask(b"{}", method=method, path=path)
    assert path in assert_error(status, body, 404)["message"]


async def test_its_answers_are_not_worth_remembering():
    assert not OfflineModel().memorable
