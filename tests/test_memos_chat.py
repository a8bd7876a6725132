"""/chat in one piece: what the model is sent, what comes back, what is kept, what is refused."""

import asyncio

import httpx
import pytest

from gateway.adapters.fake_embedder import FakeEmbedder
from gateway.adapters.fake_store import FakeStore
from gateway.adapters.qdrant import QdrantStore, server_client
from gateway.adapters.qdrant_collections import Layout
from gateway.errors import NoSuchModelError, StoreError
from gateway.memory.model import Ending, Kind, Scope
from gateway.memory.ports import Selection
from gateway.metrics import Metrics
from gateway.parts import open_embedder
from gateway.settings import Settings
from tests.chatting import call, chat
from tests.leaving import leave_when
from tests.qdrant_process import qdrant
from tests.scripted_upstream import DONE, delta, scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ANN = Scope("default", "ann")
ASKED = {"user_id": "ann", "conversation_id": "c2", "query": "Where do I live?", "model_name": "m"}


def says(content: object, **more: object):
    """A model that says this."""

    async def script(exchange):
        message = {"role": "assistant", "content": content, **more}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        await exchange.json({"id": "c", "object": "chat.completion", "choices": [choice]})

    return script


@pytest.fixture(name="upstream")
async def _upstream():
    async with scripted_upstream(says("In Lisbon.")) as upstream:
        yield upstream


@pytest.fixture(name="it")
async def _it(upstream):
    async with served(upstream.url, recall_timeout_ms=10_000, record_timeout_ms=10_000) as it:
        yield it


async def add(it, *said: str, conversation="c1", **more) -> None:
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": text} for i, text in enumerate(said)]
    body = {"user_id": "ann", "conversation_id": conversation, "messages": messages}
    await call(it, "add/message", body | {"async_mode": False} | more)


def prompt_of(upstream) -> list[dict]:
    return upstream.last.json["messages"]


def asked_of(upstream) -> str:
    """The last message that the model got."""
    [*_, last] = prompt_of(upstream)
    assert last["role"] == "user"
    return last["content"]


async def test_an_answer_comes_with_what_it_rests_on_and_the_task_of_its_turn(it, upstream):
    await add(it, "I live in Lisbon.")
    data = await chat(it, ASKED)
    assert data["response"] == "In Lisbon."
    assert set(data) == {"response", "memories", "task_id"}
    [memory] = await it.gateway.store.find_memories("default", data["memories"])
    assert "I live in Lisbon." in memory.text
    assert upstream.last.json["stream"] is False


async def test_the_prompt_is_instructions_context_memories_and_message_in_this_order(it, upstream):
    await add(it, "I live in Lisbon.", "Nice.")
    await add(it, "Hi there.", "Hello, how can I help?", conversation="c2")
    await chat(it, ASKED)
    system, *context, last = prompt_of(upstream)
    assert system["role"] == "system"
    assert "Freshness" in system["content"]
    assert context == [
        {"role": "user", "content": "Hi there."},
        {"role": "assistant", "content": "Hello, how can I help?"},
    ]
    assert last["content"].startswith("<memories>\n")
    assert last["content"].endswith("</memories>\n\nWhere do I live?")
    assert "user: I live in Lisbon." in last["content"]


async def test_without_a_memory_that_bears_on_it_the_message_goes_alone(it, upstream):
    await add(it, "I live in Lisbon.")
    data = await chat(it, ASKED | {"query": "Explain monads", "relativity": 0.9})
    assert data["memories"] == []
    assert asked_of(upstream) == "Explain monads"


async def test_what_the_context_shows_is_not_repeated_as_a_memory(it, upstream):
    await add(it, "I live in Lisbon.", "Noted.", conversation="c2")
    await chat(it, ASKED | {"relativity": 0})
    assert str(prompt_of(upstream)).count("I live in Lisbon.") == 1


async def test_what_was_deleted_is_neither_recalled_nor_in_the_context(it, upstream):
    await add(it, "I live in Lisbon.", "Noted: Lisbon.", conversation="c2")
    chosen = Selection(kinds=frozenset({Kind.FACT, Kind.EPISODE}))
    listed, _ = await it.gateway.store.list_memories(ANN, chosen, limit=9)
    ids = [memory.id for memory in listed if "Lisbon" in memory.text]
    await call(it, "delete/memory", {"memory_ids": ids})
    assert (await chat(it, ASKED | {"relativity": 0}))["memories"] == []
    assert "Lisbon" not in str(prompt_of(upstream))
    shown = await call(it, "get/message", {"user_id": "ann", "conversation_id": "c2"})
    assert "I live in Lisbon." not in str(shown)


