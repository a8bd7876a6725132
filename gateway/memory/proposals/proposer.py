"""What a model makes of a turn: asked once, once more when its answer cannot be read, then left.

It never stands in the way of learning: a turn that it gives nothing for is what the rules made it.
Turns of one user that wait for it together are read in one request; if nothing can be made of
that answer, each is read alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from gateway.errors import ExtractionBusyError, ExtractionError
from gateway.memory.model import Candidate, Memory, Turn
from gateway.memory.ports import Extractor
from gateway.memory.proposals import answers, asking, checking, rewording
from gateway.memory.proposals.asking import Asked
from gateway.memory.proposals.batching import Batches

TRIES = 4  # of a turn with a model that cannot answer just now

_Answer: TypeAlias = tuple[str, list[Any]]  # how it came out, and what is proposed


class Proposer:
    """`report` is told how each turn came out, and of a failure the reason, which quotes nothing.

    `ok`, `repaired`: there was an answer, at once or when asked again. `retried`: the turn will
    be tried again. `refused`, `unreadable`, `unavailable`: why the rules alone have learned.
    While `at_once` requests are under way, turns wait.
    """

    def __init__(
        self,
        model: Extractor,
        report: Callable[[str, str], None],
        *,
        tries: int = TRIES,
        at_once: int = 4,
    ) -> None:
        self._model = model
        self._report = report
        self._tries = tries
        self._batches = Batches(self._read, at_once=at_once)

    @property
    def waiting(self) -> int:
        """Turns that no request is under way for yet."""
        return len(self._batches)

    async def propose(self, turn: Turn) -> list[Candidate]:
        """What is to be remembered of the turn besides; nothing, when the model cannot tell.

        Raises ExtractionBusyError until the turn has had `tries` attempts.
        """
        if asking.messages(turn) is None:
            return []
        proposals = await self._reported(turn, self._batches.read(turn))
        # Up to a tenth of a second for the longest turns, in which others are to be served.
        return await asyncio.to_thread(checking.candidates, proposals, turn)

    async def reword(self, turn: Turn, memories: Sequence[Memory]) -> dict[str, str]:
        """What some of these memories are to say instead, by the words of a feedback; by their ids.

        Raises ExtractionBusyError as `propose` does.
        """
        asked = rewording.messages(turn, memories)
        return rewording.read(
            await self._reported(turn, self._answered(asked, rewording.SCHEMA)), memories
        )

    async def _reported(self, turn: Turn, answer: Awaitable[_Answer]) -> list[Any]:
        """What the model proposes about a turn; nothing, when it cannot tell."""
        proposals: list[Any] = []
        reason = ""
        try:
            outcome, proposals = await answer
        except ExtractionBusyError as error:
            if turn.attempts + 1 < self._tries:
                self._report("retried", str(error))
                raise
            outcome, reason = "unavailable", str(error)
        except ExtractionError as error:
            outcome, reason = "refused", str(error)
        self._report(outcome, reason)
        return proposals

    async def _read(self, turns: Sequence[Turn]) -> Sequence[_Answer | BaseException]:
        if len(turns) > 1 and (together := await self._together(turns)):
            return [("ok", proposals) for proposals in together]
        return await asyncio.gather(*map(self._alone, turns), return_exceptions=True)

    async def _alone(self, turn: Turn) -> _Answer:
        if (asked := asking.messages(turn)) is None:
            return "ok", []
        return await self._answered(asked, asking.SCHEMA)

    async def _answered(self, asked: Asked, schema: Mapping[str, Any]) -> _Answer:
        answer = await self._model.complete(asked, schema)
        if (proposals := answers.read(answer)) is not None:
            return "ok", proposals
        answer = await self._model.complete(asking.again(asked, answer), schema)
        proposals = answers.read(answer)
        return ("unreadable", []) if proposals is None else ("repaired", proposals)

    async def _together(self, turns: Sequence[Turn]) -> list[list[Any]] | None:
        """What is proposed of each turn; None when that cannot be told, as of a refusal.

        Raises ExtractionBusyError.
        """
        proposals = None
        try:
            answer = await self._model.complete(asking.of_several(turns), asking.SCHEMA_OF_SEVERAL)
            proposals = answers.read(answer)
        except ExtractionBusyError:
            raise
        except ExtractionError:  # it may be of one turn alone
            return None
        return None if proposals is None else _by_turn(proposals, len(turns))


def _by_turn(proposals: Sequence[Any], turns: int) -> list[list[Any]] | None:
    """The proposals of each turn, by the number that they bear; None when one bears none."""
    found: list[list[Any]] = [[] for _ in range(turns)]
    for proposal in proposals:
        number = proposal.get("turn") if isinstance(proposal, dict) else None
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= turns:
            return None
        found[number - 1].append(proposal)
    return found
