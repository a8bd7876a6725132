"""The plainest first-person statements in languages other than English, in the same slots.

One reading to a sentence, from its start; what is said in a question, under a condition or in a
negation that no rule knows is left alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from gateway.memory.model import Kind
from gateway.memory.rules import chinese, japanese
from gateway.memory.rules.grammar import first, regex, table
from gateway.memory.wording import plain, shortened, statement_attribute

_FACTS = table(
    r"""
name
    (ich heiße|mein name ist) (name=[^\W\d_][\w'-]*)
age
    ich bin \d{1,3}( jahre( alt)?)?[.!]?$
home.place
    ich (wohne|lebe)( (?!nicht\b)\w+){0,4} (in|bei|auf) (?!(angst|hoffnung|frieden)\b)\S
    ich bin (\w+ )*?nach (name=\S.*) (um)?gezogen
work.title
    ich arbeite( (?!nicht\b)\w+)? als \S
    ich bin (ein(e)? )?(lehrer|arzt|ärztin|ingenieur|krankenpfleger|krankenschwester|student|
        programmierer|entwickler|anwalt|anwältin|koch|köchin|tischler|schreiner|architekt|verkäufer|
        bäcker|journalist|künstler|musiker|polizist|professor|wissenschaftler|erzieher|mechaniker|
        elektriker|gärtner|rentner|schüler|freiberufler|zahnarzt|zahnärztin|übersetzer|designer|
        apotheker|landwirt|buchhalter|informatiker)(in)?\b
work.employer
    ich arbeite( (?!nicht\b)\w+)? (bei|für) (?!(mich|dich|zu hause)\b)\S
family.children
    ich habe (zwei|drei|vier|fünf|ein|\d|keine)\w* (\w+ )?(kinder|kind|sohn|söhne|tochter|
        töchter)\b
pet:{object}
    ich habe (zwei|drei|vier|einen?|\d) (\w+ )?(object=hunde?|katzen?|kater|pferde?|hamster|
        kaninchen)\b
name
    (me llamo|mi nombre es) (name=[^\W\d_][\w'-]*)
age
    tengo \d{1,3} años
home.place
    (yo )?(vivo|resido) en (?!(paz|miedo)\b)\S
    me (mudé|he mudado) a \S
work.title
    (yo )?trabajo (como|de) \S
    (yo )?soy (una? )?(profesora?|maestr[oa]|médic[oa]|enfermer[oa]|ingenier[oa]|abogad[oa]|
        estudiante|programadora?|desarrolladora?|cociner[oa]|arquitect[oa]|diseñadora?|periodista|
        artista|músic[oa]|policía|bomber[oa]|contadora?|escritora?|fotógraf[oa]|dentista|
        psicólog[oa]|traductora?|jubilad[oa]|veterinari[oa]|carpinter[oa]|camarer[oa])\b
work.employer
    (yo )?trabajo (en|para) (?!(ello|esto|eso)\b)\S
family.children
    tengo (un[ao]?|dos|tres|cuatro|\d) (hij[oa]s?|niñ[oa]s?)\b
pet:{object}
    tengo (un[ao]?|dos|tres|\d) (object=perr[oa]s?|gat[oa]s?|caballos?|conejos?)\b
name
    (je m'appelle|mon (pré)?nom est) (name=[^\W\d_][\w'-]*)
age
    j'ai \d{1,3} ans
home.place
    (j'habite|je vis|je réside) (à|en|au|aux|dans|près) \S
    j'ai (\w+ )?déménagé (à|en|au|aux) \S
work.title
    je travaille (comme|en tant que) \S
work.employer
    je travaille (chez|pour) \S
family.children
    j'ai (un|une|deux|trois|quatre|\d) (fils|filles?|enfants?)\b
pet:{object}
    j'ai (un|une|deux|trois|\d) (object=chien(ne)?s?|chat(te)?s?|cheval|chevaux|lapins?)\b
""",
    Kind.FACT,
)
_PREFERENCES = table(
    r"""
allergy:{object}
    ich bin (nicht )?allergisch (gegen|auf) (object=\S.*)
    ich bin gegen (object=\S.*?) allergisch
diet
    ich bin (\w+ )?(vegetarier(in)?|veganer(in)?|vegan|vegetarisch)\b
taste:{object}
    ich (mag|liebe|hasse|bevorzuge|verabscheue|meide|genieße|esse|trinke) (?!(es|das|dies\w*|dich|
        ihn|sie|dein\w*)\b)((sehr |total |lieber |gerne? |am liebsten |nie |niemals |immer |
        nur )*)(kein(en?|e)? )?(object=\S.*)
favourite:{object}
    mein\w* lieblings(object=\w+) (ist|sind)\b
allergy:{object}
    (no )?soy alérgic[oa] (al? )(object=\S.*)
diet
    soy (vegetarian[oa]|vegan[oa])\b
taste:{object}
    (a mí )?(no )?me (gustan?|encantan?|fascinan?) (mucho )?(?!(eso|esto|esta|este|
        tu)\b)(object=\S.*)
    (yo )?(no )?(odio|prefiero|detesto|evito|amo) (?!(eso|esto|esta|este|tu|la primera|
        el primero)\b)(object=\S.*)
    (yo )?(no|nunca) (como|bebo|tomo) (?!(es[ao]s?|est[aeo]s?|nada|que|si|tú)\b)(object=\S.*)
favourite:{object}
    mi (object=\w+) favorit[oa] es\b
allergy:{object}
    je (ne )?suis (pas )?allergique (à la |à l'|aux? |à )(object=\S.*)
diet
    je suis (végétarien(ne)?|végane?|vegan)\b
taste:{object}
    (j'aime|j'adore|j'évite|je préfère|je déteste|je n'aime) (pas |bien |beaucoup )*(?!(ça|cela|ce|
        cette|ton|ta|votre|bien|la première)\b)(object=\S.*)
favourite:{object}
    m(on|a) (object=\w+) préférée? est\b
""",
    Kind.PREFERENCE,
)
_LEAD = regex(r"""
    ((hallo|hi|hey|guten (tag|morgen|abend)|danke|ja|nein|übrigens|also|hola|buenos días|gracias|
    sí|no|por cierto|bonjour|salut|merci|oui|non|au fait)[,.!]\s+)*
""")
_REMEMBER = regex(r"""
    (bitte |por favor,? |s'il (te|vous) pla[iî]t,? )?(merke? dir|denk daran|vergiss nicht|recuerda|
    no olvides|acuérdate de|souviens-toi|rappelle-toi|n'oublie pas|retiens)(,? dass| que|:)\s+
    (told=\S.+)
""")
_INSTRUCTION = regex(r"""
    (bitte |por favor,? |s'il (te|vous) pla[iî]t,? )?((immer|ab (jetzt|sofort)|von nun an|künftig|
    in zukunft|siempre|a partir de ahora|de ahora en adelante|désormais|dorénavant|
    à partir de maintenant|toujours),? \w+|(antworte|antworten sie|schreib|sprich|rede)
    ( mir| mit mir)?( bitte)? (immer|nur|ab jetzt|stets)\b|(antworte|antworten sie|sprich)( mir)?
    ( bitte)? (auf|in) \w+|(responde|contesta|háblame|escribe)(me)?( siempre| solo| sólo)? (en \w+|
    siempre)|(réponds|répondez|parle|écris)(-moi)?( toujours| seulement| uniquement)? (en \w+|
    toujours)|nenne? mich \w+|duze mich|sieze mich|llámame \w+|appelle-moi \w+|tutoie-moi|
    vouvoie-moi|(benutze?|verwende?|nutze?)( bitte)? (keine?n?|niemals|nie|immer) \w+|
    fasse? dich( bitte)?( immer| stets)? kurz|no (uses|me des|menciones|me llames)( nunca)? \w+|
    n'utilise (pas|jamais) \w+)
""")
_TOPICS = table(
    r"""
response.language
    .*\b(auf|en|in) (deutsch|englisch|spanisch|französisch|italienisch|español|inglés|francés|
        alemán|français|anglais|allemand|espagnol|italiano?)\b
name.called
    .*\b(nenne? mich|llámame|appelle-moi)\s
""",
    Kind.PREFERENCE,
)

_KANA = re.compile(r"[\u3041-\u30ff]")
_HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a sentence in one of these languages says, and the slot it fills."""

    text: str
    kind: Kind
    slot: str
    instruction: bool = False
    told: bool = False


def read(sentence: str, *, busy: bool) -> Iterator[Foreign]:
    """What the sentence says of the user. `busy`: its message also sets a task elsewhere."""
    if _KANA.search(sentence):
        yield from _unspaced(sentence, japanese, busy=busy)
    elif _HAN.search(sentence):
        yield from _unspaced(sentence, chinese, busy=busy)
    elif found := _spaced(sentence):
        yield found


def _spaced(sentence: str) -> Foreign | None:
    bare = _LEAD.sub("", sentence, count=1)
    if bare.endswith("?"):
        return None
    if told := _REMEMBER.match(bare):
        kept = told["told"]
        return _spaced(kept) or Foreign(kept, Kind.FACT, statement_attribute(kept), told=True)
    if _INSTRUCTION.match(bare):
        topic = first(_TOPICS, bare)
        slot = topic[1] if topic else f"instruction:{shortened(bare)}"
        return Foreign(bare, Kind.PREFERENCE, slot, instruction=True)
    spelt = plain(bare)
    if found := first(_FACTS, spelt) or first(_PREFERENCES, spelt):
        return Foreign(bare, *found)
    return None


def _unspaced(sentence: str, language: ModuleType, *, busy: bool) -> Iterator[Foreign]:
    """By the tables of a language that writes no spaces, each clause with its own subject."""
    whole = language.LEAD.sub("", plain(sentence), count=1)
    spelt = whole.rstrip("。.! ")
    if language.NOT_STATED.search(spelt):
        return
    if language.STANDING.match(spelt) or (not busy and language.BARE.match(spelt)):
        topic = first(language.TOPICS, spelt)
        slot = topic[1] if topic else f"instruction:{shortened(spelt)}"
        yield Foreign(whole, Kind.PREFERENCE, slot, instruction=True)
        return
    for clause in language.CLAUSES.split(spelt):
        if found := first(language.FACTS, clause) or first(language.PREFERENCES, clause):
            yield Foreign(whole if clause == spelt else clause, *found)