async def test_a_fact_that_was_deleted_is_out_of_the_message_that_stated_it(it, upstream):
    await add(it, "I live in Lisbon. The sky is blue.", conversation="c2")
    chosen = Selection(kinds=frozenset({Kind.FACT}))
    [fact], _ = await it.gateway.store.list_memories(ANN, chosen, limit=9)
    await call(it, "delete/memory", {"memory_ids": [fact.id]})
    await chat(it, ASKED | {"relativity": 0})
    assert "Lisbon" not in str(prompt_of(upstream))
    assert "The sky is blue." in str(prompt_of(upstream))


async def test_preferences_stay_when_there_are_no_facts(it, upstream):
    await add(it, "I love green tea. Always answer in French.")
    data = await chat(it, ASKED | {"query": "What tea?", "memory_limit_number": 0})
    assert data["memories"]
    asked = asked_of(upstream)
    assert "<facts>" not in asked
    assert "<preferences>" in asked
    assert "answer in French" in asked
    await chat(it, ASKED | {"query": "What tea?", "include_preference": False, "relativity": 0})
    assert "<preferences>" not in asked_of(upstream)
    assert "<facts>" in asked_of(upstream)


async def test_no_more_is_recalled_than_the_limits_say(it, upstream):
    for number in range(12):
        await add(it, f"I love tea number {number * 7919}.", conversation=f"o{number}")
    wide = {"query": "tea", "relativity": 0, "memory_limit_number": 25}
    for facts, preferences in ((3, 2), (1, 0), (0, 4)):
        limits = {"memory_limit_number": facts, "preference_limit_number": preferences}
        data = await chat(it, ASKED | wide | limits | {"add_message_on_answer": False})
        assert len(data["memories"]) == facts + preferences
        assert asked_of(upstream).count("\n- ") == facts + preferences


async def test_a_filter_narrows_facts_preferences_and_standing_wishes(it, upstream):
    await add(it, "I love tea at home. Always answer in French.", tags=["home"])
    await add(it, "I love tea at work. Always answer in German.", tags=["work"], conversation="c3")
    where = {"and": [{"tags": {"contains": "work"}}]}
    await chat(it, ASKED | {"query": "What tea?", "relativity": 0, "filter": where})
    asked = asked_of(upstream)
    assert "German" in asked
    assert "at work" in asked
    assert "French" not in asked
    assert "at home" not in asked


async def test_another_users_words_are_not_recalled(it, upstream):
    await add(it, "I live in Lisbon.")
    await chat(it, ASKED | {"user_id": "bob", "relativity": 0})
    assert "Lisbon" not in str(prompt_of(upstream))


async def test_a_callers_prompt_is_used_instead_and_its_placeholder_filled_literally(it, upstream):
    await add(it, "I live in {Lisbon}. Always answer in French.")
    asked = 'JSON like {"a": {0}}, {x!r}. Known:\n{memories}\nEnd.'
    await chat(it, ASKED | {"system_prompt": asked})
    system, last = prompt_of(upstream)
    before, _, after = system["content"].partition("Known:\n")
    assert before == 'JSON like {"a": {0}}, {x!r}. '
    assert after.startswith("<facts>\n")
    assert after.endswith("</preferences>\nEnd.")
    assert "{Lisbon}" in after
    assert last["content"] == ASKED["query"]
    await chat(it, ASKED | {"system_prompt": "Be brief.", "conversation_id": "c4"})
    system, last = prompt_of(upstream)
    assert system["content"] == "Be brief."
    assert last["content"].startswith("<memories>")


async def test_sampling_reaches_the_model_by_its_defaults_and_as_it_is_given(it, upstream):
    await chat(it, ASKED)
    sent = upstream.last.json
    assert (sent["temperature"], sent["top_p"], sent["max_tokens"]) == (0.7, 0.95, 8192)
    await chat(it, ASKED | {"temperature": 0, "top_p": 1, "max_tokens": 5})
    sent = upstream.last.json
    assert (sent["temperature"], sent["top_p"], sent["max_tokens"]) == (0, 1, 5)
    await chat(it, ASKED | {"temperature": None, "top_p": None, "max_tokens": None})
    assert upstream.last.json["max_tokens"] == 8192


