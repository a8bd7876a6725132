"""What a user says about the memories themselves, so that they are corrected by it.

First by rules: what is to be said instead, what is to be forgotten. What the feedback states
besides is learned as the user's own later word. Only the user's own words take anything out, and
only where it is clear what they mean; else the feedback is kept and nothing else happens. No
feedback changes more than HANDFUL memories.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.memory import passages
from gateway.memory.changing import Changer
from gateway.memory.corrections import Forget, Instead, read, rest
from gateway.memory.decisions import FEEDBACK, Change
from gateway.memory.episodes import opened
from gateway.memory.extraction import extract
from gateway.memory.known import STATED
from gateway.memory.model import (
    Candidate,
    Kind,
    Memory,
    Message,
    Millis,
    Scope,
    Source,
    Speaker,
    Status,
    Turn,
)
from gateway.memory.ports import Selection, Store
from gateway.memory.proposals.proposer import Proposer
from gateway.memory.wording import content_words

HANDFUL = 5  # memories that one feedback changes
LOOKED_AT = 1000  # memories that may be meant: the latest said
SHOWN = 10  # to a model

_PREFIX = "feedback:"  # of what a feedback's turn has for a conversation: it is none
_LEADING = re.compile(r"(?:(?:my|the|an?|in|at|from|to|on|with|is)\s+)+", re.IGNORECASE)
_EVERYTHING = Selection(kinds=STATED)
_SAID = Selection(kinds=frozenset({Kind.EPISODE}))


def conversation_of(named: str) -> str:
    """What the turn of a feedback has for a conversation, so that it is in none of the user's."""
    return f"{_PREFIX}{named}"


def conversation_named(turn: Turn) -> str:
    """The conversation that a turn names, be it a feedback or said in it."""
    return turn.conversation.removeprefix(_PREFIX) if turn.feedback else turn.conversation


@dataclass(slots=True)
class _Correction:
    """One feedback: its source and moment, and what it has changed so far."""

    turn: Turn
    source: Source
    at: Millis
    changed: set[str] = field(default_factory=set)

    @property
    def scope(self) -> Scope:
        return self.turn.scope


