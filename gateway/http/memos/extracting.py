"""/extract/memory: what a conversation states, without anything of it being kept."""

from typing import Any, Literal
from uuid import uuid4

from pydantic import Field
from typing_extensions import TypedDict

from gateway.http.gateway import Gateway
from gateway.http.memos.codes import Code
from gateway.http.memos.items import fact, preference
from gateway.http.memos.reading import Body
from gateway.http.operation import Data, Operation
from gateway.memory.model import Kind, Message, Scope, Turn
from gateway.memory.tokens import tokens

MOST_TOKENS = 8_000


class ExtractedMessage(Body):
    role: Literal["user", "assistant", "system"] = Field(description="Who said it.")
    content: str = Field(description="What was said.")


class ExtractMemory(Body):
    messages: list[ExtractedMessage] = Field(
        min_length=1,
        max_length=1000,
        description=f"A conversation of at most {MOST_TOKENS} tokens, oldest message first.",
    )
    extraction_types: list[Literal["memory", "preference"]] = Field(
        default=["memory", "preference"],
        min_length=1,
        description="What is asked for: facts, preferences or both.",
    )


class ExtractedFact(TypedDict):
    memory_key: str
    memory_value: str
    memory_type: str
    tags: list[str]


class ExtractedPreference(TypedDict):
    preference: str
    reasoning: str
    preference_type: str


class Extracted(TypedDict):
    success: bool
    memory_detail_list: list[ExtractedFact]
    preference_detail_list: list[ExtractedPreference]


async def extract_memory(gateway: Gateway, project: str, body: ExtractMemory) -> Data:
    """Read a conversation for facts and preferences, and keep nothing of it.

    As a turn is learned: by the rules and, where there is one, the model that reads turns. What a
    later message supersedes is left out.
    """
    if sum(tokens(message.content) for message in body.messages) > MOST_TOKENS:
        raise Code.INPUT_TOO_LONG.error(
            f"messages: more than {MOST_TOKENS} tokens", param="messages"
        )
    now = gateway.clock()
    nobody = uuid4().hex  # turns of one user may be read together: each of these has its own
    turn = Turn(
        id=nobody,
        scope=Scope(project, nobody),
        conversation="",
        messages=tuple(
            Message(role=each.role, content=each.content, time=now) for each in body.messages
        ),
        created=now,
    )
    stated = await gateway.learner.read(turn)
    facts, preferences = (
        [memory for memory in stated if memory.kind is kind]
        if name in body.extraction_types
        else []
        for name, kind in (("memory", Kind.FACT), ("preference", Kind.PREFERENCE))
    )
    return {
        "success": True,
        "memory_detail_list": [_only(ExtractedFact, fact(memory)) for memory in facts],
        "preference_detail_list": [
            _only(ExtractedPreference, preference(memory)) for memory in preferences
        ],
    }


def _only(shape: type, item: dict[str, Any]) -> dict[str, Any]:
    """Of an item of a list the members that a shape has."""
    return {name: item[name] for name in shape.__annotations__}


OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(path="extract/memory", asked=ExtractMemory, answer=Extracted, work=extract_memory),
)
