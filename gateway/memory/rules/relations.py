"""What is said of the user's family, friends and pets, read by the same table as the user's own.

"My sister Anna lives in Rome" is read as "I live in Rome", said of sister Anna: a fact about her,
never the user's own.
"""

from dataclasses import dataclass

from gateway.memory.rules.grammar import regex
from gateway.memory.wording import object_key

_RELATION = regex(r"""
    (my|our) {whose}(role={person}|{pet}|friend|colleague|coworker)
    (owned='s (full |first )?(name|birthday|age|favou?rite [\w ]{2,40}?|job|hobby|pronouns))?
    (,? (name=(?-i:[A-Z])[\w'-]*( (?-i:[A-Z])[\w'-]*)?),?)?
    ( (also|still|now|currently|really|just|absolutely|only|always|never))?
    \s(verb=(?!(and|or|tongue)\b)(?-i:[a-z])[\w']*)(rest=.*)
""")
_ONLY_NAMED = frozenset({"friend", "colleague", "coworker", "neighbour", "neighbor"})
_ONE = regex("({partner}|{parent}|boss|manager)$")
_SYNONYMS = {
    "gf": "girlfriend", "bf": "boyfriend", "hubby": "husband", "mom": "mother", "mum": "mother",
    "mommy": "mother", "dad": "father", "daddy": "father", "grandma": "grandmother",
    "granny": "grandmother", "grandpa": "grandfather",
}  # fmt: skip
_FIRST_PERSON = {"is": "am", "are": "am", "'s": "am", "has": "have", "does": "do", "goes": "go"}
_PETS = regex("{pet}$")


@dataclass(frozen=True, slots=True)
class Relation:
    """Whose the statement is, and the statement as that one would say it of themselves.

    `slot` is set where the statement itself gives a thing of theirs: "my wife's name is Anna".
    """

    whose: str
    own: str
    slot: str = ""


def read(statement: str) -> Relation | None:
    """The relation or pet that the statement has for its subject, or None."""
    match = _RELATION.match(statement)
    if match is None:
        return None
    role = object_key(match["role"])
    role = _SYNONYMS.get(role, role)
    whose = f"{'pet' if _PETS.match(role) else 'relation'}:{role}"
    if match["name"] and not _ONE.match(role):
        whose += f":{object_key(match['name'])}"
    verb = match["verb"].lower()
    if match["owned"]:
        slot = f"{whose}.{object_key(match['owned'][3:])}" if verb in ("is", "are") else ""
        return Relation(whose, "", slot)
    if role in _ONLY_NAMED and not match["name"]:
        return None
    own = f"I {_FIRST_PERSON.get(verb) or _unconjugated(verb)}{match['rest']}"
    return Relation(whose, own)


def _unconjugated(verb: str) -> str:
    """The first person of a verb's third: "studies" is "study"."""
    if verb.endswith("ies"):
        return verb[:-3] + "y"
    if verb.endswith(("ches", "shes", "sses", "xes")):
        return verb[:-2]
    return verb[:-1] if verb.endswith("s") and not verb.endswith("ss") else verb
