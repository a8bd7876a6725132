"""A conversation is recognised by the history that a client resends, and branches do not mix."""

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.fake_store import FakeStore
from gateway.errors import StoreError
from gateway.memory import threads
from gateway.memory.model import Message, Scope
from tests.scripted_upstream import scripted_upstream
from tests.served import served

pytestmark = pytest.mark.anyio

ANN = Scope("default", "ann")


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


class Client:
    """Asks, and resends what was said. The upstream numbers its answers."""

    def __init__(self, it):
        self._it = it
        self._http = httpx.AsyncClient(trust_env=False)

    async def ask(self, *messages, name="ann", **more):
        """The conversation that the gateway takes it for, and the answer."""
        response = await self._http.post(
            f"{self._it.url}/v1/chat/completions",
            json={"model": "m", "user": name, "messages": messages} | more,
        )
        answer = response.json()["choices"][0]["message"]["content"]
        return response.headers["x-conversation-id"], assistant(answer)

    async def turns(self, conversation):
        return await self._it.gateway.store.get_turns(ANN, conversation, 20)

    async def memories(self):
        await self._it.learned()
        response = await self._http.post(
            f"{self._it.url}/api/openmem/v1/get/memory", json={"user_id": "ann", "size": 50}
        )
        return response.json()["data"]["memory_detail_list"]

    async def aclose(self):
        await self._http.aclose()


@pytest.fixture
async def client():
    numbers = iter(range(1, 100))

    async def script(exchange):
        message = assistant(f"Answer {next(numbers)}.")
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        await exchange.json({"id": "c", "object": "chat.completion", "choices": [choice]})

    async with scripted_upstream(script) as upstream, served(upstream.url) as it:
        client = Client(it)
        yield client
        await client.aclose()


async def test_a_client_that_resends_its_history_stays_in_one_conversation(client):
    system = {"role": "system", "content": "Be brief."}
    first, a1 = await client.ask(system, user("Hi"))
    second, a2 = await client.ask(system, user("Hi"), a1, user("I live in Lisbon."))
    third, _ = await client.ask(
        system, user("Hi"), a1, user("I live in Lisbon."), a2, user("Any tips?")
    )
    assert first == second == third
    turns = await client.turns(first)
    assert [turn.messages[0].text for turn in turns] == ["Hi", "I live in Lisbon.", "Any tips?"]


async def test_what_is_resent_makes_no_memory_twice(client):
    parts = [{"type": "text", "text": "I live in Lisbon."}, {"type": "image_url", "image_url": {}}]
    history = [{"role": "user", "content": parts}]
    for number in range(4):
        _, answer = await client.ask(*history)
        history += [answer, user(f"My {number} favourite colours are green.")]
    listed = await client.memories()
    texts = [memory["memory_value"] for memory in listed]
    assert len(texts) == len(set(texts))
    assert sum("I live in Lisbon." in text for text in texts) == 2  # as it was said, and as a fact


async def test_two_conversations_that_open_alike_part_where_they_differ(client):
    one, a1 = await client.ask(user("Hi"))
    assert (await client.ask(user("Hi"), a1, user("About cars.")))[0] == one
    _, b1 = await client.ask(user("Hi"))
    other, b2 = await client.ask(user("Hi"), b1, user("About cats."))
    assert other != one
    again, _ = await client.ask(user("Hi"), b1, user("About cats."), b2, user("Go on."))
    assert again == other


async def test_an_earlier_message_that_is_edited_opens_a_branch(client):
    trunk, a1 = await client.ask(user("Hi"))
    _, a2 = await client.ask(user("Hi"), a1, user("I live in Paris."))
    await client.ask(user("Hi"), a1, user("I live in Paris."), a2, user("Where to eat?"))
    branch, b2 = await client.ask(user("Hi"), a1, user("I live in London."))
    assert branch != trunk
    on, b3 = await client.ask(user("Hi"), a1, user("I live in London."), b2, user("And to eat?"))
    assert on == branch
    said = [turn.messages[0].text for turn in await client.turns(branch)]
    assert said == ["I live in London.", "And to eat?"]
    said = [turn.messages[0].text for turn in await client.turns(trunk)]
    assert said == ["Hi", "I live in Paris.", "Where to eat?"]
    # And back on the trunk, where it had ended.
    history = (user("Hi"), a1, user("I live in London."), b2, user("And to eat?"), b3)
    assert (await client.ask(*history, user("Thanks.")))[0] == branch


