"""What a model thinks aloud is told apart from what it says, wherever its text is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.memory.thinking import Thinking

PARTS = ["<think>", "</think>", "`", "``", "```", "~~~", "\n", " ", "a", "<", "</", "think", ">"]


def heard(*pieces: str) -> tuple[str, str]:
    """The thoughts and the speech of an answer that comes in these pieces."""
    thinking = Thinking()
    thoughts = speech = ""
    for said in [said for piece in pieces for said in thinking.feed(piece)] + thinking.end():
        assert bool(said.text) is (said.kind != "unsaid")
        match said.kind:
            case "reasoning":
                thoughts += said.text
            case "text":
                speech += said.text
            case "unsaid":
                thoughts, speech = thoughts + speech, ""
    return thoughts, speech


@pytest.mark.parametrize(
    ("text", "thoughts", "speech"),
    [
        ("Hello.", "", "Hello."),
        ("<think>Hm.</think>\n\nHello.", "Hm.", "Hello."),
        ("\n<think>Hm.</think>Hello.", "Hm.", "Hello."),
        ("  Hello.\n", "", "  Hello.\n"),
        ("<think>Hm.", "Hm.", ""),  # cut off while it thinks
        ("<think></think>Hello.", "", "Hello."),
        ("So <think>a</think>far <think>b</think>good.", "ab", "So far good."),
        ("<think>a <think> b</think> c</think>", "a <think> b", "c</think>"),
        ("Hm, they\nask.\n</think>\n\nHello.", "Hm, they\nask.\n", "Hello."),
        ("</think>Hello.", "", "Hello."),
        ("Close it with </think>.", "", "Close it with </think>."),
        ("`\n```\n</think>\n```", "", "`\n```\n</think>\n```"),
        ("<think>a</think>b\n</think>c", "a", "b\n</think>c"),
        ("a <thin b", "", "a <thin b"),
        ("a<thin", "", "a<thin"),
        ("Write `<think>` first.", "", "Write `<think>` first."),
        ("``a ` <think>`` b", "", "``a ` <think>`` b"),
        ("It is ` so\n<think>a</think>b", "a", "It is ` so\nb"),
        ("```\n<think>x</think>\n```\n", "", "```\n<think>x</think>\n```\n"),
        ("~~~ xml\n<think>\n~~~~\n<think>a", "a", "~~~ xml\n<think>\n~~~~\n"),
        ("  ````\n```\n<think>\n````\n<think>a", "a", "  ````\n```\n<think>\n````\n"),
        ("<think>```\n</think>```\n<think>\n```", "```\n", "```\n<think>\n```"),
        ("So: ```\n<think>\n```\n<think>a", "a", "So: ```\n<think>\n```\n"),
        ("```\n<think>", "", "```\n<think>"),  # code that is never closed
    ],
)
def test_marks_part_thoughts_from_speech_and_in_code_they_are_code(text, thoughts, speech):
    assert heard(text) == (thoughts, speech)


@given(st.lists(st.sampled_from(PARTS), max_size=14).map("".join), st.data())
def test_it_is_the_same_however_the_text_is_cut(text, data):
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    assert heard(*pieces) == heard(text) == heard(*text)


@given(st.lists(st.sampled_from(PARTS), max_size=14).map("".join))
def test_without_a_mark_all_of_it_is_said(text):
    text = text.replace("think", "")
    if "think" not in text:
        assert heard(text) == ("", text)
