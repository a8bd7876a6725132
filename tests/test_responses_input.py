"""A block is put into a request of the Responses API as one piece; every other byte stays."""

from itertools import takewhile

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.responses import Responses
from gateway.memory import transcript
from tests.json_texts import KEYS, SCALARS, SPACE, STRINGS, VALUES, arrays, objects
from tests.scripted_responses import called, said

DEADLINE = 2000  # milliseconds an example; more would be a hang, not a busy machine
BLOCK = '<memories>\n- says "hi" \\ ☕ \U0001f600\n</memories>\n\n'
POSITIONS = ("user", "message", "system")
DIALECT = Responses()

ITEMS = [
    {"role": "developer", "content": "Be brief."},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "First."}]},
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
    said("An answer."),
    {
        "type": "message",
        "role": "user",
        "content": [
            {"type": "input_text", "text": "What is on this picture?"},
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
            {"type": "input_file", "file_id": "file_1"},
        ],
    },
    called("look", "{}"),
    {"type": "function_call_output", "call_id": "call_1", "output": "a cat"},
]

roles = st.sampled_from(["user", "user", "assistant", "system", "developer"])
parts = st.one_of(
    objects(st.just('"text"'), STRINGS),
    objects(st.sampled_from(['"type"', '"image_url"', '"file_id"']), SCALARS),
)
contents = st.one_of(STRINGS, arrays(parts), st.just("null"))
kinds = st.sampled_from(["reasoning", "function_call", "item_reference", "x_call_output", "new"])


@st.composite
def item_texts(draw):
    """An item as JSON: a message in either form, or something else, members in any order."""
    kind = draw(st.sampled_from(["", "message", draw(kinds)]))
    members = [f'"type"{draw(SPACE)}:{draw(SPACE)}"{kind}"'] if kind else []
    if kind in {"", "message"}:
        members.append(f'"role"{draw(SPACE)}:"{draw(roles)}"')
        members += [
            f'"content":{draw(SPACE)}{draw(contents)}' for _ in range(draw(st.integers(0, 2)))
        ]
    members += draw(st.lists(st.tuples(STRINGS, st.just(":"), VALUES).map("".join), max_size=2))
    spaced = [f"{draw(SPACE)}{member}{draw(SPACE)}" for member in draw(st.permutations(members))]
    return "{" + ",".join(spaced) + "}"


@st.composite
def bodies(draw):
    """A request whose user says something, as bytes."""
    before, after = (draw(st.lists(item_texts(), max_size=3)) for _ in range(2))
    user = f'{{"role":"user","content":{draw(contents)}}}'
    items = f"{draw(SPACE)},{draw(SPACE)}".join([*before, user, *after])
    given_ = draw(st.sampled_from([draw(STRINGS), f"[{draw(SPACE)}{items}{draw(SPACE)}]"]))
    others = draw(st.lists(st.tuples(KEYS, st.just(":"), VALUES).map("".join), max_size=2))
    if draw(st.booleans()):
        others.append(f'"instructions"{draw(SPACE)}:{draw(SPACE)}{draw(contents)}')
    return ("{" + ",".join([*others, f'"input"{draw(SPACE)}:{draw(SPACE)}{given_}']) + "}").encode()


def led(content):
    if isinstance(content, str):
        return BLOCK + content
    if isinstance(content, list):
        return [{"type": "input_text", "text": BLOCK}, *content]
    return None


def expected(document, position):
    """What the request is to mean with the block in it, or None when it has nowhere to go."""
    given_, instructions = document["input"], document.get("instructions")
    if position == "system":
        if isinstance(instructions, list):
            return None
        return document | {"instructions": BLOCK + (instructions or "")}
    if isinstance(given_, str):
        block = {"role": "user", "content": BLOCK}
        own = [block, {"role": "user", "content": given_}]
        return document | {"input": own if position == "message" else BLOCK + given_}
    latest = max(
        i
        for i, item in enumerate(given_)
        if item.get("role") == "user" and item.get("type", "message") == "message"
    )
    if position == "message":
        own = [*given_[:latest], {"role": "user", "content": BLOCK}, *given_[latest:]]
        return document | {"input": own}
    content = led(given_[latest].get("content"))
    if content is None:
        return None
    item = given_[latest] | {"content": content}
    return document | {"input": [*given_[:latest], item, *given_[latest + 1 :]]}


