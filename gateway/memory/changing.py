"""Memories changed by hand: edited, archived, deleted, and all of that undone.

Nothing that a model says comes here. Writes compare before they set and are tried again while
others write, so a change is made to what the memory is by then. Who changes last holds, and what
was before stays in the memory's own history.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.memory import passages
from gateway.memory.decisions import (
    EDITED,
    Change,
    Decision,
    changed,
    decided_at,
    emptied,
    is_emptied,
    moment,
    out,
    restored,
    takes_back,
)
from gateway.memory.extraction import extract
from gateway.memory.known import STATED, members, revise
from gateway.memory.model import (
    Candidate,
    Indexed,
    Kind,
    Labels,
    Memory,
    Message,
    Millis,
    Revision,
    Scope,
    Source,
    Status,
    Turn,
    now,
)
from gateway.memory.ports import Embedder, Store
from gateway.memory.reconciliation import history, identity, settled
from gateway.memory.sharing import withdraw
from gateway.memory.wording import UNTYPED, statement_attribute

NO_LABELS = Labels()


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a memory was, oldest first, what it followed and what followed it."""

    memory: Memory
    revisions: tuple[Revision, ...]
    supersedes: tuple[Memory, ...]
    superseded_by: Memory | None


class Changer:
    """Changes the memories of one store. `clock` gives the moments of its decisions.

    Every method raises StoreError and, where it writes, EmbeddingError.
    """

    def __init__(
        self, store: Store, embedder: Embedder, *, clock: Callable[[], Millis] = now
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._clock = clock

    async def get(self, scope: Scope, memory_id: str) -> Memory | None:
        """The memory, unless it never was or was deleted for good."""
        found = await self._store.get_memories(scope, [memory_id])
        return next((memory for memory in found if not is_emptied(memory)), None)

    async def history(self, scope: Scope, memory_id: str) -> History | None:
        """A memory's history; None where there is no such memory."""
        memory = await self.get(scope, memory_id)
        if memory is None:
            return None
        followers = [memory.superseded_by] if memory.superseded_by else []
        around = await self._store.get_memories(scope, [*memory.supersedes, *followers])
        known = {each.id: each for each in around if not is_emptied(each)}
        return History(
            memory=memory,
            revisions=memory.revisions,
            supersedes=tuple(known[each] for each in memory.supersedes if each in known),
            superseded_by=known.get(memory.superseded_by),
        )

    async def change(
        self,
        scope: Scope,
        memory_id: str,
        change: Change,
        *,
        by: str = EDITED,
        at: Millis | None = None,
    ) -> Memory | None:
        """Make a change by hand; the memory afterwards, None where there is no such memory.

        Other words are put in the slot that the rules read in them. They also take the place of
        the old ones in what is searched of the conversation, and what is taken out is taken out
        there. What others could recall of it is theirs no longer. `at` is the moment of the
        decision, for one that may be made twice or late.
        """
        memory = await self.get(scope, memory_id)
        if memory is None:
            return None
        if at is None:
            at = moment(memory, self._clock())
        elif settled(memory) >= at:  # done already, or somebody decided otherwise since
            return memory
        if change.text is not None and change.attribute is None:
            change = replace(change, attribute=self._slot(memory, change.text))
        told = memory.text  # until now: that is what the conversation says
        await self._decide(
            scope,
            {memory_id: lambda held: changed(held, change, at=at, by=by)},
            {memory.attribute, change.attribute or memory.attribute},
            at,
            of=memory.contributor,
        )
        gone = change.status in {Status.ARCHIVED, Status.DELETED}
        if gone or (change.text or told) != told:
            await withdraw(self._store, scope.project, [memory_id])
        if memory.kind in STATED and (gone or (change.text or told) != told):
            instead = "" if gone else change.text or told
            await self._take_out(scope, memory, instead, at=at, by=by)
        return await self.get(scope, memory_id)

    async def add(
        self,
        scope: Scope,
        text: str,
        state: Callable[[Scope, Sequence[Candidate], Labels], Awaitable[None]],
        *,
        kind: Kind | None = None,
        conversation: str = "",
        labels: Labels = NO_LABELS,
    ) -> Memory:
        """Remember what somebody writes, as if the user had just said it; the memory it became.

        `state` is a consolidator's. Without a `kind` it is what the rules read, else a fact.
        """
        at = self._clock()
        source = Source(role="user", content=text, time=at, conversation=conversation, turn="")
        read = self._read(text, at, scope)
        fits = len(read) == 1 and kind in {None, read[0].kind}
        candidate = Candidate(
            kind=read[0].kind if fits else kind or Kind.FACT,
            text=text,
            source=source,
            attribute=read[0].attribute if fits else statement_attribute(text),
            instruction=fits and read[0].instruction,
            event_time=read[0].event_time if fits else None,
        )
        await state(scope, [candidate], labels)
        members = await self._members(scope, {candidate.attribute}, ())
        return max(members.values(), key=lambda m: (source in m.sources, m.updated))

    async def delete(self, scope: Scope, ids: Iterable[str]) -> int:
        """Delete memories for good, and what is searched of the conversation that says the same.

        How many there were. Only their ids stay, so that no turn brings them back.
        """
        there = await self._store.get_memories(scope, sorted(ids))
        there = [memory for memory in there if not is_emptied(memory)]
        at = self._clock()
        for memory in there:
            shared_by = memory.contributor
            members = await self._members(scope, {memory.attribute}, {memory.id}, of=shared_by)
            # What it had ended does not hold again for that it is gone.
            ended = [m.id for m in members.values() if m.superseded_by == memory.id]
            follower = members.get(memory.superseded_by)
            decisions: dict[str, Decision] = {memory.id: lambda held: emptied(held, at=at)}
            if follower is None:
                decisions |= {each: lambda held: out(held, Status.ARCHIVED) for each in ended}
            await self._decide(scope, decisions, {memory.attribute}, at, of=shared_by)
            await withdraw(self._store, scope.project, [memory.id])
            await self._bar(scope, memory, at)
            if memory.kind in STATED:
                await self._take_out(scope, memory, "", at=at, by="")
        return len(there)

    async def undo(self, scope: Scope, memory_id: str) -> Memory | None:
        """Take back the last change by hand, or the last superseding; None if there is none.

        What an undo did is a change by hand itself, and can be undone.
        """
        memory = await self.get(scope, memory_id)
        if memory is None:
            return None
        shared_by = memory.contributor
        slot = await self._members(scope, {memory.attribute}, {memory_id}, of=shared_by)
        at = max(moment(member, self._clock()) for member in slot.values())
        taken = takes_back(memory, slot, at=at)
        if taken is None:
            return None
        slots = {memory.attribute}
        slots |= {m.revisions[-1].attribute for m in slot.values() if m.revisions}
        await self._decide(scope, taken.decisions, slots, at, of=shared_by)
        if taken.until is not None:  # the same change may have taken it out of the conversation
            concerned = (slot[each] for each in taken.decisions)
            turns = {source.turn for memory in concerned for source in memory.sources}
            said = await passages.pieces(self._store, scope, turns)
            again: dict[str, Decision] = {
                piece.id: lambda held: restored(held, at=at)
                for piece in said
                if piece.revisions and piece.revisions[-1].until == taken.until
            }
            await self._decide(scope, again, set(), at)
        return await self.get(scope, memory_id)

    async def _bar(self, scope: Scope, memory: Memory, at: Millis) -> None:
        """Leave the ids of other wordings in which its messages said what a gone memory said."""
        turns = {source.turn for source in memory.sources} - {""}
        found = [await self._store.get_turn(scope.project, each) for each in sorted(turns)]
        ids = {
            identity(candidate, scope)
            for turn in found
            if turn is not None and turn.scope == scope
            for candidate in extract(turn)
            if candidate.attribute == memory.attribute
        }
        barred = [replace(emptied(memory, at=at), id=each) for each in sorted(ids - {memory.id})]
        entries = [Indexed(memory=each, words="") for each in barred]
        await self._store.revise_memories(scope, entries, held=())

    async def _take_out(
        self, scope: Scope, memory: Memory, instead: str, *, at: Millis, by: str
    ) -> None:
        """Take a statement out of the episodes that it was read in; without `by`, for good."""
        turns = {source.turn for source in memory.sources}

        def cut(piece: Memory) -> Memory:
            text = passages.without(piece.text, memory.text, instead)
            if by:
                status = None if text else Status.DELETED
                return changed(piece, Change(text=text or None, status=status), at=at, by=by)
            if not text:
                return emptied(piece, at=at)
            sources = tuple(replace(each, content=text) for each in piece.sources)
            mark = Revision(text=text, title="", status=piece.status, until=at, by=EDITED)
            return replace(piece, text=text, sources=sources, revisions=(mark,))

        decisions: dict[str, Decision] = {
            piece.id: cut
            for piece in await passages.pieces(self._store, scope, turns)
            if not is_emptied(piece) and passages.without(piece.text, memory.text) != piece.text
        }
        await self._decide(scope, decisions, set(), at)
        await withdraw(self._store, scope.project, decisions)

    async def _decide(
        self,
        scope: Scope,
        decisions: Mapping[str, Decision],
        slots: set[str],
        at: Millis,
        *,
        of: str = "",
    ) -> None:
        """Make decisions, each once, and put the slots' histories in order.

        In a shared scope, the slots are those `of` one contributor.
        """

        async def read() -> Sequence[Memory]:
            return list((await self._members(scope, slots, decisions, of=of)).values())

        async def change(known: Sequence[Memory]) -> list[Memory]:
            held = {memory.id: memory for memory in known}
            wanted = dict(held)
            for key, decide in decisions.items():
                memory = held.get(key)
                if memory and not is_emptied(memory) and not decided_at(memory, at):
                    wanted[key] = decide(memory)
            for slot in slots - {""}:
                wanted |= history([m for m in wanted.values() if m.attribute == slot])
            return [
                replace(memory, updated=max(at, held[key].updated + 1))
                for key, memory in wanted.items()
                if memory != held[key]
            ]

        await revise(self._store, self._embedder, scope, read, change)

    async def _members(
        self, scope: Scope, slots: Iterable[str], ids: Iterable[str], *, of: str = ""
    ) -> dict[str, Memory]:
        """Everything in these slots, `of` one contributor or of all, and what has these ids."""
        return await members(self._store, scope, {*slots} - {""}, ids, by=of or None)

    def _read(self, text: str, time: Millis, scope: Scope) -> list[Candidate]:
        """What the rules read in a text, were it said by the user."""
        said = Message(role="user", content=text, time=time)
        return extract(Turn(id="", scope=scope, conversation="", messages=(said,), created=time))

    def _slot(self, memory: Memory, text: str) -> str:
        """The slot of a memory's new words: that which the rules read in them, else as it was."""
        if memory.kind not in STATED:
            return memory.attribute
        read = self._read(text, memory.time, memory.scope)
        if len(read) == 1:
            return read[0].attribute
        untyped = memory.attribute.startswith(f"{UNTYPED}:")
        return statement_attribute(text) if untyped else memory.attribute
