"""/chat, field by field."""

from tests.fields.adding import LONG
from tests.fields.table import Bad, Endpoint
from tests.fields.world import REPLY

CHAT = Endpoint("chat", {"user_id": "ann", "conversation_id": "here", "query": "Where do I live?"})


@CHAT.field("query", "Where do I live?", (None, 40002), ("", 40002), (7, 40000))
async def query(it, good):
    """The model is asked this."""
    assert (await it.chat(good))["messages"][-1]["content"].endswith(good)


@CHAT.field(
    "query",
    "word " * 1000,
    Bad("word " * 9000, 40305, "query: it and the system_prompt have more than 8000 tokens"),
)
async def long_query(it, good):
    """It may be long, up to 8,000 tokens with the system prompt."""
    assert (await it.chat(good))["messages"][-1]["content"].endswith(good)


@CHAT.field("user_id", "bob", ("", 40002), (LONG, 40010), (None, 40002))
async def user_id(it, good):
    """Whose memories the model is told."""
    await it.add("I live in Lisbon.", user_id=good)
    assert "Lisbon" in await it.prompt("Where do I live?", user_id=good)
    assert "Lisbon" not in await it.prompt("Where do I live?", user_id="ann")


@CHAT.field("conversation_id", "there", ("", 40002), (LONG, 40011), ({}, 40000))
async def conversation_id(it, good):
    """What was said in it so far is the context."""
    await it.chat("I am writing about otters.", conversation_id=good)
    asked = await it.chat("And what now?", conversation_id=good, memory_limit_number=0)
    said = [message["content"] for message in asked["messages"]]
    assert "I am writing about otters." in said
    assert REPLY in said


@CHAT.field(
    "filter",
    {"and": [{"tags": {"contains": "home"}}]},
    Bad({"and": []}, 40000, "filter.and: must be a list of at least one condition"),
)
async def filter_(it, good):
    """Only memories that pass it are told."""
    await it.add("I live in Lisbon.", tags=["home"])
    await it.add("My cat lives in Porto.", tags=["pets"])
    prompt = await it.prompt("Where does my cat live, and I?", filter=good, relativity=0)
    assert "Lisbon" in prompt
    assert "Porto" not in prompt


@CHAT.field(
    "knowledgebase_ids",
    "all",
    Bad(["none"], 50123, "there is no knowledge base 'none'"),
    ([7], 40000),
    (7, 40000),
)
async def knowledgebase_ids(it, good):
    """Which knowledge bases are searched too."""
    await it.document("Dinner is served at seven.")
    assert "at seven" in await it.prompt("When is dinner served?", knowledgebase_ids=good)
    assert "at seven" not in await it.prompt("When is dinner served?")


@CHAT.field("memory_limit_number", 1, (26, 40000), (-1, 40000))
async def memory_limit_number(it, good):
    """So many facts are told at most."""
    await it.add("I live in Lisbon.", "I work in Lisbon.", "I swim in Lisbon.")
    prompt = await it.prompt("What do I do in Lisbon?", memory_limit_number=good, relativity=0)
    assert sum(verb in prompt for verb in ("I live", "I work", "I swim")) == good


@CHAT.field("include_preference", False, ("some", 40000))
async def include_preference(it, good):
    """Whether preferences are told."""
    await it.add("I love green tea.")
    asked = {"query": "Which tea do I love?", "memory_limit_number": 0, "relativity": 0}
    assert "green tea" in await it.prompt(**asked)
    assert "green tea" not in await it.prompt(**asked, include_preference=good)


@CHAT.field("preference_limit_number", 1, (26, 40000), (-1, 40000))
async def preference_limit_number(it, good):
    """So many preferences are told at most."""
    await it.add("I love green tea.", "I love black coffee.")
    prompt = await it.prompt(
        "What do I love to drink?",
        memory_limit_number=0,
        preference_limit_number=good,
        relativity=0,
    )
    assert ("green tea" in prompt) + ("black coffee" in prompt) == good


@CHAT.field("relativity", 0, (1.5, 40012), (-1, 40012), ("low", 40000))
async def relativity(it, good):
    """What is less relevant is not told; with 0 everything may be."""
    await it.add("I live in Lisbon.")
    assert "Lisbon" in await it.prompt("Explain monads in Haskell", relativity=good)
    assert "Lisbon" not in await it.prompt("Explain monads in Haskell", relativity=0.9)


