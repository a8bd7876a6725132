"""What a model makes of a turn: asked once, once more when its answer cannot be read, then left.

It never stands in the way of learning: a turn that it gives nothing for is what the rules made it.
"""

import asyncio
from collections.abc import Callable

from gateway.errors import ExtractionBusyError, ExtractionError
from gateway.memory.model import Candidate, Turn
from gateway.memory.ports import Extractor
from gateway.memory.proposals import answers, asking, checking

TRIES = 4  # of a turn with a model that cannot answer just now


class Proposer:
    """`report` is told how each turn came out, and of a failure the reason, which quotes nothing.

    `ok`, `repaired`: there was an answer, at once or when asked again. `retried`: the turn will
    be tried again. `refused`, `unreadable`, `unavailable`: why the rules alone have learned.
    """

    def __init__(
        self, model: Extractor, report: Callable[[str, str], None], *, tries: int = TRIES
    ) -> None:
        self._model = model
        self._report = report
        self._tries = tries

    async def propose(self, turn: Turn) -> list[Candidate]:
        """What is to be remembered of the turn besides; nothing, when the model cannot tell.

        Raises ExtractionBusyError until the turn has had `tries` attempts.
        """
        asked = asking.messages(turn)
        if asked is None:
            return []
        proposals, reason = None, ""
        try:
            answer = await self._model.complete(asked, asking.SCHEMA)
            outcome, proposals = "ok", answers.read(answer)
            if proposals is None:
                answer = await self._model.complete(asking.again(asked, answer), asking.SCHEMA)
                outcome, proposals = "repaired", answers.read(answer)
            if proposals is None:
                outcome = "unreadable"
        except ExtractionBusyError as error:
            if turn.attempts + 1 < self._tries:
                self._report("retried", str(error))
                raise
            outcome, reason = "unavailable", str(error)
        except ExtractionError as error:
            outcome, reason = "refused", str(error)
        self._report(outcome, reason)
        # Up to a tenth of a second for the longest turns, in which others are to be served.
        return await asyncio.to_thread(checking.candidates, proposals or (), turn)
