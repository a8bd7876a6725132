"""The turns of the embedded store: the raw record, and what its learning has to know of them."""

from collections.abc import Collection

from qdrant_edge import UpdateOperation

from gateway.adapters.conditions import Between, Equals, Group, OneOf, among, every, within
from gateway.adapters.edge_filters import edge_filter
from gateway.adapters.edge_shard import Shard, reported
from gateway.adapters.hits import Isolation
from gateway.adapters.records import (
    PARKED_FIELDS,
    TURN_FIELDS,
    WHOSE_FIELDS,
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


class EdgeTurns:
    """The part of `Store` and `Outbox` that is about turns."""

    def __init__(self, turns: Shard, isolation: Isolation, seal: Seal) -> None:
        self._turns = turns
        self._isolation = isolation
        self._seal = seal

    async def put_turn(self, scope: Scope, turn: Turn) -> None:
        if turn.scope != scope:
            raise ValueError("the turn belongs to another scope")
        with reported("write a turn"):
            point = turn_point(turn.id)
            there = self._turns.retrieve([point], WHOSE_FIELDS)
            if there and not self._isolation.own(scope, there):
                raise StoreError("the turn's id is taken in another scope")
            self._turns.put([(point, {}, turn_payload(turn, self._seal))])

    async def get_turns(self, scope: Scope, conversation: str, limit: int) -> list[Turn]:
        with reported("read turns"):
            there = Equals("conversation", indexable(conversation))
            return self._latest(scope, within(scope, there), limit)[::-1]

    async def find_turn(self, scope: Scope, refs: Collection[str]) -> Turn | None:
        with reported("find a turn"):
            named = OneOf("refs", tuple(digest(ref) for ref in refs))
            return next(iter(self._latest(scope, within(scope, named), 1)), None)

    async def list_turns(
        self, scope: Scope, *, limit: int, offset: int = 0
    ) -> tuple[list[Turn], int]:
        everything = within(scope)
        with reported("list turns"):
            turns = self._latest(scope, everything, limit, offset)
            whole = not offset and len(turns) < limit  # then there are no more to count
            return turns, len(turns) if whole else self._turns.count(edge_filter(everything))

    async def get_turn(self, project: str, turn_id: str) -> Turn | None:
        turn = await self.load(turn_id)
        return turn if turn is not None and turn.scope.project == project else None

    async def turn_states(self, scope: Scope, conversation: str) -> dict[TurnState, int]:
        there = Equals("conversation", indexable(conversation))
        with reported("count turns"):
            counts = {
                state: self._turns.count(edge_filter(within(scope, there, Equals("state", state))))
                for state in TurnState
            }
        return {state: count for state, count in counts.items() if count}

    async def load(self, turn_id: str) -> Turn | None:
        with reported("read a turn"):
            found = self._turns.retrieve([turn_point(turn_id)], TURN_FIELDS)
            return next((turn_from(payload, self._seal) for payload in found.values()), None)

    async def mark(
        self,
        turn_id: str,
        state: TurnState,
        *,
        attempts: int = 0,
        error: str = "",
        created: Millis | None = None,
    ) -> None:
        with reported("mark a turn"):
            # By a filter, which may find nothing: by id, the engine fails on a point that is gone.
            same = [] if created is None else [Between("created", gte=created, lte=created)]
            there = edge_filter(every(among([turn_point(turn_id)]), *same))
            payload = state_payload(state, attempts, error)
            self._turns.write(UpdateOperation.set_payload_by_filter(there, payload))

    async def pending(self, *, created_before: Millis, limit: int) -> list[str]:
        with reported("read what is pending"):
            before = Between("created", lt=created_before)
            points = self._turns.page(
                edge_filter(every(Equals("state", TurnState.PENDING), before)),
                by="created",
                descending=False,
                rank=oldest_turn,
                fields=("created", "id"),
                limit=limit,
            )
            found = self._turns.retrieve(points, ("id",))
            return [found[point]["id"] for point in points]

    async def parked(self, *, limit: int) -> list[Parked]:
        with reported("read what is parked"):
            points = self._turns.page(
                edge_filter(every(Equals("state", TurnState.PARKED))),
                by="created",
                descending=False,
                rank=oldest_turn,
                fields=("created", "id"),
                limit=limit,
            )
            found = self._turns.retrieve(points, PARKED_FIELDS)
            return [parked_from(found[point]) for point in points]

    async def backlog(self) -> Backlog:
        pending = edge_filter(every(Equals("state", TurnState.PENDING)))
        with reported("count what is pending"):
            first = self._turns.oldest(pending, by="created")
            return Backlog(
                pending=self._turns.count(pending),
                parked=self._turns.count(edge_filter(every(Equals("state", TurnState.PARKED)))),
                oldest=first,
            )

    def _latest(self, scope: Scope, where: Group, limit: int, offset: int = 0) -> list[Turn]:
        """The latest of these turns of the scope, latest first."""
        points = self._turns.page(
            edge_filter(where),
            by="created",
            descending=True,
            rank=latest_turn,
            fields=("created", "id"),
            limit=limit,
            offset=offset,
        )
        found = self._isolation.own(scope, self._turns.retrieve(points, TURN_FIELDS))
        return [turn_from(found[point], self._seal) for point in points if point in found]
