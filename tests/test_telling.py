"""What the form of a text says of its use as an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.memory.telling import (
    asks,
    asks_of_oneself,
    asks_what_you_said,
    asks_when,
    only_asks,
    substance,
    tells_when,
)


@pytest.mark.parametrize("text", ["And you?", "I did. And you? ", '"Really?"', "真的吗？", "حقا؟"])  # noqa: RUF001  other scripts' question marks
def test_a_text_that_ends_with_a_question_asks(text):
    assert asks(text)


@pytest.mark.parametrize("text", ["", "Why? Because.", "I asked him.", "What a day!"])
def test_a_text_that_ends_otherwise_does_not_ask(text):
    assert not asks(text)


@pytest.mark.parametrize("text", ["Which dog do I have?", "what now? ", "我住在哪里?"])
def test_a_bare_question_only_asks(text):
    assert only_asks(text)


@pytest.mark.parametrize(
    "text",
    [
        "I'm off to Rome, any tips?",
        "My knee hurts, what can be done?",
        "Is 3,400 a month enough?",
        "I have a dog. Which one?",
        "我去广州旅游,有哪些酒店可选?",
        "No.",
    ],
)
def test_a_question_with_something_told_in_it_does_not_only_ask(text):
    assert not only_asks(text)


@pytest.mark.parametrize(
    "question",
    [
        "When did Ann move?",
        "How long has she lived there?",
        "In what city, and since when? When is it?",
    ],
)
def test_a_time_would_answer(question):
    assert asks_when(question)


@pytest.mark.parametrize("question", ["Where does Ann live?", "What did she say when she left?"])
def test_a_time_would_not_answer(question):
    assert not asks_when(question)


def test_a_question_may_be_about_who_asks_it():
    assert asks_of_oneself("Which dog do I have?")
    assert asks_of_oneself("Our flight, when is it?")
    assert not asks_of_oneself("Tell me a joke about mines.")


def test_a_question_may_be_about_what_the_other_one_said():
    assert asks_what_you_said("Which hotel did you recommend?")
    assert asks_what_you_said("What was the book you mentioned?")
    assert not asks_what_you_said("Can you recommend a hotel?")


@pytest.mark.parametrize(
    "text", ["I moved last May.", "Since 2019!", "two weeks ago", "on Tuesday"]
)
def test_a_time_is_told(text):
    assert tells_when(text)


@pytest.mark.parametrize("text", ["I moved.", "Room 2100", "the lasting peace"])
def test_no_time_is_told(text):
    assert not tells_when(text)


def test_more_words_say_more_up_to_a_bound():
    assert substance("Wow, ok!") == 0
    assert 0 < substance("Thanks, wonderful!") < substance("We adopted a beagle from the shelter.")
    assert substance(" ".join(f"word{i}" for i in range(50))) == 1


@given(st.text(max_size=400))
def test_any_text_has_a_form(text):
    assert 0 <= substance(text) <= 1
    assert isinstance(asks(text) or only_asks(text) or asks_when(text) or tells_when(text), bool)
