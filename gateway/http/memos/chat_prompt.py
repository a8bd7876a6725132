"""What a model is sent for a chat: instructions, session context, memories and the message."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import orjson
import structlog

from gateway.errors import StoreError
from gateway.http.gateway import Gateway
from gateway.http.headers import RawHeaders
from gateway.http.memos.items import FACTS, PREFERENCES
from gateway.memory import instructions, prompt
from gateway.memory.filters import Filter, matches
from gateway.memory.model import Labels, Memory, Scope, Turn
from gateway.memory.ports import ModelRequest
from gateway.memory.recall import Recall, RecallOptions
from gateway.memory.session import Line, fitted, latest, lines
from gateway.memory.taken_out import as_left
from gateway.memory.tokens import tokens

FEW, MANY = 20, 400  # turns of a conversation that are read for its context at first, at most
READ = 2.0  # seconds that this may take: without its context a conversation makes no sense

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A message to be answered, and how.

    `facts` and `preferences` are how many may be recalled, with a relevance of `floor` at least,
    from the scope, the public one and those in `also`. `learn_first` holds the end of the answer
    back until the turn is learned. `bases` are ids of knowledge bases.
    """

    scope: Scope
    conversation: str
    query: str
    system_prompt: str
    where: Filter | None
    also: tuple[Scope, ...]
    facts: int
    preferences: int
    floor: float
    model_name: str
    sampling: Mapping[str, float]
    max_tokens: int
    stream: bool
    record: bool
    learn_first: bool
    labels: Labels
    public: bool
    bases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A request to the model; `status` says how recall went, `preceding` what was said last."""

    request: ModelRequest
    memories: tuple[str, ...]
    status: str
    preceding: str


@dataclass(frozen=True, slots=True)
class _Recalled:
    facts: tuple[Memory, ...]
    preferences: tuple[Memory, ...]
    status: str


async def compose(gateway: Gateway, chat: Chat, model: str, headers: RawHeaders) -> Composed:
    """The request for `model`. What the store cannot give in time is left out."""
    settings = gateway.settings
    window = settings.chat_window
    system = chat.system_prompt or instructions.DEFAULT
    said = lines(await _turns(gateway, chat))
    answer = min(chat.max_tokens, window // 2)
    # Half of the window is the answer's at most, a quarter and an eighth the memories'.
    room = window - answer - tokens(system) - tokens(chat.query) - window // 8
    context = fitted(said, room)
    with gateway.metrics.recall_seconds.time():
        recalled = await _recall(gateway, chat, context, settings.recall_timeout_ms / 1000)
    gateway.metrics.recalls.labels(recalled.status.partition(";")[0]).inc()
    sections = prompt.sections(recalled.facts, recalled.preferences)
    context = fitted(said, room - max(0, tokens(sections) - window // 8))
    messages, size = _messages(chat, context, system, sections, gateway.clock())
    document = {
        "model": model,
        "messages": messages,
        **chat.sampling,
        "max_tokens": max(1, min(chat.max_tokens, window - size)),
        "stream": chat.stream,
    }
    return Composed(
        request=ModelRequest(
            method="POST",
            path="chat/completions",
            headers=headers,
            body=orjson.dumps(document),
            model=model,
        ),
        memories=tuple(memory.id for memory in (*recalled.facts, *recalled.preferences)),
        status=recalled.status,
        preceding=said[-1].text if said else "",
    )


def _messages(
    chat: Chat, context: Sequence[Line], system: str, sections: str, now: int
) -> tuple[list[dict[str, str]], int]:
    """The prompt, and about how many tokens it has."""
    system, placed = instructions.filled(system, sections)
    block = "" if placed else prompt.sectioned(sections, now)
    asked = chat.query
    if context and context[-1].role == "user":  # it was not answered
        asked = f"{context[-1].text}\n\n{asked}"
        context = context[:-1]
    said = [Line("system", system), *context, Line("user", block + asked)]
    messages = [{"role": line.role, "content": line.text} for line in said]
    return messages, sum(line.tokens for line in said)


async def _turns(gateway: Gateway, chat: Chat) -> list[Turn]:
    """What was recorded of the conversation; nothing, where that cannot be read in time."""
    store = gateway.store
    try:
        async with asyncio.timeout(READ):
            limit, window = FEW, gateway.settings.chat_window
            while True:
                turns = await store.get_turns(chat.scope, chat.conversation, limit)
                recent = latest(turns, window)
                if len(recent) < len(turns) or len(turns) < limit or limit >= MANY:
                    return await as_left(store, chat.scope, recent)
                limit *= FEW
    except (StoreError, TimeoutError):
        pass  # a store that fails says so itself, and not for each chat
    except Exception as error:  # noqa: BLE001  whatever it is, the chat goes on
        _log.warning("session not read", error=type(error).__name__)
    return []


async def _recall(
    gateway: Gateway, chat: Chat, context: Sequence[Line], seconds: float
) -> _Recalled:
    options = RecallOptions(
        kinds=FACTS,
        limit=chat.facts,
        floor=chat.floor,
        token_budget=gateway.settings.chat_window // 4,
        where=chat.where,
        conversation=chat.conversation,
        present=frozenset(line.text for line in context),
        also=chat.also,
        of_others=FACTS | PREFERENCES,  # what others wish is a fact, and nothing to obey
    )
    wishes = replace(
        options,
        kinds=PREFERENCES,
        limit=chat.preferences,
        token_budget=gateway.settings.chat_window // 8,
        standing=True,
        of_others=frozenset(),
    )
    facts, preferences = await asyncio.gather(
        _some(gateway, chat, options, seconds), _some(gateway, chat, wishes, seconds)
    )
    standing = [m for m in preferences.standing if _is_wanted(m, chat, "\n".join(options.present))]
    wanted = (*standing, *(ranked.memory for ranked in preferences.ranked))[: chat.preferences]
    found = tuple(ranked.memory for ranked in facts.ranked)
    degraded = [each.status for each in (facts, preferences) if each.reason]
    status = degraded[0] if degraded else "hit" if found or wanted else "empty"
    return _Recalled(found, wanted, status)


def _is_wanted(memory: Memory, chat: Chat, shown: str) -> bool:
    """Whether a standing instruction passes the filter and is not in the context already."""
    if chat.where is not None and not matches(chat.where, memory):
        return False
    return not memory.sources or any(each.content not in shown for each in memory.sources)


async def _some(gateway: Gateway, chat: Chat, options: RecallOptions, seconds: float) -> Recall:
    if not options.limit:
        return Recall(outcome="empty")
    return await gateway.recaller.within(seconds, chat.scope, chat.query, options)