class Corrector:
    """Corrects the memories of one store by the words of a feedback.

    Where the rules find nothing to change, the model behind `proposer` is asked, if there is one.
    """

    def __init__(self, store: Store, changer: Changer, proposer: Proposer | None = None) -> None:
        self._store = store
        self._changer = changer
        self._proposer = proposer

    async def correct(self, turn: Turn) -> list[Candidate]:
        """Make the changes that a feedback asks for; what it states besides, to be learned.

        Made again for the same turn it changes nothing. Raises StoreError, EmbeddingError,
        ExtractionBusyError.
        """
        text = "\n".join(message.text for message in turn.messages)
        source = Source(
            role="user",
            content=text,
            time=max(message.time for message in turn.messages),
            conversation=conversation_named(turn),
            turn=turn.id,
        )
        made = _Correction(turn, source, max(turn.created, source.time))
        stated = _stated(turn, rest(text), source)
        replaced: set[str] = set()
        for request in read(text):
            if isinstance(request, Forget):
                await self._forget(made, request.what)
            else:
                replaced |= await self._say_instead(made, request)
        left = [each for each in stated if each.attribute not in replaced]
        if not made.changed and not left and self._proposer is not None:
            await self._ask(made, self._proposer)
        return left

    async def _forget(self, made: _Correction, what: str) -> None:
        """Take out what a phrase speaks of, if that is no more than a handful."""
        about = content_words(what)
        read_in_it = {each.attribute for each in _stated(made.turn, what, made.source)}
        known = await self._listed(made.scope, _EVERYTHING)
        meant = [m for m in known if m.attribute in read_in_it and about & content_words(m.text)]
        if not meant and about:
            meant = [m for m in known if about <= content_words(m.text)]
        if meant:
            if len(meant) <= HANDFUL:
                for memory in meant:
                    await self._change(made, memory, Change(status=Status.DELETED))
            return
        said = [
            m
            for m in await self._listed(made.scope, _SAID)
            if about and m.speaker is Speaker.USER and passages.without(m.text, what) != m.text
        ]
        if len(said) <= HANDFUL:
            for memory in said:
                left = passages.without(memory.text, what)
                gone = Change(text=left) if left else Change(status=Status.DELETED)
                await self._change(made, memory, gone)

    async def _say_instead(self, made: _Correction, request: Instead) -> set[str]:
        """Give other words to the memories that say the old ones; the slots that this settled."""
        settled: set[str] = set()
        candidates = {
            each.attribute: each.text for each in _stated(made.turn, request.said, made.source)
        }
        for memory in await self._saying(made, request, candidates):
            text = candidates.get(memory.attribute) or _reworded(memory.text, request)
            await self._change(made, memory, Change(text=text, source=made.source))
            head = _head(memory.attribute)
            settled |= {each for each in candidates if _head(each) == head}
        return settled

    async def _saying(
        self, made: _Correction, request: Instead, candidates: Mapping[str, str]
    ) -> list[Memory]:
        """The memories that are meant: the latest said of those that say the old words."""
        known = await self._listed(made.scope, _EVERYTHING)
        saying = [m for m in known if _place(m.text, request.old)]
        beside = content_words(request.said) - content_words(_new(request))
        if candidates:
            heads = {_head(each) for each in candidates}
            of_a_kind = [m for m in saying if _head(m.attribute) in heads]
            saying = [m for m in saying if m.attribute in candidates] or of_a_kind
        elif not saying:
            said = await self._listed(made.scope, _SAID)
            saying = [m for m in said if m.speaker is Speaker.USER and _place(m.text, request.old)]
        if beside:
            saying = [m for m in saying if beside & content_words(m.text)]
        return saying[:HANDFUL]

    async def _ask(self, made: _Correction, proposer: Proposer) -> None:
        """Let a model give other words to some of what is likely meant; it takes nothing out."""
        about = content_words(made.source.content)
        known = await self._listed(made.scope, _EVERYTHING)
        known.sort(key=lambda m: -len(about & content_words(m.text)))
        shown = {memory.id: memory for memory in known[:SHOWN]}
        if shown:
            words = await proposer.reword(made.turn, list(shown.values()))
            for key in [key for key in words if key in shown][:HANDFUL]:
                allowed = about | content_words(shown[key].text)
                if content_words(words[key]) <= allowed:
                    change = Change(text=words[key], source=made.source)
                    await self._change(made, shown[key], change)

    async def _change(self, made: _Correction, memory: Memory, change: Change) -> None:
        if len(made.changed | {memory.id}) <= HANDFUL:
            made.changed.add(memory.id)
            await self._changer.change(made.scope, memory.id, change, by=FEEDBACK, at=made.at)

    async def _listed(self, scope: Scope, chosen: Selection) -> list[Memory]:
        memories, _ = await self._store.list_memories(scope, chosen, limit=LOOKED_AT)
        return memories


def _stated(turn: Turn, text: str, source: Source) -> list[Candidate]:
    """What a part of the feedback states, of which the whole feedback is the source."""
    if not text:
        return []
    said = Message(role="user", content=text, time=source.time)
    return [replace(each, source=source) for each in extract(replace(turn, messages=(said,)))]


def _place(text: str, phrase: str) -> re.Match[str] | None:
    """Where a phrase stands in a text, its leading small words aside."""
    _, said = opened(text)
    for wording in dict.fromkeys((phrase, _LEADING.sub("", phrase, count=1))):
        if not wording:
            continue
        bounded = rf"(?<!\w){re.escape(wording)}(?!\w)" if wording.isascii() else re.escape(wording)
        if found := re.search(bounded, said, re.IGNORECASE):
            return found
    return None


def _head(attribute: str) -> str:
    """What a slot is about, before what it names: "pet" of "pet:cat:tom"."""
    return attribute.partition(":")[0]


def _new(request: Instead) -> str:
    """The new words: as given, or as many at the end of what is said as the old ones are."""
    if request.new:
        return request.new
    words = request.said.rstrip(".! ").split()
    return " ".join(words[-len(request.old.split()) :])


def _reworded(text: str, request: Instead) -> str:
    opening, said = opened(text)
    found = _place(text, request.old)
    if found is None:
        return text
    whole = found.group().casefold() == request.old.casefold()
    new = _new(request) if whole else _LEADING.sub("", _new(request), count=1) or _new(request)
    return f"{opening}{said[: found.start()]}{new}{said[found.end() :]}"