def reasons(exchange_error):
    """A model that refuses what `exchange_error` finds in a request."""

    async def script(exchange):
        if (wrong := exchange_error(exchange.request.json)) is None:
            await says("In Lisbon.")(exchange)
        else:
            param, code = wrong
            error = {"message": f"No {param}.", "type": "t", "param": param, "code": code}
            await exchange.json({"error": error}, 400)

    return script


def what_a_reasoning_model_refuses(sent: dict):
    if "max_tokens" in sent:
        return "max_tokens", "unsupported_parameter"
    if sent.get("temperature", 1) != 1:
        return "temperature", "unsupported_value"
    return ("top_p", "unsupported_parameter") if "top_p" in sent else None


async def test_a_model_that_does_not_know_the_usual_sampling_is_asked_without():
    script = reasons(what_a_reasoning_model_refuses)
    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        assert (await chat(it, ASKED | {"max_tokens": 99}))["response"] == "In Lisbon."
        sent = upstream.last.json
        assert sent["max_completion_tokens"] == 99
        assert {"max_tokens", "temperature", "top_p"}.isdisjoint(sent)
        refused = await call(it, "chat", ASKED | {"temperature": 0.2}, status=400)
        assert "No temperature." in refused["message"]  # that was chosen, so it is not dropped


async def test_a_server_that_goes_on_refusing_is_not_asked_for_ever():
    script = reasons(lambda sent: (next(k for k in sent if k != "model"), "unsupported_value"))
    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        assert (await call(it, "chat", ASKED, status=400))["code"] == 40000
        assert len(upstream.received) == 1


async def test_the_context_is_fitted_to_the_window_and_so_is_the_answer(upstream):
    async with served(upstream.url, chat_window=2048, recall_timeout_ms=10_000) as it:
        for number in range(30):
            await add(it, f"Note {number}. " + "bla " * 60, "Noted. " * 20, conversation="c2")
        await chat(it, ASKED | {"memory_limit_number": 0, "include_preference": False})
        sent = upstream.last.json
    _, *context, _ = sent["messages"]
    assert context[0]["role"] == "user"
    assert context[0]["content"].startswith("Note ")
    assert context[-2]["content"].startswith("Note 29. ")
    size = sum(len(message["content"]) for message in sent["messages"]) / 4
    assert 300 < size < 1024
    assert sent["max_tokens"] + size <= 2048


async def test_a_long_conversation_is_read_as_far_as_the_window_goes(it, upstream):
    for number in range(45):
        await add(it, f"Note {number}.", "Noted.", conversation="c2")
    await chat(it, ASKED)
    contents = [message["content"] for message in prompt_of(upstream)]
    assert contents[1] == "Note 0."
    assert len(contents) == 92


async def test_message_and_answer_are_the_conversations_next_turn_each_time(it, upstream):
    for _ in range(2):
        await chat(it, ASKED)
    turns = await it.gateway.store.get_turns(ANN, "c2", 5)
    assert [[m.text for m in turn.messages] for turn in turns] == [
        ["Where do I live?", "In Lisbon."]
    ] * 2
    assert turns[1].preceding == "In Lisbon."
    assert {turn.ending for turn in turns} == {Ending.COMPLETE}
    await chat(it, ASKED | {"query": "And since when?"})
    roles = [message["role"] for message in prompt_of(upstream)]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]


async def test_the_turn_carries_all_its_labels(it):
    labels = {
        "agent_id": "agent",
        "app_id": "app",
        "tags": ["a", "b"],
        "info": {"scene": "x", "n": 1},
        "allow_public": True,
    }
    await chat(it, ASKED | labels)
    [turn] = await it.gateway.store.get_turns(ANN, "c2", 5)
    assert (turn.labels.agent_id, turn.labels.app_id) == ("agent", "app")
    assert (turn.labels.tags, dict(turn.labels.info)) == (("a", "b"), {"scene": "x", "n": 1})
    assert turn.public is True
    assert turn.bases == ()