async def test_a_repeated_request_stays_where_it_was(client):
    trunk, a1 = await client.ask(user("Hi"))
    second, _ = await client.ask(user("Hi"), a1, user("I live in Paris."))
    again, _ = await client.ask(user("Hi"), a1, user("I live in Paris."))
    assert trunk == second == again
    assert len(await client.turns(trunk)) == 2


async def test_a_branch_that_is_repeated_is_the_same_branch(client):
    _, a1 = await client.ask(user("Hi"))
    await client.ask(user("Hi"), a1, user("One."))
    first, _ = await client.ask(user("Hi"), a1, user("Two."))
    again, _ = await client.ask(user("Hi"), a1, user("Two."))
    assert first == again


async def test_white_space_and_an_edited_answer_do_not_lose_it(client):
    trunk, a1 = await client.ask(user("Hi  there\n"))
    second, a2 = await client.ask(user("Hi there"), a1, user("Next."))
    assert second == trunk
    third, _ = await client.ask(
        user("Hi there"), a1, user("Next."), assistant(f"**{a2['content']}**"), user("Then?")
    )
    assert third == trunk


async def test_a_client_that_drops_the_beginning_stays_too(client):
    trunk, a1 = await client.ask(user("Hi"))
    _, a2 = await client.ask(user("Hi"), a1, user("Two."))
    _, a3 = await client.ask(user("Hi"), a1, user("Two."), a2, user("Three."))
    later, _ = await client.ask(a2, user("Three."), a3, user("Four."))
    assert later == trunk


async def test_each_step_of_a_tool_loop_stays_too(client):
    _, a1 = await client.ask(user("Hi"))
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]}
    result = {"role": "tool", "tool_call_id": "1", "content": "sunny"}
    first, _ = await client.ask(user("Hi"), a1, user("Weather?"), tools=[{"type": "function"}])
    step = (user("Hi"), a1, user("Weather?"), call, result)
    second, a2 = await client.ask(*step, tools=[{"type": "function"}])
    assert first == second
    later, _ = await client.ask(*step, a2, user("Thanks."))
    assert later == first
    assert len(await client.turns(first)) == 3


async def test_a_conversation_that_is_named_is_not_looked_up(client):
    named = {"metadata": {"conversation_id": "mine"}}
    assert (await client.ask(user("Hi"), **named))[0] == "mine"
    assert (await client.ask(user("Hi"), assistant("x"), user("y"), **named))[0] == "mine"


async def test_another_user_with_the_same_words_is_in_another_conversation(client):
    _, a1 = await client.ask(user("Hi"))
    anns, _ = await client.ask(user("Hi"), a1, user("Next."))
    bens, _ = await client.ask(user("Hi"), a1, user("Next."), name="ben")
    assert anns != bens


async def test_a_history_that_was_never_seen_begins_one(client):
    first, answer = await client.ask(user("Hi"), assistant("Hello."), user("From before?"))
    again, _ = await client.ask(
        user("Hi"), assistant("Hello."), user("From before?"), answer, user("And on?")
    )
    assert first == again


async def test_a_store_that_fails_costs_only_the_recognition():
    class Failing(FakeStore):
        async def find_turn(self, *_):
            raise StoreError("down")

    async with scripted_upstream() as upstream, served(upstream.url, store=Failing()) as it:
        client = Client(it)
        _, a1 = await client.ask(user("Hi"))
        _, answer = await client.ask(user("Hi"), a1, user("Next."))
        await client.aclose()
    assert answer == assistant("Hello.")


texts = st.text("ab \n", max_size=4)
histories = st.lists(st.tuples(st.sampled_from(["user", "assistant", "tool"]), texts), max_size=6)


@settings(max_examples=300, deadline=None)
@given(histories, histories)
def test_only_the_same_history_has_the_same_surest_name(one, other):
    first, second = (
        threads.heard(Message(role=role, content=text, time=0) for role, text in history)
        for history in (one, other)
    )
    if first and second:
        assert (threads.names(first)[0] == threads.names(second)[0]) == (first == second)
