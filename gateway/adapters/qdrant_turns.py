"""The turns in a Qdrant server: the raw record, and what its learning has to know of them."""

import asyncio
from collections.abc import Collection, Sequence
from uuid import UUID

from qdrant_client import AsyncQdrantClient, models

from gateway.adapters.conditions import Between, Equals, Group, OneOf, among, every, within
from gateway.adapters.hits import Isolation
from gateway.adapters.qdrant_calls import Calls
from gateway.adapters.qdrant_filters import server_filter
from gateway.adapters.qdrant_points import Points
from gateway.adapters.records import (
    PARKED_FIELDS,
    TURN_FIELDS,
    WHOSE_FIELDS,
    Payload,
    digest,
    indexable,
    latest_turn,
    oldest_turn,
    parked_from,
    state_payload,
    turn_from,
    turn_payload,
    turn_point,
)
from gateway.adapters.sealing import Seal
from gateway.errors import StoreError
from gateway.memory.model import Millis, Scope, Turn, TurnState
from gateway.memory.ports import Backlog, Parked


class QdrantTurns:
    """The part of `Store` and `Outbox` that is about turns."""

    def __init__(
        self,
        client: AsyncQdrantClient,
        turns: Points,
        calls: Calls,
        isolation: Isolation,
        seal: Seal,
    ) -> None:
        self._client = client
        self._turns = turns
        self._calls = calls
        self._isolation = isolation
        self._seal = seal

    async def put_turn(self, scope: Scope, turn: Turn) -> None:
        if turn.scope != scope:
            raise ValueError("the turn belongs to another scope")
        point = turn_point(turn.id)
        payload = turn_payload(turn, self._seal)
        written = models.PointStruct(id=str(point), vector={}, payload=payload)

        async def write() -> dict[UUID, Payload]:
            # At once: where the id is taken in another scope, the filter keeps it as it is.
            _, there = await asyncio.gather(
                self._client.upsert(
                    self._turns.name,
                    [written],
                    wait=True,
                    update_filter=server_filter(within(scope)),
                ),
                self._turns.retrieve([point], WHOSE_FIELDS),
            )
            return there

        there = await self._calls.writing("write a turn", write)
        if there and not self._isolation.own(scope, there):
            raise StoreError("the turn's id is taken in another scope")

    async def get_turns(self, scope: Scope, conversation: str, limit: int) -> list[Turn]:
        there = Equals("conversation", indexable(conversation))
        return (await self._latest(scope, within(scope, there), limit))[::-1]

    async def find_turn(self, scope: Scope, refs: Collection[str]) -> Turn | None:
        if not refs:
            return None
        named = OneOf("refs", tuple(digest(ref) for ref in refs))
        return next(iter(await self._latest(scope, within(scope, named), 1)), None)

    async def list_turns(
        self, scope: Scope, *, limit: int, offset: int = 0
    ) -> tuple[list[Turn], int]:
        everything = within(scope)
        turns = await self._latest(scope, everything, limit, offset)
        if not offset and len(turns) < limit:  # then there are no more to count
            return turns, len(turns)
        return turns, await self._calls.reading(
            "count turns", lambda: self._turns.count(everything)
        )

    async def get_turn(self, project: str, turn_id: str) -> Turn | None:
        turn = await self.load(turn_id)
        return turn if turn is not None and turn.scope.project == project else None

    async def turn_states(self, scope: Scope, conversation: str) -> dict[TurnState, int]:
        there = Equals("conversation", indexable(conversation))

        async def read() -> list[int]:
            chosen = [within(scope, there, Equals("state", state)) for state in TurnState]
            return await asyncio.gather(*map(self._turns.count, chosen))

        counts = zip(TurnState, await self._calls.reading("count turns", read), strict=True)
        return {state: count for state, count in counts if count}

    async def load(self, turn_id: str) -> Turn | None:
        async def read() -> Turn | None:
            found = await self._turns.retrieve([turn_point(turn_id)], TURN_FIELDS)
            return next((turn_from(payload, self._seal) for payload in found.values()), None)

        return await self._calls.reading("read a turn", read)

    async def mark(
        self,
        turn_id: str,
        state: TurnState,
        *,
        attempts: int = 0,
        error: str = "",
        created: Millis | None = None,
    ) -> None:
        same = [] if created is None else [Between("created", gte=created, lte=created)]
        # By a filter, which may find nothing: a turn that is gone stays gone.
        there = server_filter(every(among([turn_point(turn_id)]), *same))
        await self._calls.writing(
            "mark a turn",
            lambda: self._client.set_payload(
                self._turns.name, state_payload(state, attempts, error), points=there, wait=True
            ),
        )

    async def pending(self, *, created_before: Millis, limit: int) -> list[str]:
        waiting = every(Equals("state", TurnState.PENDING), Between("created", lt=created_before))
        found = await self._oldest(waiting, ("created", "id"), limit, "read what is pending")
        return [payload["id"] for payload in found.values()]

    async def parked(self, *, limit: int) -> list[Parked]:
        found = await self._oldest(
            every(Equals("state", TurnState.PARKED)), PARKED_FIELDS, limit, "read what is parked"
        )
        return [parked_from(payload) for payload in found.values()]

    async def backlog(self) -> Backlog:
        pending = every(Equals("state", TurnState.PENDING))
        parked = every(Equals("state", TurnState.PARKED))
        first, waiting, given_up = await self._calls.reading(
            "count what is pending",
            lambda: asyncio.gather(
                self._turns.oldest(pending, by="created"),
                self._turns.count(pending),
                self._turns.count(parked),
            ),
        )
        return Backlog(pending=waiting, parked=given_up, oldest=first)

    async def _latest(self, scope: Scope, where: Group, limit: int, offset: int = 0) -> list[Turn]:
        """The latest of these turns of the scope, latest first."""

        async def read() -> list[Turn]:
            found = await self._turns.page(
                where,
                by="created",
                descending=True,
                rank=latest_turn,
                fields=(*TURN_FIELDS, "created", "id"),
                limit=limit,
                offset=offset,
            )
            own = self._isolation.own(scope, found)
            return [turn_from(payload, self._seal) for payload in own.values()]

        return await self._calls.reading("read turns", read)

    async def _oldest(
        self, where: Group, fields: Sequence[str], limit: int, what: str
    ) -> dict[UUID, Payload]:
        """These fields of the oldest turns of all scopes that are so."""
        return await self._calls.reading(
            what,
            lambda: self._turns.page(
                where,
                by="created",
                descending=False,
                rank=oldest_turn,
                fields=fields,
                limit=limit,
            ),
        )
