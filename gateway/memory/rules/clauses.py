"""A sentence cut into what it states, one thing each, and what it asks or supposes left out.

"I live in Rome and my wife is a nurse, what should I cook?" states two things. A statement keeps
its reason: "I have asthma, so I avoid dust" is one statement of two steps.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from gateway.memory.rules.grammar import entries, regex
from gateway.memory.wording import plain

_MAX_GREETINGS = 4
_MOST_STATEMENTS = 8  # of one sentence
_WORDS = entries(r"""
asks
    ((what|where|which|who|whom|whose|why|how|when)\b|(is|are|was|were|am|do|does|did|can|could|
    would|should|will|shall|have|has|had|may|might|isn't|aren't|don't|doesn't|didn't|can't|
    couldn't|wouldn't|shouldn't|won't) (I|you|we|they|he|she|it|there|this|that|these|those|my|
    your|the|a|an|any|some|any(one|body|thing)|some(one|body|thing))\b|any (ideas?|tips?|
    suggestions?|recommendations?|advice|thoughts|chance|good)\b)
subject
    (I|we|my|our|I'[a-z]+|im|ive)\b(?!')
elided
    (live|work|study|own|speak|drive|have|am)
""")
_GREETING = regex(r"""
    ((hi|hey|hello|hiya|greetings|good (morning|afternoon|evening)|yo|dear \w+)
    ( (there|again|all|everyone|guys|team))?(,? (?-i:[A-Z])\w+)?\s*[,!.:;\u2013-]+\s*|
    (thanks|thank you|thx|sorry|yes|yeah|yep|yup|no|nope|nah|ok|okay|well|oh|ah|aw|wow|haha|lol|so|
    sure|right|great|cool|nice|true|absolutely|definitely|totally|actually|honestly|frankly|btw|
    fyi|by the way|for the record|for context|context|for your information|just so you know|
    as you know|to be honest|tbh|in fact|in case you are wondering|please|also|and|but|plus|anyway|
    oops|hmm+|um+|unfortunately|luckily|sadly|fortunately|personally|note|besides|moreover|
    additionally|furthermore|first(ly)?|second(ly)?|finally|lastly|about me|a bit about me|
    a little about me|quick (intro|note|update)|update)
    ( (so much|a lot|again|for (that|this|asking|the \w+)))?(,? (?-i:[A-Z])\w+)?
    \s*[,!.:;\u2013-]+\s*|
    (also|and|but|so|well|actually|honestly|personally|unfortunately|plus|oh|fyi|btw|hi|hey|hello|
    lol|haha|ok|okay|yes|yeah|no|nah|first|tbh|ah) (?=(I|my|we)\b))
""")

_QUESTION = regex(
    r"""
    (?!(what|how) an? |when(ever)? (?!(is|are|was|were|do|does|did|can|could|should|will|would)\b))
    {asks}
""",
    _WORDS,
)
_ASKED_AFTER = regex(
    r"""
    (\s*([,;:]|\.\.\.|…|[\u2013\u2014]| - )\s*((and|so|but|then|or)\s+)?(please\b|{asks})|
    \s+((and|so|but)\s+)?(can|could|would|will) you\b|
    \s+(and|so|but) (please|(what|where|which|who|why|how|should|is|are|do|does|any)\b)|
    \s+(please|pls) (help|tell|give|suggest|recommend|write|make|show|find|explain|list|create)\b|
    ([,;.]|\s+and)\s+(help me|tell me|give me|show me|suggest|recommend)\b).*$
""",
    _WORDS,
)
_REQUEST = regex(r"""
    ((please|pls|kindly|now|then|and) )*(write|give|tell|show|explain|make|create|find|list|
    suggest|recommend|help|generate|summari[sz]e|translate|convert|fix|draft|plan|compare|describe|
    calculate|compute|design|implement|add|remove|change|update|rewrite|improve|check|review|
    provide|solve|let us|continue|go on|try)\b|I (am|was) (trying|looking|wondering|asking|writing|
    working|having|getting|struggling)\b|I (need|want|would like|require) (?!you to (be|call|speak|
    talk|answer|respond|reply|keep|use|always|never|avoid)\b)
""")
_SUPPOSES = regex(r"""
    (if|unless|imagine|suppose|supposing|assume|assuming|let us (say|assume|suppose|pretend|
    imagine)|say (I|we|you|that)|pretend|what if|hypothetically|hypothetical|in theory|had I|
    were I|should I|I wish|wish|maybe|perhaps|example|for (example|instance)|e\.g\.|
    as (an? )?example|(he|she|they|people|someone|somebody|my \w+) (says?|said|told|thinks?|
    claims?)|once upon|not that|it is not (true|that))\b
""")
_FICTION = regex(r"""
    \b(in|for) (a|an|the|my|this|our|some) (\w+ )?(story|novel|dream|role-?play|scenario|
    movie plot|fantasy world|alternate \w+|simulation|hypothetical)\b|
    \b(my|the|our) (\w+ )?(character|protagonist|narrator|avatar|persona|client|customer|boss|
    colleague|coworker|neighbou?r|teacher|professor|friend|user)s? (says?|said|told|thinks?|asked|
    wants?|wrote)\b|\bjust kidding\b|\bjoking\b|/s$
