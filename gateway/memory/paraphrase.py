"""Whether two statements of one slot say the same in other words.

Two judges must agree. The words: the same polarity, numbers, tense and things spoken of, the same
way round; similarity alone takes Bergen for Oslo and never for always. The meaning: a cosine
similarity of at least THRESHOLD. When in doubt they differ, for what is merged wrongly is lost and
what is not merged is only history.

Of what the user likes, one may say more than the other: "I hate jazz" is said again by "I hate
jazz, it makes me sleepy".
"""

from collections.abc import Iterable

from gateway.memory.essence import Essence, essence
from gateway.memory.model import Candidate, Kind, Memory, Status, Vector

# Of 150 pairs that say the same the least similar has 0.68 (all-MiniLM-L6-v2).
THRESHOLD = 0.65

_DIET = "diet"  # the slot of which all that is not denied is so


def comparable(candidate: Candidate, known: Iterable[Memory]) -> list[Memory]:
    """What holds or held in the candidate's slot and may say the same, as far as the words tell.

    Those that say neither more nor less come first.
    """
    said = essence(candidate.text)
    taste = candidate.kind is Kind.PREFERENCE and not candidate.instruction
    more_or_less = taste and (said.against is not None or candidate.attribute == _DIET)
    equal: list[Memory] = []
    wider: list[Memory] = []
    for memory in known:
        if _may_be_compared(candidate, memory):
            other = essence(memory.text)
            if _equal(said, other):
                equal.append(memory)
            elif more_or_less and (_within(said, other) or _within(other, said)):
                wider.append(memory)
    return equal + wider


def same(one: Vector, other: Vector) -> bool:
    """Whether two unit vectors of comparable statements mean the same."""
    return sum(a * b for a, b in zip(one, other, strict=True)) >= THRESHOLD


def _may_be_compared(candidate: Candidate, memory: Memory) -> bool:
    return (
        (memory.status is Status.ACTIVATED or bool(memory.superseded_by))
        and memory.status is not Status.DELETED
        and (memory.kind, memory.attribute) == (candidate.kind, candidate.attribute)
        and (memory.speaker, memory.event_time) == (candidate.speaker, candidate.event_time)
    )


def _equal(one: Essence, other: Essence) -> bool:
    one, other = (
        each._replace(against=bool(each.against), opening=frozenset()) for each in (one, other)
    )
    return one == other and bool(one.spoken_of or one.numbers)


def _within(one: Essence, other: Essence) -> bool:
    """Whether `one` says less than `other` and nothing else."""
    return (
        (one.against, one.tense) == (other.against, other.tense)
        and not one.turned
        and one.numbers <= other.numbers
        and one.frame - one.tense == other.frame - other.tense
        and bool(one.spoken_of)
        and set(one.spoken_of) < set(other.spoken_of)
    )
