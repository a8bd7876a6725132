"""A block is put into a chat request as one piece; every other byte stays."""

from itertools import takewhile

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.injection import inject
from tests.json_texts import KEYS, SCALARS, SPACE, STRINGS, VALUES, arrays, objects

DEADLINE = 2000  # milliseconds an example; more would be a hang, not a busy machine
BLOCK = '<memories>\n- says "hi" \\ ☕ \U0001f600\n</memories>\n\n'
POSITIONS = ("user", "message", "system")

roles = st.sampled_from(["user", "user", "assistant", "system", "developer", "tool"])
parts = st.one_of(
    objects(st.just('"text"'), STRINGS),
    objects(st.sampled_from(['"type"', '"image_url"']), SCALARS),
)
contents = st.one_of(STRINGS, arrays(parts), st.just("null"))


@st.composite
def message_texts(draw):
    """A message as JSON, its members in any order, some of them unknown."""
    members = [f'"role"{draw(SPACE)}:{draw(SPACE)}"{draw(roles)}"']
    members += [f'"content":{draw(SPACE)}{text}' for text in draw(st.lists(contents, max_size=2))]
    members += draw(st.lists(st.tuples(STRINGS, st.just(":"), VALUES).map("".join), max_size=2))
    spaced = [f"{draw(SPACE)}{member}{draw(SPACE)}" for member in draw(st.permutations(members))]
    return "{" + ",".join(spaced) + "}"


@st.composite
def bodies(draw):
    """A chat request with at least one user message, as bytes."""
    before, after = (draw(st.lists(message_texts(), max_size=3)) for _ in range(2))
    user = f'{{"role":"user","content":{draw(contents)}}}'
    messages = f"{draw(SPACE)},{draw(SPACE)}".join([*before, user, *after])
    others = draw(st.lists(st.tuples(KEYS, st.just(":"), VALUES).map("".join), max_size=2))
    last = f'"messages"{draw(SPACE)}:{draw(SPACE)}[{draw(SPACE)}{messages}{draw(SPACE)}]'
    return ("{" + ",".join([*others, last]) + "}").encode()


def expected(document, position):
    """What the request is to mean with the block in it, or None when it has nowhere to go."""
    messages = document["messages"]
    latest = max(i for i, message in enumerate(messages) if message["role"] == "user")
    leading = [i for i, m in enumerate(messages) if m["role"] in {"system", "developer"}]
    if position == "message":
        return [*messages[:latest], {"role": "user", "content": BLOCK}, *messages[latest:]]
    if position == "system" and not leading:
        return [{"role": "system", "content": BLOCK}, *messages]
    place = latest if position == "user" else leading[0]
    content = messages[place].get("content")
    if isinstance(content, str):
        content = BLOCK + content
    elif isinstance(content, list):
        content = [{"type": "text", "text": BLOCK}, *content]
    else:
        return None
    return [*messages[:place], messages[place] | {"content": content}, *messages[place + 1 :]]


def is_one_insertion(before, after):
    """Whether `after` is `before` with one piece put in somewhere."""
    added = len(after) - len(before)
    begin = sum(1 for _ in takewhile(lambda p: p[0] == p[1], zip(before, after, strict=False)))
    return added > 0 and after[begin + added :] == before[begin:]


def injected(messages, position, **more):
    """The messages of a compact request after the injection, or None."""
    body = orjson.dumps({"model": "m", "messages": messages} | more)
    result = inject(body, messages, BLOCK, position)
    if result is None:
        return None
    assert is_one_insertion(body, result)
    document = orjson.loads(result)
    assert document == {"model": "m", "messages": document["messages"]} | more
    return document["messages"]


@settings(max_examples=200, deadline=DEADLINE)
@given(bodies(), st.sampled_from(POSITIONS))
def test_a_request_differs_by_the_block_alone_in_bytes_and_in_meaning(body, position):
    document = orjson.loads(body)
    result = inject(body, document["messages"], BLOCK, position)
    wanted = expected(document, position)
    if wanted is None:
        assert result is None
        return
    assert result is not None
    assert is_one_insertion(body, result)
    assert orjson.loads(result) == document | {"messages": wanted}


@pytest.mark.parametrize("content", ["", "Hello", '\n"quoted" first', "é☕", "\u2028", "\\u0041"])
def test_the_block_leads_the_last_user_message_s_own_words(content):
    history = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    asked = injected([*history, {"role": "user", "content": content}], "user")
    assert asked == [*history, {"role": "user", "content": BLOCK + content}]


