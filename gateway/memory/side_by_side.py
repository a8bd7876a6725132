"""Whether two statements of one slot can both be so, and neither ends the other.

Of a home or a job the later statement is the state; of what the user likes, cannot bear or suffers
from there may be more to say than one sentence does. When in doubt the later one holds alone.
"""

from gateway.memory.essence import Essence, essence
from gateway.memory.model import Memory
from gateway.memory.wording import content_words

_OF_THINGS = frozenset({"taste", "allergy", "health"})  # lead slots that name the thing
_DIET = "diet"
_DIETING = frozenset({"diet", "follow", "lifestyle", "adhere", "stick"})


def side_by_side(one: Memory, other: Memory) -> bool:
    """Whether both of two memories of one slot hold, in whatever order they were said.

    "I hate running in the rain" says nothing against "I hate running, it hurts my knees"; "I like
    my coffee without milk" ends "I like my coffee with milk".
    """
    head, _, thing = one.attribute.partition(":")
    if one.attribute == _DIET:
        return _one_diet(essence(one.text), essence(other.text))
    if head not in _OF_THINGS or not thing:
        return False
    return _alike(essence(one.text), essence(other.text), content_words(thing))


def _alike(one: Essence, other: Essence, thing: frozenset[str]) -> bool:
    """Whether both stand to the thing alike, and what else they say does not clash."""
    if one.against is None or (one.against, one.tense) != (other.against, other.tense):
        return False
    if one.numbers != other.numbers or set(one.spoken_of) == set(other.spoken_of):
        return False
    shared = set(one.spoken_of) & set(other.spoken_of)
    return one.turned == other.turned or shared <= thing


def _one_diet(one: Essence, other: Essence) -> bool:
    """Whether both tell of the same diet, whatever else they say."""
    diets = [each.opening - _DIETING for each in (one, other)]
    return one.against is None and other.against is None and diets[0] == diets[1] != frozenset()