async def test_what_others_shared_and_what_a_base_holds_is_recalled_as_theirs(it, upstream):
    bobs = {
        "user_id": "bob",
        "query": "I live in Porto. Always answer in Latin.",
        "async_mode": False,
    }
    await chat(it, ASKED | bobs | {"allow_public": True})
    base = {"knowledgebase_name": "Handbook", "knowledgebase_description": ""}
    created = await call(it, "create/knowledgebase", base)
    written = ASKED | {"allow_knowledgebase_ids": [created["data"]["id"]], "async_mode": False}
    await chat(it, written | {"user_id": "eve", "query": "Visitors live in Faro."})
    await it.learned()
    await chat(it, ASKED | {"relativity": 0})
    asked = asked_of(upstream)
    assert "[shared by another user] [" in asked
    assert "I live in Porto." in asked
    assert "Faro" not in asked
    assert "Answer in Latin." not in asked.partition("<preferences>")[2]
    for bases in ("all", ["all"], [created["data"]["id"]]):
        await chat(it, ASKED | {"relativity": 0, "knowledgebase_ids": bases})
        assert "[from a knowledge base] [" in asked_of(upstream)
        assert "Visitors live in Faro." in asked_of(upstream)


async def test_a_key_that_may_not_write_chats_and_leaves_nothing(upstream):
    async with served(upstream.url, admin_keys="admin-key-of-tests-0123456789") as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            made = await client.post(
                f"{it.url}/v1/admin/keys",
                json={"project": "p", "scopes": ["chat", "memory:read"]},
                headers={"x-gateway-key": "admin-key-of-tests-0123456789"},
            )
            key = {"authorization": f"Token {made.json()['key']}"}
            address = f"{it.url}/api/openmem/v1/chat"
            answer = await client.post(address, json=ASKED, headers=key)
        await it.learned()
        assert await it.gateway.store.get_turns(Scope("p", "ann"), "c2", 5) == []
    assert answer.status_code == 200
    assert "task_id" not in answer.json()["data"]


async def test_nothing_is_kept_of_a_chat_that_is_not_to_be_added(it):
    data = await chat(it, ASKED | {"add_message_on_answer": False})
    await it.learned()
    assert "task_id" not in data
    assert await it.gateway.store.get_turns(ANN, "c2", 5) == []


async def test_in_sync_it_is_learned_before_the_answer_and_in_async_soon_after(it):
    data = await chat(
        it, ASKED | {"query": "I live in Porto. Always answer in Latin.", "async_mode": False}
    )
    status = await call(it, "get/status", {"task_id": data["task_id"]})
    assert status["data"]["status"] == "completed"
    data = await chat(it, ASKED | {"query": "I love green tea."})
    await it.learned()
    status = await call(it, "get/status", {"task_id": data["task_id"]})
    assert status["data"]["memory_views"]["preference"]["memory_ids"]


@pytest.mark.parametrize(
    "script",
    [
        says("<think>They said Lisbon.</think>\n\nIn Lisbon."),
        says("They said Lisbon.\n</think>\n\nIn Lisbon."),
        says("In Lisbon.", reasoning_content="They said Lisbon."),
        says("In Lisbon.", reasoning="They said Lisbon."),
    ],
)
async def test_what_is_thought_is_told_apart_and_not_kept(script):
    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        data = await chat(it, ASKED)
        [turn] = await it.gateway.store.get_turns(ANN, "c2", 5)
    assert data["response"] == "In Lisbon."
    assert data["reasoning"].strip() == "They said Lisbon."
    assert [m.text for m in turn.messages] == ["Where do I live?", "In Lisbon."]


async def test_the_tokens_that_the_server_counts_are_told():
    async def script(exchange):
        message = {"role": "assistant", "content": "In Lisbon."}
        counts = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
        usage = counts | {"prompt_tokens_details": {"cached_tokens": 0}}
        await exchange.json({"choices": [{"index": 0, "message": message}], "usage": usage})

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        usage = (await chat(it, ASKED))["usage"]
    assert usage == {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}


async def test_a_server_that_streams_unasked_is_understood():
    async def script(exchange):
        await exchange.stream(delta("In "), delta("Lisbon."), delta("", "stop"), DONE)

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        assert (await chat(it, ASKED))["response"] == "In Lisbon."


async def test_a_model_is_chosen_by_its_name_and_an_unknown_one_is_refused(upstream):
    async with served(upstream.url, chat_models="small, qwen=big-1") as it:
        await chat(it, ASKED | {"model_name": "qwen"})
        assert upstream.last.json["model"] == "big-1"
        await chat(it, ASKED | {"model_name": None})
        assert upstream.last.json["model"] == "small"
        refused = await call(it, "chat", ASKED | {"model_name": "huge"}, status=400)
    assert refused["code"] == 40000
    assert "model_name" in refused["message"]
    assert "small, qwen" in refused["message"]