@pytest.mark.parametrize("written", [rb"\u0041bc", rb"\"", rb"\\", rb"\ud83d\ude00", rb"\n"])
def test_a_string_that_begins_with_an_escape_keeps_it(written):
    body = b'{"messages":[{"role":"user","content":"' + written + b'"}]}'
    [message] = orjson.loads(body)["messages"]
    result = inject(body, [message], BLOCK, "user")
    assert result is not None
    assert result == body[:39] + orjson.dumps(BLOCK)[1:-1] + body[39:]
    assert orjson.loads(result)["messages"][0]["content"] == BLOCK + message["content"]


@pytest.mark.parametrize(
    "content", [[], [{"type": "text", "text": "Hi"}], [{"type": "image_url", "image_url": {}}]]
)
def test_a_list_of_parts_gets_a_part_of_its_own_at_its_head(content):
    [message] = injected([{"role": "user", "content": content}], "user")
    assert message["content"] == [{"type": "text", "text": BLOCK}, *content]


@pytest.mark.parametrize("message", [{"role": "user"}, {"role": "user", "content": None}])
def test_a_user_message_without_content_is_left_alone(message):
    assert injected([message], "user") is None
    assert injected([message], "message") == [{"role": "user", "content": BLOCK}, message]


def test_in_a_tool_loop_the_block_stays_with_the_user_message_and_splits_no_call_from_its_result():
    user = {"role": "user", "content": "Weather?"}
    steps = [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]},
        {"role": "tool", "tool_call_id": "1", "content": "rain"},
    ]
    led = {"role": "user", "content": BLOCK + "Weather?"}
    own = {"role": "user", "content": BLOCK}
    assert injected([user], "user") == [led]
    assert injected([user, *steps], "user") == [led, *steps]
    assert injected([user, *steps], "message") == [own, user, *steps]
    assert injected([user, *steps], "system")[1:] == [user, *steps]


@pytest.mark.parametrize("role", ["system", "developer"])
def test_the_position_system_leads_the_application_s_own_instructions(role):
    messages = [{"role": role, "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    first, second = injected(messages, "system")
    assert first == {"role": role, "content": f"{BLOCK}Be brief."}
    assert second == messages[1]


def test_the_position_system_becomes_a_system_message_when_there_is_none():
    user = {"role": "user", "content": "Hi"}
    assert injected([user], "system") == [{"role": "system", "content": BLOCK}, user]


def test_instructions_alone_have_no_user_message_to_lead():
    messages = [{"role": "developer", "content": "Be brief."}]
    assert injected(messages, "user") is None
    assert injected(messages, "message") is None
    assert injected(messages, "system")[0]["content"] == f"{BLOCK}Be brief."


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("odd", [None, 1, "user", [], [{"role": "user", "content": "x"}]])
def test_messages_that_are_not_all_objects_are_left_alone(odd, position):
    messages = [{"role": "user", "content": "Hi"}, odd]
    assert injected(messages, position) is None


@pytest.mark.parametrize("position", POSITIONS)
def test_no_messages_are_left_alone(position):
    assert injected([], position) is None
    assert inject(b"{}", [], BLOCK, position) is None


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("role", [None, 1, ["user"], {"user": 1}, "USER"])
def test_a_role_may_be_any_json(role, position):
    user = {"role": "user", "content": "Hi"}
    assert injected([{"role": role, "content": "?"}], "user") is None
    assert {"role": role, "content": "?"} in injected(
        [{"role": role, "content": "?"}, user], position
    )


def test_unknown_members_named_like_ours_elsewhere_are_left_alone():
    user = {"metadata": {"content": "x"}, "content": "Hi", "role": "user"}
    more = {"tools": [{"messages": [{"role": "user", "content": "no"}]}]}
    assert injected([user], "user", **more) == [user | {"content": BLOCK + "Hi"}]


def test_of_repeated_members_the_one_that_the_parser_takes_gets_the_block():
    body = (
        b'{"messages":[{"role":"user","content":"old"}],'
        b'"m\\u0065ssages":[{"role":"user","content":"a","content":"b"}]}'
    )
    messages = orjson.loads(body)["messages"]
    result = inject(body, messages, BLOCK, "user")
    assert result is not None
    assert orjson.loads(result)["messages"] == [{"role": "user", "content": f"{BLOCK}b"}]
    assert b'"content":"old"' in result
