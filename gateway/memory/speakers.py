"""Whose word a memory is: the user's to an assistant, or that of people who go by names."""

from typing import Final

from gateway.memory.model import Kind, Memory, Speaker
from gateway.memory.telling import only_asks

_ROLES: Final = frozenset({"user", "assistant", "human", "ai"})  # are nobody's names


def is_question(memory: Memory) -> bool:
    """Whether it is a question that a user put to an assistant, and nothing else."""
    if memory.kind is not Kind.EPISODE or memory.speaker is not Speaker.USER or named(memory):
        return False
    return only_asks(said(memory))


def by_user(memory: Memory) -> bool:
    """Whether it is the word of the user who asks, and not of another who shared it."""
    return memory.speaker is Speaker.USER and not memory.contributor


def said(memory: Memory) -> str:
    """What was said, as it was said; "" where nobody knows."""
    return memory.sources[0].content if memory.sources else ""


def own_word(memory: Memory) -> bool:
    """Whether the user said it to an assistant; what they prefer has a measure of its own."""
    told = by_user(memory) and memory.kind is not Kind.PREFERENCE
    return told and not named(memory) and not is_question(memory)


def named(memory: Memory) -> bool:
    """Whether its speaker goes by a name: people talk to each other, not one to an assistant."""
    name = memory.sources[0].name if memory.sources else ""
    return bool(name) and name.lower() not in _ROLES
