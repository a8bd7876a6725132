"""What is new in a request is told from resent history, and one exchange keeps one name."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.memory import prompt, transcript
from gateway.memory.model import Kind, Memory, Scope, Speaker

DEADLINE = 2000  # milliseconds an example; more would be a hang, not a busy machine
NOW = 1_757_664_000_000  # 2025-09-12, 08:00 UTC
DAY = 86_400_000
ANNA, BEN = Scope("p", "anna"), Scope("p", "ben")


def user(content, **more):
    return {"role": "user", "content": content} | more


def assistant(content, **more):
    return {"role": "assistant", "content": content} | more


def system(content):
    return {"role": "system", "content": content}


def tool(content):
    return {"role": "tool", "tool_call_id": "1", "content": content}


def read(*messages):
    found = transcript.read(messages, now=NOW)
    assert found is not None
    return found


def turn_id(*messages, scope=ANNA, conversation="c", now=NOW):
    return transcript.turn_id(scope, conversation, read(*messages), now=now)


def conversation_id(*messages, scope=ANNA, now=NOW):
    return transcript.conversation_id(scope, read(*messages), now=now)


def texts(messages):
    return [(message.role, message.text) for message in messages]


CALL = assistant(None, tool_calls=[{"id": "1", "type": "function"}])
HISTORY = [system("Be brief."), user("Hello"), assistant("Hi!")]


def test_a_single_message_is_new_and_follows_nothing():
    found = read(user("Hello"))
    assert texts(found.fresh) == [("user", "Hello")]
    assert (found.question, found.preceding, found.opening) == ("Hello", "", "Hello")


def test_of_a_resent_history_only_what_follows_the_last_answer_is_new():
    found = read(*HISTORY, user("Bye"))
    assert texts(found.fresh) == [("user", "Bye")]
    assert (found.question, found.preceding, found.opening) == ("Bye", "Hi!", "Hello")


def test_several_user_messages_in_a_row_are_new_together_and_the_last_is_the_question():
    found = read(*HISTORY, user("Look:"), user("what is it?"))
    assert texts(found.fresh) == [("user", "Look:"), ("user", "what is it?")]
    assert found.question == "what is it?"


def test_the_application_s_own_words_are_left_out_wherever_they_stand():
    developer = {"role": "developer", "content": "Be kind."}
    found = read(system("Be brief."), user("Hello"), developer, system("Now."))
    assert texts(found.fresh) == [("user", "Hello")]


def test_the_steps_of_a_tool_loop_are_new_with_their_question():
    found = read(*HISTORY, user("Weather?"), CALL, tool("rain"))
    assert texts(found.fresh) == [("user", "Weather?"), ("assistant", ""), ("tool", "rain")]
    assert found.fresh[1].extra == {"tool_calls": [{"id": "1", "type": "function"}]}
    assert found.fresh[2].extra == {"tool_call_id": "1"}
    assert (found.question, found.preceding) == ("Weather?", "Hi!")


def test_an_answer_prefilled_for_the_model_belongs_to_the_same_turn():
    assert texts(read(user("A poem"), assistant("Roses")).fresh) == [
        ("user", "A poem"),
        ("assistant", "Roses"),
    ]


def test_where_no_user_speaks_there_is_no_transcript():
    assert transcript.read([], now=NOW) is None
    assert transcript.read([system("Be brief."), assistant("Hi!")], now=NOW) is None


def test_a_message_keeps_what_was_sent_with_it():
    sent = user([{"type": "text", "text": "a"}], name="Anna", x_custom=[1, None])
    [message] = read(sent).fresh
    assert message.content == sent["content"]
    assert (message.name, message.time) == ("Anna", NOW)
    assert message.extra == {"x_custom": [1, None]}


def test_a_block_of_ours_that_was_sent_back_is_no_part_of_what_was_said():
    memory = Memory(
        id="m",
        scope=ANNA,
        kind=Kind.FACT,
        text="lives in Lisbon",
        speaker=Speaker.USER,
        conversation="c",
        time=0,
        created=0,
        updated=0,
        sources=(),
    )
    found = read(user(prompt.block([memory]) + "Where do I live?"))
    assert found.question == "Where do I live?"
    assert texts(found.fresh) == [("user", "Where do I live?")]


@pytest.mark.parametrize("content", ["", None, [], [{}], [None], 3, {"text": "x"}, [{"text": 5}]])
def test_empty_and_odd_content_is_read_as_no_text(content):
    found = read(user(content))
    assert (found.question, found.opening) == ("", "")
    assert found.fresh[0].content == content
    assert texts(read({"role": "user"}).fresh) == [("user", "")]


def test_the_same_request_again_is_the_same_turn():
    assert turn_id(*HISTORY, user("Bye")) == turn_id(*HISTORY, user("Bye"), now=NOW + 60_000)


def test_each_step_of_a_tool_loop_is_the_same_turn():
    steps = [CALL, tool("rain"), CALL, tool("wind")]
    ids = {turn_id(*HISTORY, user("Weather?"), *steps[:n]) for n in range(len(steps) + 1)}
    assert len(ids) == 1


@pytest.mark.parametrize(
    "messages",
    [
        [*HISTORY, user("Hello again")],
        [*HISTORY, user("Look:"), user("Bye")],
        [*HISTORY, user("Bye"), assistant("Bye!"), user("Bye")],
        [system("Be brief."), user("Hello"), assistant("Hello!"), user("Bye")],
        [user("Bye")],
    ],
    ids=["question", "words before it", "later", "answer before it", "no history"],
)
def test_anything_said_anew_is_another_turn(messages):
    assert turn_id(*messages) != turn_id(*HISTORY, user("Bye"))


def test_another_day_user_or_conversation_is_another_turn():
    ids = {
        turn_id(user("Hi")),
        turn_id(user("Hi"), now=NOW + DAY),
        turn_id(user("Hi"), scope=BEN),
        turn_id(user("Hi"), scope=Scope("q", "anna")),
        turn_id(user("Hi"), conversation="d"),
    }
    assert len(ids) == 5


def test_a_conversation_keeps_its_id_while_its_history_grows():
    grown = [*HISTORY, user("Bye"), assistant("Bye!"), user("Wait"), CALL, tool("rain")]
    ids = {conversation_id(*grown[:n]) for n in range(2, len(grown) + 1)}
    assert len(ids) == 1


def test_a_conversation_that_opens_otherwise_or_is_another_user_s_has_another_id():
    ids = {
        conversation_id(user("Hello")),
        conversation_id(user("Hello!")),
        conversation_id(user("Hello"), scope=BEN),
        conversation_id(user("Hello"), scope=Scope("q", "anna")),
    }
    assert len(ids) == 4


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)
spoken = st.fixed_dictionaries(
    {},
    optional={
        "role": st.one_of(st.sampled_from(["user", "assistant", "system", "tool"]), odd),
        "content": odd,
        "name": odd,
        "text": odd,
    },
)


@settings(deadline=DEADLINE)
@given(st.lists(spoken, max_size=6))
def test_messages_of_any_json_are_read_without_failing(messages):
    found = transcript.read(messages, now=NOW)
    assert (found is None) == all(message.get("role") != "user" for message in messages)
    if found is not None:
        assert transcript.turn_id(ANNA, "c", found, now=NOW)
        assert found.question == found.fresh[-1].text or messages[-1].get("role") != "user"


def test_of_pictures_and_sounds_the_words_around_them_are_kept_and_where_they_are():
    long = "data:image/png;base64," + "iVBOR" * 10_000
    parts: list[Any] = [
        {"type": "text", "text": "What is this? " + "x" * 5000},
        {"type": "image_url", "image_url": {"url": long, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "UklG" * 5000, "format": "wav"}},
        {"type": "hologram", "frames": [1, 2.5], "z": None},
        "no part",
    ]
    [message] = read(user(parts)).fresh
    assert message.content[0] == parts[0]
    assert message.text == parts[0]["text"]
    assert message.content[1]["image_url"]["detail"] == "low"
    assert message.content[1]["image_url"]["url"].startswith("data:image/png;base64,")
    assert "not kept" in message.content[1]["image_url"]["url"]
    assert message.content[2] == parts[2]
    assert message.content[3]["input_audio"]["format"] == "wav"
    assert message.content[4:] == parts[4:]
    assert len(str(message.content)) < 6000