def is_one_insertion(before, after):
    """Whether `after` is `before` with one piece put in somewhere."""
    added = len(after) - len(before)
    begin = sum(1 for _ in takewhile(lambda p: p[0] == p[1], zip(before, after, strict=False)))
    return added > 0 and after[begin + added :] == before[begin:]


@settings(max_examples=300, deadline=DEADLINE)
@given(bodies(), st.sampled_from(POSITIONS))
def test_a_request_differs_by_the_block_alone_in_bytes_and_in_meaning(body, position):
    document = orjson.loads(body)
    result = DIALECT.inject(body, document, BLOCK, position)
    wanted = expected(document, position)
    if wanted is None:
        assert result is None
        return
    assert result is not None
    assert orjson.loads(result) == wanted
    around = position == "message" and isinstance(document["input"], str)
    instead = position == "system" and document.get("instructions", "") is None
    assert around or instead or is_one_insertion(body, result)


@pytest.mark.parametrize("body", [b'{ "input" : "\\u0048i", "n" : 1.10 }'])
def test_a_text_becomes_two_messages_around_its_own_bytes(body):
    result = DIALECT.inject(body, orjson.loads(body), BLOCK, "message")
    assert result is not None
    before, after = result.split(b'"\\u0048i"')
    assert before.startswith(b'{ "input" : [')
    assert after == b'}], "n" : 1.10 }'


def test_instructions_of_null_give_way_and_nothing_else():
    body = b'{"instructions" : null , "input":"Hi","n":1.10}'
    result = DIALECT.inject(body, orjson.loads(body), BLOCK, "system")
    assert result == body.replace(b"null", orjson.dumps(BLOCK))


@pytest.mark.parametrize("given_", [None, 7, ["x"], [None, {}], {"role": "user"}])
def test_what_is_no_conversation_is_not_read(given_):
    assert DIALECT.messages({"model": "m", "input": given_}) is None


@pytest.mark.parametrize("given_", [[], ITEMS[2:4], ITEMS[5:]])
def test_where_no_user_speaks_there_is_no_place_for_a_block(given_):
    document = {"model": "m", "input": given_}
    assert transcript.read(DIALECT.messages(document) or [], now=0) is None
    assert DIALECT.inject(orjson.dumps(document), document, BLOCK, "user") is None


def test_items_are_read_as_the_conversation_they_are():
    messages = DIALECT.messages({"input": ITEMS, "instructions": "Speak French."})
    assert messages is not None
    read = transcript.read(messages, now=0)
    assert read is not None
    assert [m["role"] for m in messages] == [
        "system",
        "developer",
        "user",
        "assistant",
        "user",
        "assistant",
        "tool",
    ]
    assert read.question == "What is on this picture?"
    assert (read.preceding, read.opening, read.steps) == ("An answer.", "First.", 2)
    assert [m.role for m in read.fresh] == ["user", "assistant", "tool"]
    assert read.fresh[1].extra["tool_calls"][0]["function"] == {"name": "look", "arguments": "{}"}
    assert read.fresh[2].text == "a cat"


@pytest.mark.parametrize(
    "given_",
    [
        "Hi",
        [{"role": "user", "content": "Hi"}],
        [{"type": "message", "role": "user", "content": "Hi"}],
    ],
)
def test_the_ways_to_say_the_same_are_read_alike(given_):
    assert DIALECT.messages({"input": given_}) == [{"role": "user", "content": "Hi"}]


def test_a_conversation_is_named_by_its_id_or_not_at_all():
    assert DIALECT.conversation({"conversation": "conv_1"}) == "conv_1"
    assert DIALECT.conversation({"conversation": {"id": "conv_1"}}) == "conv_1"
    for other in (None, 7, "x" * 257, {"id": None}, {}):
        assert DIALECT.conversation({"conversation": other}) == ""


def test_the_turn_before_is_named_by_its_response():
    assert DIALECT.previous({"previous_response_id": "resp_1"}) == "response:resp_1"
    for other in (None, "", 7):
        assert DIALECT.previous({"previous_response_id": other}) == ""
