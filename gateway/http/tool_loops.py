"""What was recalled for a turn, kept for the further steps of its tool loop.

Each step resends the same user message with more tool results behind it. It must get the same block
of memories, byte for byte, or the provider's prompt cache is lost at every step.
"""

from collections import OrderedDict

from gateway.memory.recall import Recall


class ToolLoops:
    """The recalls of the latest `most` turns that may call tools, by turn id."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._recalls: OrderedDict[str, Recall] = OrderedDict()

    def get(self, turn_id: str) -> Recall | None:
        if turn_id in self._recalls:
            self._recalls.move_to_end(turn_id)
        return self._recalls.get(turn_id)

    def put(self, turn_id: str, recall: Recall) -> None:
        self._recalls[turn_id] = recall
        self._recalls.move_to_end(turn_id)
        if len(self._recalls) > self._most:
            self._recalls.popitem(last=False)