class Elsewhere:
    """Upstreams none of which serves any model."""

    memorable = True

    async def send(self, request):
        raise NoSuchModelError(request.model)


async def test_a_model_that_no_upstream_serves_is_refused_by_name():
    async with served(model=Elsewhere()) as it:
        refused = await call(it, "chat", ASKED | {"model_name": "huge"}, status=400)
    assert refused["code"] == 40000
    assert "model_name: no upstream serves 'huge'" in refused["message"]


async def test_without_configured_models_the_only_one_of_the_server_answers():
    names = ["only"]

    async def script(exchange):
        if exchange.request.path.endswith("/models"):
            await exchange.json({"object": "list", "data": [{"id": name} for name in names]})
        else:
            await says("Yes.")(exchange)

    unnamed = ASKED | {"model_name": ""}
    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        await chat(it, unnamed)
        assert upstream.last.json["model"] == "only"
        names.append("another")
        refused = await call(it, "chat", unnamed, status=400)
        assert refused["code"] == 40000
        assert "GATEWAY_CHAT_MODELS" in refused["message"]


async def test_without_an_upstream_the_offline_model_answers_from_memory():
    async with served() as it:
        await add(it, "I live in Lisbon.")
        for prompt in ("", "You are terse. {memories}"):
            data = await chat(it, ASKED | {"model_name": "", "system_prompt": prompt})
            assert "I live in Lisbon." in data["response"]
        turns = await it.gateway.store.get_turns(ANN, "c2", 5)
    # It only repeats what is remembered.
    assert {tuple(m.repeats for m in turn.messages) for turn in turns} == {(False, True)}


async def test_only_a_key_for_the_upstream_goes_on_and_only_where_it_has_none(upstream):
    async with httpx.AsyncClient(trust_env=False) as client:
        async with served(upstream.url, api_keys="p:gateway-key-1") as it:
            headers = {"x-gateway-key": "gateway-key-1", "authorization": "Bearer sk-own"}
            address = f"{it.url}/api/openmem/v1/chat"
            assert (await client.post(address, json=ASKED, headers=headers)).status_code == 200
            assert upstream.last.header("authorization") == "Bearer sk-own"
            headers = {"authorization": "Token gateway-key-1", "x-else": "1"}
            assert (await client.post(address, json=ASKED, headers=headers)).status_code == 200
            assert upstream.last.header("authorization") is None
            assert upstream.last.header("x-else") is None
            assert "gateway-key-1" not in str(upstream.last.headers)


def answers(status: int, error: object, headers=()):
    async def script(exchange):
        await exchange.json(error, status, headers)

    return script


def error(message: str, **more: object) -> dict:
    return {"error": {"message": message, "type": "t", "param": None, "code": None} | more}


@pytest.mark.parametrize(
    ("script", "status", "code", "named"),
    [
        (answers(429, error("Slow down.")), 429, 40300, "Slow down."),
        (answers(429, error("Pay.", code="insufficient_quota")), 429, 40304, "Pay."),
        (answers(400, error("x", code="context_length_exceeded")), 413, 40303, "x"),
        (answers(400, error("the maximum context length is 9")), 413, 40303, "context"),
        (answers(400, error("too large", param="max_tokens")), 400, 40302, "too large"),
        (answers(400, error("No temperature.")), 400, 40000, "No temperature."),
        (answers(404, error("No such model.")), 400, 40000, "model_name: No such model."),
        (answers(401, error("Bad key sk-12...89")), 502, 50002, "does not accept the key"),
        (answers(500, error("Oops.")), 502, 50002, "Oops."),
        (answers(503, {"detail": "secret trace"}), 502, 50002, "status 503"),
        (answers(200, {"choices": []}), 502, 50002, "broke off"),
        (answers(200, error("Overloaded.", code=429)), 429, 40300, "Overloaded."),
        (answers(200, [1]), 502, 50002, "broke off"),
    ],
)
async def test_what_the_upstream_refuses_has_memos_code_and_a_real_status(
    script, status, code, named
):
    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        refused = await call(it, "chat", ASKED, status=status)
        await it.learned()
        assert await it.gateway.store.get_turns(ANN, "c2", 5) == []
    assert refused["code"] == code
    assert refused["data"] is None
    assert named in refused["message"]
    assert "sk-12" not in refused["message"]
    assert "trace" not in refused["message"]


