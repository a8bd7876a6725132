"""/chat: one message in, an answer out of a model that is told what is remembered."""

from typing import Literal, NotRequired

from pydantic import Field, JsonValue
from starlette.types import ASGIApp
from typing_extensions import TypedDict

from gateway.errors import StoreError
from gateway.http.base_ids import SearchedBases, WrittenBases
from gateway.http.gateway import Gateway
from gateway.http.memos.chat_answer import ChatReply
from gateway.http.memos.chat_prompt import Chat
from gateway.http.memos.chat_sampling import USUAL
from gateway.http.memos.codes import Code
from gateway.http.memos.labels import AllowPublic, AppId, Info, Tags
from gateway.http.memos.reading import Body, Id
from gateway.http.operation import Operation
from gateway.memory.filters import parse
from gateway.memory.knowledge import named, resolve
from gateway.memory.model import Labels, Scope
from gateway.memory.tokens import tokens

MOST_ASKED = 8000  # tokens of a message and the caller's system prompt together


class ChatAsked(Body):
    """A message to be answered, what may be recalled for it, how to answer, what to keep of it."""

    query: str = Field(min_length=1, description="The user's message.")
    user_id: Id = Field(description="Whose memory.")
    conversation_id: Id = Field(
        description="Whose recorded turns are the session's context. Its memories come sooner."
    )
    filter: JsonValue = Field(None, description="Which memories may be recalled.")
    knowledgebase_ids: SearchedBases = Field(default_factory=list)
    memory_limit_number: int = Field(9, ge=0, le=25, description="Facts recalled at most.")
    include_preference: bool = Field(True, description="Whether preferences are recalled.")
    preference_limit_number: int = Field(9, ge=0, le=25, description="Preferences at most.")
    relativity: float = Field(
        0.45, ge=0, le=1, description="The least relevance of what is recalled; 0: any."
    )
    model_name: str = Field(
        "", max_length=200, description="One of GATEWAY_CHAT_MODELS; empty: the first of them."
    )
    system_prompt: str = Field(
        "",
        description="Instead of the built-in instructions. Each {memories} in it is replaced by"
        " what was recalled; without one, the memories lead the user's message.",
    )
    stream: bool = Field(False, description="Whether the answer comes as server-sent events.")
    max_tokens: int = Field(8192, ge=1, description="Tokens of the answer at most.")
    temperature: float = Field(
        USUAL["temperature"], ge=0, le=2, description="The model's temperature."
    )
    top_p: float = Field(USUAL["top_p"], ge=0, le=1, description="The model's nucleus sampling.")
    add_message_on_answer: bool = Field(
        True, description="Whether the message and its answer are recorded and learned."
    )
    async_mode: bool = Field(
        True, description="Whether they are learned after the answer, or before it ends."
    )
    agent_id: str = Field("", max_length=100, description="A label of what is learned.")
    app_id: AppId = ""
    tags: Tags = Field(default_factory=list)
    info: Info = Field(default_factory=dict)
    allow_public: AllowPublic = False
    allow_knowledgebase_ids: WrittenBases = Field(default_factory=list)


class Usage(TypedDict, total=False):
    """Tokens as the model's server counts them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Answered(TypedDict):
    """`memories` are the ids of what was recalled.

    `task_id` is absent where nothing is recorded, `reasoning` where the model told none, `usage`
    where its server did not count.
    """

    response: str
    reasoning: NotRequired[str]
    memories: list[str]
    task_id: NotRequired[str]
    usage: NotRequired[Usage]


class ChatEvent(TypedDict):
    """`content` is the same as `data`. An `error` has a code, and after it comes an `end`.

    The end has what an answer in one piece has beside its text.
    """

    type: Literal["reasoning", "text", "error", "end"]
    data: str
    content: str
    code: NotRequired[int]
    message: NotRequired[str]
    memories: NotRequired[list[str]]
    task_id: NotRequired[str]
    usage: NotRequired[Usage]


async def chat(gateway: Gateway, project: str, body: ChatAsked) -> ASGIApp:
    """Answer a message with the model, which sees the session's context and what is recalled.

    The prompt is the instructions, what was said in the conversation so far, what is remembered,
    and the message. Message and answer are then recorded as one turn, whose id is `task_id`; what
    the model thinks aloud is told apart from its answer and never recorded.
    """
    if tokens(body.query) + tokens(body.system_prompt) > MOST_ASKED:
        message = f"query: it and the system_prompt have more than {MOST_ASKED} tokens"
        raise Code.INPUT_TOO_LONG.error(message, param="query")
    try:
        bases = await resolve(gateway.registry, project, body.knowledgebase_ids)
        written = await named(gateway.registry, project, body.allow_knowledgebase_ids)
        allowed = tuple(scope.user for scope in written)
    except StoreError:  # a chat does not fail for the store's sake
        bases, allowed = (), tuple(body.allow_knowledgebase_ids)
    return ChatReply(
        gateway,
        Chat(
            scope=Scope(project, body.user_id),
            conversation=body.conversation_id,
            query=body.query,
            system_prompt=body.system_prompt,
            where=None if body.filter is None else parse(body.filter),
            also=bases,
            facts=body.memory_limit_number,
            preferences=body.preference_limit_number if body.include_preference else 0,
            floor=body.relativity,
            model_name=body.model_name,
            sampling={"temperature": body.temperature, "top_p": body.top_p},
            max_tokens=body.max_tokens,
            stream=body.stream,
            record=body.add_message_on_answer,
            learn_first=not body.async_mode,
            labels=Labels(
                agent_id=body.agent_id,
                app_id=body.app_id,
                tags=tuple(body.tags),
                info=body.info,
            ),
            public=body.allow_public,
            bases=allowed,
        ),
    )


OPERATIONS = (Operation(path="chat", asked=ChatAsked, answer=Answered, event=ChatEvent, work=chat),)
