"""A message cut into the user's own sentences.

What the user did not say for themselves is left out: code, block quotes, pasted documents, what
stands between tags, logs and letters, text handed over to be worked on, stories and role-play, the
bulk of a very long message.
Quoted spans and inline code stay in a sentence but no rule can see into them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.memory.rules.grammar import entries, regex

_STRAIGHT = str.maketrans(
    dict.fromkeys("“”„«»", '"') | dict.fromkeys("\u2018\u2019", "'"),
)
_FIRST_MASK, _MASKS = 0x13000, 1024  # Egyptian hieroglyphs: letters to a rule, and no one's words
_LONGEST_MESSAGE = 40_000  # characters read at all
_LONG_MESSAGE = 2_500  # characters; beyond, only the opening and closing paragraphs are the user's
_LONG_PARAGRAPH = 700
_LONGEST_SENTENCE = 400
_DUMP = 8  # lines of a list that no person dictates
_LETTER_LINES = 3  # of a letter that has a body

# Runs of space are cut short first, so that no later pattern can spend long on one.
_SPACES = re.compile(r"[^\S\n]{5,}")
_LINES = re.compile(r"\n\s*\n")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+).*?(?:^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)
_OPENING = re.compile(r" {0,3}<([A-Za-z][\w.:-]{0,40})(?:\s[^<>]{0,300})?>\s*\Z")
_CLOSING = re.compile(r" {0,3}</([A-Za-z][\w.:-]{0,40})>\s*\Z")
_HIDDEN = regex(r"""
    ``[^`\n]{1,500}``|`[^`\n]{1,500}`|"(?=[^"\n]{12})[^"\n]{1,1000}"|
    (?<!\w)'(?=[^'\n]{12})([^'\n]|(?<=\w)'(?=\w)){1,1000}'(?!\w)
""")
_MASK = re.compile(f"[{chr(_FIRST_MASK)}-{chr(_FIRST_MASK + _MASKS)}]")

_FOREIGN_LINE = re.compile(
    r"""\s*(?:
    >                                                     # block quote
    | \|.*\|                                              # table
    | [{}\[\]<]                                           # JSON, markup
    | "[\w ]+"\s*:                                        # JSON
    | [$%#]\s\S                                           # shell, heading
    | \d{4}-\d\d-\d\d[T ]\d\d:\d\d | \[?\d\d:\d\d(?::\d\d)?\]? | [A-Z]{4,8}[:\s]\s*\[   # log
    | Traceback | File\ " | at\ [\w$.]+\( | Caused\ by: | \w*(?:Error|Exception|Warning)\b:?
    | (?:import|def|class|return|const|let|var|function|public|private|select|insert|update)\b
      .*[;:({=]                                           # code
    | (?:user|assistant|human|ai|system|bot|q|a|me|customer|agent|interviewer)\s*:\s    # transcript
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_INDENTED = re.compile(r"(?: {4}|\t)\S")
_LETTER_HEAD = regex(r"""
    (from|to|cc|subject|re|fwd?|sent|date): ?\S|dear [^.!?]{1,40},?$|-{3,} ?\w+ message
""")
_SALUTATION = regex(r"(hello|hi|hey|to) ([\w.']+ ?){1,5},$")

_WORDS = entries(r"""
work
    (translat\w*|summari[sz]\w*|proofread\w*|re-?(writ|phras|word)\w*|paraphras\w*|correct\w*|edit|
    improv\w*|review\w*|fix|analy[sz]\w*|continu\w*|complet\w*|classif\w*|extract\w*|check\w*|
    polish\w*|grade|critique|simplif\w*|shorten|expand|reply|respond|convert|transform|format|
    interpret|explain|evaluate|rate|annotate|tag|label|parse|compare|
    übersetz\w*|korrigier\w*|tradu[ci]\w*|corrige\w*|r[ée]sum\w*)
document
    (text|sentences?|phrases?|passage|paragraphs?|essay|e-?mail|letter|messages?|tweet|post|article|
    lyrics|poem|story|quotes?|log|output|error|transcript|draft|prompt|conversation|dialogue|
    abstract|resume|cv|bio|review|report|document|statement|script|chapter|excerpt|example|input|
    data|dataset|json|csv|notes|caption|description|speech|interview|comment)
praise
    (star|life ?saver|genius|legend|hero|saint|angel|gem|champ\w*|great|good|true|real|wonderful|
    amazing|awesome|brilliant|fantastic|best|dear|sweetheart|treasure|friend)
""")
_HANDED_OVER = regex(
    r"""
    \b{work}\b[^.!?\n]{0,120}(:|\b(this|these|the following|following|below)\b[^.!?\n]{0,60}[.:]?
    \s*\n)|\b{document}\b[^.!?\n:]{0,60}:(?!//)|\b(the following|following|below)\b[^.!?\n:]{0,60}:
""",
    _WORDS,
)
_THE_ABOVE = regex(
    r"""
    \b{work}\b[^.!?\n]{0,60}\b(the above|above \w+|{document} above|
    this (text|sentence|phrase|passage|paragraph)[.!]?\Z)
""",
    _WORDS,
)
_INVENTED = regex(
    r"""
    (^|[.!?\n]\s*)((please|ok(ay)?|now|from now on|hi|hey|hello|can you|could you|
    (I want|I need|I would like|I'd like) you to|you (will|should|must))[,.!]? )*
    ((you are|you're|you will be|you'll be) (now |named |called |playing |(?-i:[A-Z]{2,})\b|
    (now |going to be )?(a|an|the|my) (?!(\w+ )?{praise}\b)|
    (?-i:[A-Z][a-z]+ [A-Z][a-z]+))|act (as|like)|behave (as|like)|pretend|
    role-?play|imagine|assume the role|take on the role|play the (role|part)|
    your (role|name|persona|character) is|simulate|respond as|answer as|speak as|suppose|
    (ignore|disregard|forget) ((all|any|the|your) )*(previous|prior|above|earlier)|
    let'?s (role-?play|pretend|imagine|play|say|assume|suppose))|
    \b(write|compose|tell|continue|create|make up|draft|generate|give)\b[^.!?\n]{0,80}?\b(story|
    poem|song|lyrics|script|dialogue|dialog|monologue|novel|scene|fiction|rap|limerick|haiku|
    screenplay|diary|sonnet|character|fairy ?tale|fan ?fic\w*|first[- ]person|joke|sketch|persona)\b
""",
    _WORDS,
)
_BULLET = re.compile(r"\A\s*(?:[-*•\u2013·▪]|\(?\d{1,2}[.)]|\(?[a-z]\))\s+")
_BOUNDARY = re.compile(
    r"(?<=[.!?…])[\"')\]]*\s+|(?<=[\u3002\uff01\uff1f])\s*|\s*\n\s*|"
    r"\s+(?=[\U0001F300-\U0001FAFF\u2764])"  # an emoji ends too
)
_ABBREVIATED = regex(r"""
    (\b(dr|mr|mrs|ms|st|prof|vs|approx|no|jr|sr|e\.g|i\.e|etc|u\.s|u\.k|ph\.d|inc|ltd|jan|feb|aug|
    sept?|oct|nov|dec)|\b[A-Z])\.$
""")


@dataclass(frozen=True, slots=True)
class OwnWords:
    """A message's own sentences, quotes and inline code masked; `reveal` puts them back."""

    sentences: tuple[str, ...]
    masked: dict[int, str]

    def reveal(self, text: str) -> str:
        return text.translate(self.masked)


def own_words(text: str) -> OwnWords:
    """The sentences of a message that the user says for themselves, in order."""
    text = text[:_LONGEST_MESSAGE].replace("\r\n", "\n").translate(_STRAIGHT).strip()
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1]:
        text = text[1:-1]
    text = _without_marked(_FENCE.sub("\n", _MASK.sub("", text)))
    text = _LINES.sub("\n\n", text)
    text = _SPACES.sub("    ", text)
    if len(text) > _LONG_MESSAGE:
        text = _ends(text)
    masked: dict[int, str] = {}

    def mask(match: re.Match[str]) -> str:
        if len(masked) == _MASKS:
            return ""
        code = _FIRST_MASK + len(masked)
        masked[code] = match.group()
        return chr(code)

    text = _without_foreign_lines(_without_handed_over(_HIDDEN.sub(mask, text)))
    if invented := _INVENTED.search(text):
        text = text[: invented.start()]
    return OwnWords(tuple(_sentences(text)), masked)


def _without_marked(text: str) -> str:
    """Without what stands between a tag and its end that have their lines to themselves.

    So people and programs hand texts over: `<document>`, `<stdin>`, `<context name="...">`.
    """
    lines = text.split("\n")
    closing = {
        ends[1]: number for number, line in enumerate(lines) if (ends := _CLOSING.match(line))
    }
    until = -1
    for number, line in enumerate(lines if closing else ()):
        if number > until and (opens := _OPENING.match(line)):
            until = max(until, closing.get(opens[1], -1))
        if number <= until:
            lines[number] = ""
    return "\n".join(lines)


def _ends(text: str) -> str:
    """The first and the last paragraph of a long message, where those are short."""
    paragraphs = [part for part in text.split("\n\n") if part.strip()]
    ends = paragraphs[:1] + paragraphs[1:][-1:]
    return "\n\n".join(part for part in ends if len(part) <= _LONG_PARAGRAPH)


def _without_handed_over(text: str) -> str:
    """Without the text that a request to translate, summarise or correct hands over."""
    if above := _THE_ABOVE.search(text):
        text = text[above.end() :]
    over = _HANDED_OVER.search(text)
    return text[: over.start()] if over and text[over.end() :].strip() else text


def _without_foreign_lines(text: str) -> str:
    lines = text.split("\n")
    letter = False
    for number, line in enumerate(lines):
        stripped = line.strip()
        body = len(lines) - number > _LETTER_LINES
        letter = letter or bool(
            _LETTER_HEAD.match(stripped) or (body and _SALUTATION.match(stripped))
        )
        if letter or _INDENTED.match(line) or _FOREIGN_LINE.match(line):
            lines[number] = ""
    if sum(_BULLET.match(line) is not None for line in lines) > _DUMP:
        lines = [line for line in lines if not _BULLET.match(line)]
    return "\n".join(lines)


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        piece = text[start : boundary.start()]
        if "\n" in boundary.group():
            ended = not _wraps(piece, text[boundary.end() : boundary.end() + 4])
        else:
            ended = not _ABBREVIATED.search(piece[-6:])
        if ended:
            yield from _tidy(piece)
            start = boundary.end()
    yield from _tidy(text[start:])


def _wraps(piece: str, following: str) -> bool:
    """Whether a line goes on in the next: typed with hard breaks, not a list."""
    goes_on = following[:1].islower() and not re.match(r"(?:i|my|we)\b", following)
    return goes_on and bool(piece) and piece[-1] not in ".!?:;…"


def _tidy(piece: str) -> Iterator[str]:
    sentence = " ".join(_BULLET.sub("", piece).split())
    if 1 < len(sentence) <= _LONGEST_SENTENCE:
        yield sentence