async def test_an_upstream_that_cannot_be_reached_is_told_and_asked_when_it_says_to_wait():
    async with served("http://127.0.0.1:9/v1") as it:
        assert (await call(it, "chat", ASKED, status=502))["code"] == 50002
    busy = answers(429, error("Slow down."), [("retry-after", "7")])
    async with scripted_upstream(busy) as upstream, served(upstream.url) as it:
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.post(f"{it.url}/api/openmem/v1/chat", json=ASKED)
    assert response.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("change", "status", "code", "named"),
    [
        ({"query": ""}, 400, 40002, "query"),
        ({"query": None}, 400, 40002, "query"),
        ({"user_id": ""}, 400, 40002, "user_id"),
        ({"conversation_id": None}, 400, 40002, "conversation_id"),
        ({"user_id": "u" * 101}, 400, 40010, "user_id"),
        ({"conversation_id": "c" * 101}, 400, 40011, "conversation_id"),
        ({"relativity": 1.1}, 400, 40012, "relativity"),
        ({"memory_limit_number": 26}, 400, 40000, "memory_limit_number"),
        ({"preference_limit_number": 26}, 400, 40000, "preference_limit_number"),
        ({"temperature": 2.1}, 400, 40000, "temperature"),
        ({"top_p": -0.1}, 400, 40000, "top_p"),
        ({"max_tokens": 0}, 400, 40000, "max_tokens"),
        ({"stream": "perhaps"}, 400, 40000, "stream"),
        ({"filter": {}}, 400, 40000, "filter"),
        ({"knowledgebase_ids": 7}, 400, 40000, "knowledgebase_ids"),
        ({"knowledgebase_ids": ["none"]}, 404, 50123, "none"),
        ({"allow_knowledgebase_ids": ["none"]}, 404, 50123, "none"),
        ({"allow_knowledgebase_ids": ["all"]}, 404, 50123, "all"),
        ({"tags": [""]}, 400, 40002, "tags"),
        ({"info": {"a": {}}}, 400, 40000, "info"),
        ({"query": "word " * 6401}, 413, 40305, "8000"),
        ({"query": "城" * 8001}, 413, 40305, "8000"),
        ({"query": "a", "system_prompt": "word " * 6400}, 413, 40305, "8000"),
    ],
)
async def test_a_bad_value_is_refused_by_name_and_asks_nothing(
    it, upstream, change, status, code, named
):
    body = {key: value for key, value in (ASKED | change).items() if value is not None}
    for stream in (False, True):
        refused = await call(
            it, "chat", body | {"stream": change.get("stream", stream)}, status=status
        )
        assert refused["code"] == code
        assert named in refused["message"]
    assert upstream.received == []


async def test_what_the_published_client_sends_besides_is_tolerated(it):
    extra = {
        "internet_search": False,
        "force_stop": False,
        "use_mem_os_cube": False,
        "source": None,
        "filter": None,
        "tags": None,
        "include_tool_memory": False,
        "tool_memory_limit_number": 6,
        "knowledgebase_ids": None,
    }
    assert (await chat(it, ASKED | extra))["response"] == "In Lisbon."


@pytest.fixture(name="qdrant_url")
def _qdrant_url():
    with qdrant() as process:
        yield process.url


@pytest.mark.process
async def test_it_is_the_same_over_a_qdrant_server(upstream, qdrant_url):
    embedder = FakeEmbedder()
    store = QdrantStore(
        server_client(qdrant_url),
        Layout(prefix="chat-"),
        model=embedder.model,
        dimension=embedder.dimension,
        metrics=Metrics(),
    )
    await store.start()
    options = {"recall_timeout_ms": 10_000, "record_timeout_ms": 10_000}
    async with served(upstream.url, store=store, embedder=embedder, **options) as it:
        await add(it, "I live in Lisbon.", "Noted.")
        await chat(it, ASKED | {"query": "Hello."})
        data = await chat(it, ASKED | {"async_mode": False})
        status = await call(it, "get/status", {"task_id": data["task_id"]})
        shown = await call(it, "get/message", {"user_id": "ann", "conversation_id": "c2"})
    await store.aclose()
    roles = [message["role"] for message in prompt_of(upstream)]
    assert roles == ["system", "user", "assistant", "user"]
    assert "I live in Lisbon." in asked_of(upstream)
    assert status["data"]["memory_views"]["added"] == 2
    texts = [message["content"] for message in shown["data"]["message_detail_list"]]
    assert texts == ["Hello.", "In Lisbon.", "Where do I live?", "In Lisbon."]


