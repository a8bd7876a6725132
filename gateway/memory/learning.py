"""Learning: a turn is recorded, then learned; doing either again changes nothing.

`record` makes what was said durable and findable by its words, at once. `learn` runs as a job: it
adds the vectors, what the user's own sentences state, and then, where there is a model for it, what
that finds besides. Nothing raw is ever replaced by something derived from it.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from gateway.errors import ExtractionBusyError
from gateway.memory import documents, knowledge, knowledge_deletion, tools
from gateway.memory.consolidation import Consolidator
from gateway.memory.episodes import Episode
from gateway.memory.erasure import clear_up, erased_at
from gateway.memory.extraction import extract
from gateway.memory.indexing import embedded_texts
from gateway.memory.model import (
    Candidate,
    Ending,
    Indexed,
    Memory,
    Millis,
    Scope,
    Status,
    Turn,
    TurnState,
    knowledge_base,
    now,
)
from gateway.memory.ports import Embedder, Outbox, Registry, Store
from gateway.memory.proposals.proposer import Proposer
from gateway.memory.proposals.refining import refined
from gateway.memory.reconciliation import reconcile
from gateway.memory.redaction import without_secrets
from gateway.memory.sharing import episode_copy, shared_turns
from gateway.memory.tool_calls import shown

_OTHER = "participant"  # a role whose words neither rules nor models read


class Learner:
    """Learns into one store. `outbox` is the same ledger, read by turn id alone.

    Without a `proposer` the rules alone read what is said. The `registry` knows which documents are
    there still, and who was erased: what is of neither is removed instead of learned. `correct`
    makes the changes that a feedback asks for, and returns what it states besides. `shared` is told
    of each scope that something is shared with. No job, of whatever process, takes longer than
    `job_lasts`. `consolidator` is for whoever states something without a turn.
    """

    def __init__(
        self,
        *,
        store: Store,
        outbox: Outbox,
        embedder: Embedder,
        registry: Registry | None = None,
        proposer: Proposer | None = None,
        correct: Callable[[Turn], Awaitable[list[Candidate]]] | None = None,
        job_lasts: Millis = 60_000,
        clock: Callable[[], Millis] = now,
        shared: Callable[[Scope], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._embedder = embedder
        self._registry = registry
        self._proposer = proposer
        self._correct = correct
        self.consolidator = Consolidator(store, embedder, clock=clock)
        self._job_lasts = job_lasts
        self._clock = clock
        self._shared = shared

    async def record(self, turn: Turn) -> None:
        """Acknowledge a turn: when this returns it survives a crash and will be learned.

        Secrets in it are left out first. Raises StoreError.
        """
        turn = await without_secrets(turn)
        pieces = _pieces(learnable(turn))
        entries = [Indexed(memory=piece.memory, words=piece.words) for piece in pieces]
        # A piece that is there already may have its vector, so it stays. The turn comes last: from
        # then on a job may learn it, and must find all its pieces or none to give a vector to.
        await self._store.revise_memories(turn.scope, entries, held=())
        await self._store.put_turn(turn.scope, turn)

    async def learn(self, turn_id: str) -> None:
        """Learn a recorded turn; one that is gone or learned already is left alone.

        A turn that is replaced meanwhile is learned once more. Raises StoreError, EmbeddingError,
        and ExtractionBusyError when what the rules read is learned already and the model is to be
        asked once more.
        """
        turn = await self._outbox.load(turn_id)
        while turn is not None and turn.state is not TurnState.LEARNED:
            if self._registry is not None and knowledge_deletion.is_note(turn):
                await knowledge_deletion.finish(self._store, self._registry, turn)
                return
            if await self._cleared(turn):
                return
            await self._learn(turn)
            await self._forget_deleted(turn)
            await self._outbox.mark(turn.id, TurnState.LEARNED, created=turn.created)
            learned, turn = turn, await self._outbox.load(turn_id)
            if turn is None:  # perhaps it was erased while it was learned
                await self._cleared(learned)

    async def _cleared(self, turn: Turn) -> bool:
        """Whether the turn was erased; then nothing of it stays."""
        erased = None if self._registry is None else await erased_at(self._registry, turn)
        if erased is None:
            return False
        last = self._clock() >= erased + self._job_lasts
        await clear_up(self._store, self._embedder, turn, erased, last=last)
        return True

    async def read(self, turn: Turn) -> list[Memory]:
        """What a turn states by itself, as it would be remembered; nothing of it is kept.

        A model that cannot be asked just now is done without.
        """
        said = learnable(await without_secrets(turn))
        candidates = extract(said)
        if self._proposer is not None:
            with suppress(ExtractionBusyError):
                candidates = refined(candidates, await self._proposer.propose(said))
        operations = reconcile(
            candidates, (), scope=turn.scope, labels=turn.labels, now=self._clock()
        )
        stated = [operation.memory for operation in operations]
        return [memory for memory in stated if memory.status is Status.ACTIVATED]

    async def _learn(self, turn: Turn) -> None:
        said = learnable(turn)
        pieces = _pieces(said)
        by_rules = extract(own_words(said))
        texts = [piece.dense_text for piece in pieces]
        # One run of the model for both; the embedder knows them when the statements are written.
        foreseen = [text for candidate in by_rules for text in embedded_texts(candidate)]
        vectors = (await self._embedder.embed_documents(texts + foreseen))[: len(texts)]
        entries = [
            Indexed(memory=piece.memory, words=piece.words, vector=vector)
            for piece, vector in zip(pieces, vectors, strict=True)
        ]
        own = await self._keep(turn, entries)
        if turn.feedback and self._correct is not None:
            await self.consolidator.stated(said, await self._correct(said))
            return
        taken_out = {memory.id for memory in own if changed_by_hand(memory)}
        for copy in shared_turns(said):
            copies = [
                Indexed(
                    memory=episode_copy(piece.memory, turn.scope), words=piece.words, vector=vector
                )
                for piece, vector in zip(documents.pieces(copy), vectors, strict=True)
                if piece.memory.id not in taken_out
            ]
            await self._keep(copy, copies)
            self._shared(copy.scope)
        said = own_words(said)
        await self.consolidator.stated(said, by_rules)
        await self.consolidator.used(said)
        if self._proposer is not None and (by_model := await self._proposer.propose(said)):
            learned, by_model = tools.lessons(by_model, shown(said))
            await self.consolidator.stated(said, refined(by_rules, by_model))
            await self.consolidator.used(said, learned)

    async def _keep(self, turn: Turn, entries: Sequence[Indexed]) -> list[Memory]:
        """Write the pieces of a turn but those that were changed since; what was there of them."""
        held = await self._store.get_memories(turn.scope, [each.memory.id for each in entries])
        newer = {m.id for m in held if m.updated > turn.created or changed_by_hand(m)}
        if documents.is_document(turn):  # all were recorded: one that is gone was deleted
            newer |= {each.memory.id for each in entries} - {memory.id for memory in held}
        left = [entry for entry in entries if entry.memory.id not in newer]
        await self._store.revise_memories(turn.scope, left, held)
        return held

    async def _forget_deleted(self, turn: Turn) -> None:
        """Of a file or a base that was deleted while this was added or learned, nothing stays."""
        if self._registry is None:
            return
        project, file_id = turn.scope.project, turn.conversation
        if documents.is_document(turn) and not await knowledge.is_kept(
            self._registry, project, turn.scope.user, file_id
        ):
            await self._store.delete_conversation(turn.scope, file_id)
        for base_id in turn.bases:
            if not await knowledge.is_there(self._registry, project, base_id):
                await self._store.erase(knowledge_base(project, base_id))


def own_words(turn: Turn) -> Turn:
    """The turn as it states things: whoever else speaks as a user is no user in it."""
    if not any(message.by for message in turn.messages):
        return turn
    messages = (replace(m, role=_OTHER) if m.by else m for m in turn.messages)
    return replace(turn, messages=tuple(messages))


def _pieces(turn: Turn) -> list[Episode]:
    """What of the turn is searched as it was said: not what was said about the memories."""
    return [] if turn.feedback else documents.pieces(turn)


def changed_by_hand(memory: Memory) -> bool:
    """Whether somebody changed what the record of a turn made, which is then not made anew."""
    return bool(memory.revisions) or memory.status is not Status.ACTIVATED


def learnable(turn: Turn) -> Turn:
    """The turn without an answer that broke off, for half a sentence is nobody's word.

    Nor with one that only repeats what is remembered, which would feed memory to itself.
    """
    said = turn.said
    if turn.ending is not Ending.COMPLETE:
        heard = [i for i, message in enumerate(said) if message.role == "user"]
        said = said[: heard[-1] + 1] if heard else ()
    return replace(turn, messages=said)
