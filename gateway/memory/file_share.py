"""How much of what is shown may come from files: half, so that they drown nothing that was said."""

from collections.abc import Iterable

from gateway.memory.model import Kind, Memory


def is_from_file(memory: Memory) -> bool:
    return memory.kind is Kind.DOCUMENT


def most_from_files(relevant: Iterable[Memory], limit: int) -> int:
    """How many of at most `limit` memories may come from files; all, if nothing else is relevant.

    Of one memory it is one: the best there is.
    """
    if all(map(is_from_file, relevant)):
        return limit
    return max(1, limit // 2)