class Broken(FakeStore):
    """Fails at everything that a chat asks of it."""

    async def get_turns(self, *_):
        raise StoreError

    async def search(self, *_):
        raise StoreError

    async def revise_memories(self, *_, **__):
        raise StoreError


async def test_a_store_that_fails_costs_the_chat_nothing_and_the_turn_is_spooled(upstream):
    async with served(upstream.url, store=Broken()) as it:
        data = await chat(it, ASKED)
        assert data["response"] == "In Lisbon."
        assert data["memories"] == []
        spooled = it.gateway.metrics.registry.get_sample_value("gateway_turns_spooled_total")
    assert spooled == 1


async def test_leaving_before_the_answer_closes_the_upstream_at_once():
    reached = asyncio.Event()

    async def script(exchange):
        await exchange.head(200, [("content-type", "application/json")], length=1000)
        reached.set()
        await exchange.closed.wait()

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        await leave_when(reached, chat(it, ASKED))
        async with asyncio.timeout(5):
            await upstream.exchanges[0].closed.wait()
        await it.learned()
        [turn] = await it.gateway.store.get_turns(ANN, "c2", 5)
    assert turn.ending is Ending.CLIENT_GONE
    assert [m.text for m in turn.messages] == ["Where do I live?"]


async def test_a_chats_times_and_endings_are_counted(it):
    await chat(it, ASKED)
    value = it.gateway.metrics.registry.get_sample_value
    assert value("gateway_recall_seconds_count") == 1
    assert value("gateway_recalls_total", {"outcome": "empty"}) == 1
    assert value("gateway_upstream_first_byte_seconds_count") == 1
    assert value("gateway_endings_total", {"ending": "complete"}) == 1


@pytest.fixture(name="embedder", scope="module")
def _embedder():
    return open_embedder(Settings(), print)


SAMPLES = [
    (
        [
            (
                "I've planned to travel to Guangzhou this summer. What chain hotels are available"
                " for accommodation?"
            ),
            "You can consider options like 7 Days Inn, All Seasons, Hilton, etc.",
            "I'll choose 7 Days Inn.",
            "Alright, feel free to ask me if you have any other questions.",
        ],
        (
            "I want to travel during the National Day holiday. Please recommend a city I haven't"
            " been to, and a hotel brand I haven't stayed at."
        ),
        ("Guangzhou", "7 Days Inn"),
    ),
    (
        [
            "My trip to Guangzhou last summer was great, I stayed in a 7 Days Inn there.",
            "Glad to hear it!",
        ],
        "Recommend me a city that I have not visited and a hotel brand I have not stayed at.",
        ("Guangzhou", "7 Days Inn"),
    ),
    (
        [
            "我暑假定好去广州旅游,住宿的话有哪些连锁酒店可选?",
            "您可以考虑【七天、全季、希尔顿】等等",
            "我选七天",
            "好的,有其他问题再问我。",
        ],
        "我国庆想出去玩,帮我推荐个没去过的城市,以及没住过的酒店品牌",
        ("广州", "七天"),
    ),
]


@pytest.mark.parametrize(("history", "query", "remembered"), SAMPLES)
async def test_what_was_told_in_one_conversation_is_known_in_another(
    upstream, embedder, history, query, remembered
):
    """The two calls of the continuous dialogue: history is added, then a new session asks."""
    user = {"user_id": "memos_user_123"}
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": text} for i, text in enumerate(history)]
    patient = {"recall_timeout_ms": 10_000, "record_timeout_ms": 10_000}
    async with served(upstream.url, embedder=embedder, chat_models="m", **patient) as it:
        added = user | {"conversation_id": "0610", "messages": messages}
        assert (await call(it, "add/message", added))["message"] == "ok"
        await it.learned()
        assert await chat(it, user | {"conversation_id": "0928", "query": query})
    asked = asked_of(upstream)
    block, _, message = asked.partition("</memories>")
    for name in remembered:
        assert name in block
    assert message.strip() == query