""")

# "When I'm stressed, I run": after these words a comma ends a condition, not a statement.
_CONDITION = regex(r"""
    (when|whenever|if|while|since|as|because|although|though|even|after|before|until|once|due|
    given|in|on|at|for|with|without|during|despite|being|having|apart|besides|unlike|like|last|
    this|next|every)\b
""")
_AND = regex(
    r"""
    \s*([,;]|\s[\u2013\u2014-]|\.\.\.)?\s+(and|but|plus|however|although|though|whereas)\s+
    ((also|then|now)\s+)?(?={subject})|\s*(;|\s[\u2013\u2014-]\s)\s*(?={subject})
""",
    _WORDS,
)
_COMMA = regex(r"\s*,\s*(?={subject})", _WORDS)
_SO = regex(
    r"""
    \s*[,;]?\s+(so|hence|therefore|thus|which is why|that is why|that's why)\s+(?={subject})
""",
    _WORDS,
)
# "Since I have asthma, I avoid dust": the same, told the other way round.
_GIVEN = regex(
    r"""
    (as|since|because|given that|given|considering( that)?|seeing (as|that)|now that)\s+
    (reason={subject}[^,]+)(,\s*(so )?(rest={subject}.+))?$
""",
    _WORDS,
)
# Only a state shares its subject: "I want to live and work there" says nothing of either.
_STATE = regex(
    r"""
    (I|we) ((\w+ly|just|have) )?({elided}\b(?! to\b)|(moved|relocated|grew up|was born|
    graduated)\b)|(I'm|im|I've|we're)\b
""",
    _WORDS,
)
_SHARED = regex(r"\s*,?\s+and\s+(I\s+)?(also\s+)?(?={elided}\b)|\s*,\s+(?={elided}\b)", _WORDS)
_SO_SHARED = regex(r"""
    \s*,?\s+and ((so|thus|therefore) )?(?=(must|can ?not|can't|avoid|refuse|prefer|never|don't|
    do not|only|always|strictly|(need|have) to (avoid|watch|limit))\b)
""")
# "Anna and I went": what stands before "and I" is half of the subject.
_HALF = regex(r"""
    ((yesterday|today|last \w+|recently|then|so|so then|later|now|next \w+|this \w+|sometimes),?\s)?
    (me|you|she|he|they|(my|our|the|a) ((?!(is|are|was|were|has|have)\b)[\w'-]+ ?){1,2}|
    (?!I\b)(?-i:[A-Z])[\w'-]+( (?!I\b)[A-Z][\w'-]+)?)
""")


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing stated: the user's words, and the same spelt out for the rules.

    `whole` is the statement with the reason it follows from, when it follows from one.
    """

    text: str
    plain: str
    whole: str


def is_question(sentence: str) -> bool:
    return sentence.rstrip("\"') ").endswith("?") or _QUESTION.match(sentence) is not None


def asks(sentence: str) -> bool:
    """Whether a sentence wants something done now: a question or a request of the moment."""
    bare = ungreeted(sentence)
    return is_question(bare) or _REQUEST.match(plain(bare)) is not None


def ungreeted(sentence: str) -> str:
    """The sentence without the words that only lead up to it."""
    for _ in range(_MAX_GREETINGS):
        if not (greeting := _GREETING.match(sentence)):
            break
        sentence = sentence[greeting.end() :]
    return sentence


def statements(sentence: str) -> Iterator[Statement]:
    """What the sentence states in the first person or of what is the user's own."""
    sentence = ungreeted(sentence)
    if asked := _ASKED_AFTER.search(sentence):
        sentence = sentence[: asked.start()]
    spelt = plain(sentence)
    if is_question(sentence) or _SUPPOSES.match(spelt) or _FICTION.search(spelt):
        return
    steps = (step for part in _parts(sentence) for step in _steps(part))
    yield from islice(steps, _MOST_STATEMENTS)


def _parts(sentence: str) -> Iterator[str]:
    for coarse in _coarse(sentence):
        for part in [coarse] if _CONDITION.match(coarse) else _COMMA.split(coarse):
            if _STATE.match(part):
                first, *rest = _SHARED.split(part)
                yield first
                yield from (f"I {elided}" for elided in rest)
            else:
                yield part


def _coarse(sentence: str) -> Iterator[str]:
    begin = 0
    for match in _AND.finditer(sentence):
        part = sentence[begin : match.start()]
        if not _HALF.fullmatch(part):
            yield part
            begin = match.end()
    yield sentence[begin:]


def _steps(part: str) -> Iterator[Statement]:
    if given := _GIVEN.match(part):
        yield Statement(given["reason"], plain(given["reason"]), given["reason"])
        if given["rest"]:
            yield Statement(given["rest"], plain(given["rest"]), part.strip(" ,;"))
        return
    begin, subject = 0, ""
    cuts = [(*match.span(), "") for match in _SO.finditer(part)]
    if _STATE.match(part) and (shared := _SO_SHARED.search(part)):
        cuts = sorted([*cuts, (*shared.span(), "I ")])
    for end, following, shares in [*cuts, (len(part), len(part), "")]:
        if text := part[begin:end].strip(" ,;"):
            yield Statement(subject + text, plain(subject + text), part[:end].strip(" ,;"))
        begin, subject = following, shares