@CHAT.field(
    "model_name",
    "thinks",
    Bad("unheard-of", 40000, "model_name: there is no 'unheard-of'; known are talks, thinks"),
    ("x" * 201, 40000),
)
async def model_name(it, good):
    """Which of the offered models answers."""
    assert (await it.chat(model_name=good))["model"] == good
    assert (await it.chat())["model"] == "talks"


@CHAT.field("system_prompt", "Use {memories} and {braces}.", (["x"], 40000))
async def system_prompt(it, good):
    """It stands for the built-in instructions, with the memories at its placeholder."""
    await it.add("I live in Lisbon.")
    asked = await it.chat("Where do I live?", system_prompt=good)
    first = asked["messages"][0]
    assert first["role"] == "system"
    assert "Lisbon" in first["content"]
    assert first["content"].endswith("and {braces}.")


@CHAT.field("stream", True, ("soon", 40000))
async def stream(it, good):
    """The answer comes as events, the last of which is an `end`."""
    events = await it.events(stream=good)
    assert "".join(each["data"] for each in events if each["type"] == "text") == REPLY
    assert [each["type"] for each in events].count("end") == 1
    assert events[-1]["type"] == "end"


@CHAT.field("max_tokens", 64, (0, 40000), ("many", 40000))
async def max_tokens(it, good):
    """It reaches the model."""
    assert (await it.chat(max_tokens=good))["max_tokens"] == good


@CHAT.field("temperature", 0.1, (2.1, 40000), (-0.1, 40000))
async def temperature(it, good):
    """It reaches the model."""
    assert (await it.chat(temperature=good))["temperature"] == good


@CHAT.field("top_p", 0.5, (1.1, 40000), (-0.1, 40000))
async def top_p(it, good):
    """It reaches the model."""
    assert (await it.chat(top_p=good))["top_p"] == good


@CHAT.field("add_message_on_answer", False, ("later", 40000))
async def add_message_on_answer(it, good):
    """Whether message and answer are kept."""
    await it.chat("I live in Lisbon.", add_message_on_answer=good)
    await it.it.learned()
    assert await it.facts() == set()
    await it.chat("I live in Lisbon.")
    await it.it.learned()
    assert "I live in Lisbon." in await it.facts()


@CHAT.field("async_mode", False, ("perhaps", 40000))
async def async_mode(it, good):
    """Without it the turn is learned before the answer ends."""
    await it.chat("I live in Lisbon.", async_mode=good)
    listed = (await it.listed())["memory_detail_list"]
    assert "LongTermMemory" in {each["memory_type"] for each in listed}


def labelled(name, value, where, *bad):
    async def shows(it, good):
        """What is learned is found by a filter on it."""
        await it.chat("I live in Lisbon.", async_mode=False, **{name: good})
        await it.chat("I have a cat.", async_mode=False)
        listed = await it.facts(filter={"and": [where]})
        assert "I live in Lisbon." in listed
        assert "I have a cat." not in listed

    CHAT.field(name, value, *bad)(shows)


labelled("agent_id", "helper", {"agent_id": "helper"}, (LONG, 40000))
labelled("app_id", "shop", {"app_id": "shop"}, (LONG, 40000))
labelled("tags", ["home"], {"tags": {"contains": "home"}}, ("home", 40000), ([1], 40000))
labelled("info", {"scene": "kitchen"}, {"scene": "kitchen"}, ([], 40000))


@CHAT.field("allow_public", True, ("all", 40000))
async def allow_public(it, good):
    """Others in the project may recall what is learned."""
    await it.chat("I live in Lisbon.", async_mode=False, allow_public=good)
    assert "Lisbon" in await it.prompt("Who lives in Lisbon?", user_id="bob")


@CHAT.field(
    "allow_knowledgebase_ids",
    ["a knowledge base of the project"],
    Bad(["none"], 50123, "there is no knowledge base 'none'"),
    ("all", 40000),
)
async def allow_knowledgebase_ids(it, good):
    """What is learned is written to these too."""
    base = await it.base()
    await it.chat("I live in Lisbon.", async_mode=False, allow_knowledgebase_ids=[base])
    assert good
    asked = {"user_id": "bob", "knowledgebase_ids": [base]}
    assert "Lisbon" in await it.prompt("Who lives in Lisbon?", **asked)
