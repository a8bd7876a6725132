"""Secrets in what was said: found by their shape or by what they are called, and left out.

Keys and tokens of well-known kinds, private keys, payment cards and bank accounts that pass their
own check, and what stands behind "password is" or "api key:". What is kept of a turn holds REDACTED
in their place and every other word as it was. Linear in the length of a text.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from gateway.memory.model import Message, Turn

REDACTED = "[redacted]"
PIECE = 16_000  # characters that are searched at once: nobody waits for the interpreter meanwhile
_DEEPEST = 100  # levels of JSON that are kept of a message

# Only long words are looked at for the shapes of keys: in prose there are none.
_WORD = re.compile(r"(?<![\w.:-])[\w.:-]{18,}")
_KEY = re.compile(
    r"""
    (?<![\w-])(?:
    eyJ[\w-]{10,}\.[\w-]{10,}(?:\.[\w-]*)?                         # JSON Web Token
    | (?:sk|pk|rk)[-_](?:[a-z0-9]{1,12}[-_]){0,4}[A-Za-z0-9_-]{16,}  # OpenAI, Anthropic, Stripe
    | (?:gh[pousr]|github_pat|glpat|xox[abeprs]|xapp|hf|npm|pypi|dop_v1|shpat|lin_api|r8|gsk|tvly|
        pplx|dckr_pat|whsec|key|mgw|nvapi|ntn|secret|figd|rubygems|atlasv1|hvs|pul)[-_](?=[\w-]*\d)
        [\w-]{16,}
    | (?:AKIA|ASIA)[0-9A-Z]{16}\b                                  # AWS
    | AIza[\w-]{30,} | ya29\.[\w-]{20,} | GOCSPX-[\w-]{20,}        # Google
    | SG\.[\w-]{16,}\.[\w-]{16,}                                   # SendGrid
    | (?:AC|SK)[0-9a-f]{32}\b                                      # Twilio
    | \d{8,10}:AA[\w-]{30,}                                        # Telegram
    )
    """,
    re.VERBOSE,
)
_SHAPES = re.compile(
    r"""
    -----BEGIN\ [A-Z ]{0,40}PRIVATE\ KEY(?:-{5})?(?:(?!-{5}).){0,9000}
        (?:-----END\ [A-Z ]{0,40}PRIVATE\ KEY(?:-{5})?)?
    | https://hooks\.slack\.com/services/\S+
    | \b(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}\b             # US social security number
    | (?<=://)[^/\s:@]{0,80}:[^/\s@]{1,200}(?=@)                   # credentials in a URL
    | (?<=[Aa]ccount[Kk]ey=)[\w+/=]{8,} | (?<=[Aa]ccess[Kk]ey=)[\w+/=]{8,}
    | (?<=[Bb]asic\ )(?=[A-Za-z]{0,400}[\d=+/])[\w+/=]{16,}
    | (?<=[Bb]earer\ )(?=[^\s"']{0,400}\d)[\w.~+/=-]{16,}
    """,
    re.VERBOSE | re.DOTALL,
)
_CALLED = (
    r"(?:(?<![^\W_])(?:pass(?:word|wd|phrase|code)s?|pwd|pin(?: code| number)?|"
    r"(?:api|secret|private|access|encryption|licen[cs]e|account|auth|signing|webhook|client)"
    r"[ _-]?(?:access[ _-]?)?(?:keys?|secrets?|tokens?)|(?:bearer|refresh)[ _-]?token|token|"
    r"cvv|cvc|otp|(?:credit|debit|bank) ?card(?: number)?|(?:bank )?account number|"
    r"social security(?: number)?|ssn|(?:seed|recovery|secret) phrase|passwort|kennwort|pin-code|"
    r"contraseña|clave|mot de passe)|密码|密碼|口令|パスワード|暗証番号)"
)
# Behind a colon or an equals sign anything is the value; behind "is" an ordinary word is not.
_ASSIGNED = re.compile(
    rf"{_CALLED}[\"']?(?: (?:for|to|of|on|für|para|pour)\b[^.:=\n]{{1,40}}?)?"
    r"(?: is| are| ist| es)?\s{0,3}(?::=|=>|[:=\uff1a])\s{0,3}(?P<value>\"[^\"\n]{1,200}\"|"
    r"'[^'\n]{1,200}'|"
    r"(?:\d[ -]?){12,19}|(?:[a-z]{3,8} ){11,23}[a-z]{3,8}|[^\s\"',;]{3,200})",
    re.IGNORECASE,
)
_STATED = re.compile(
    rf"{_CALLED}(?: (?:for|to|of|on|für|para|pour)\b[^.:=\n]{{1,40}}?)?"
    r"(?:\s{0,2}(?:is|are|was|ist|lautet|es|est|是|は)(?: now| still| jetzt| ahora)?\s{0,2}"
    r"(?P<stated>\"[^\"\n]{1,200}\"|'[^'\n]{1,200}'|(?:[a-z]{3,8} ){11,23}[a-z]{3,8}|"
    r"[^\s\"',;。、]{3,200})|\s[\"']?(?P<named>(?=\S{0,100}\d)[^\s\"',;]{4,200}))",
    re.IGNORECASE,
)
_END = ".,;:!?)]}\"'。です"
_PROGRAM = re.compile(
    r"[$<{(%*]|.*[({]|[\w.]*\b(?:env|environ|getenv|config|settings)\b|null\b|none\b|"
    r"(?:str|string|int|integer|bool|bytes|text|varchar|secretstr|number|any|object)\b"
)
_ORDINARY = re.compile(
    r"(?:a|an|the|not|no|too|very|so|really|always|never|also|now|still|being|been|required|wrong|"
    r"right|correct|incorrect|invalid|valid|expired|missing|empty|weak|strong|short|long|easy|hard|"
    r"safe|secure|stored|saved|sent|shown|hidden|lost|forgotten|forgot|reset|changed|needed|used|"
    r"unknown|optional|rejected|accepted|ignored|limited|available|only|what|where|how|that|this|"
    r"in|on|at|of|to|for|by|my|your|our|their|his|her|its|important|different|better|best|good|bad|"
    r"old|new|same|private|public|longer|shorter|broken|written|under|usually|just|all|one|simple|"
    r"complex|encrypted|hashed|falsch|richtig|zu|nicht|abgelaufen|sicher|kein|eine?|muy|incorrecta|"
    r"correcta|una?|la|el|trop|pas|un|le|counting|pretty|quite|something|nothing|easily|already|"
    r"going|about|like|when|if|because|and|or|but|than|from|with|supposed)\Z",
    re.IGNORECASE,
)
_OPAQUE = re.compile(r"(?<![\w/.+=-])[\w+/=-]{28,200}(?![\w+/=-])")
_HEXADECIMAL = re.compile(r"(?:[0-9a-f-]+|[0-9A-F-]+)\Z")
_CHANGES = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[a-z0-9])|(?<=[0-9])(?=[A-Za-z])")
_FEWEST_DIGITS = 3
_FEWEST_CHANGES = 9  # between kinds of characters; names of classes and files have fewer
_DIGITS = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])")
_CARD = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|3[47]\d{13}|"
    r"3(?:0[0-5]|[68]\d)\d{11}|35\d{14}|6(?:011|5\d\d|4[4-9]\d)\d{12}|62\d{14,17}"
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[0-9A-Z]{4}){2,7}(?:[ -]?[0-9A-Z]{1,3})?\b")


def has_secret(text: str) -> bool:
    """Whether a text holds a secret, or did before it was left out."""
    return REDACTED in text or redact(text) != text


def redact(text: str) -> str:
    """The text with REDACTED in the place of each secret; the same text where it has none."""
    if len(text) < 5:  # noqa: PLR2004  a name and its value are longer
        return text
    if len(text) > PIECE:
        return "".join(map(redact, _pieces(text)))
    text = _WORD.sub(lambda match: _KEY.sub(REDACTED, match.group()), text)
    text = _SHAPES.sub(REDACTED, text)
    text = _IBAN.sub(_where(_is_iban), text)
    text = _DIGITS.sub(_where(_is_card), text)
    text = _OPAQUE.sub(_where(_is_opaque), text)
    return _STATED.sub(_stated, _ASSIGNED.sub(_assigned, text))


def _pieces(text: str) -> Iterator[str]:
    """A long text cut between lines, or words, and not within a private key."""
    start = 0
    while len(text) - start > PIECE:
        end = start + PIECE
        for mark in ("\n", " "):
            if (found := text.rfind(mark, start + PIECE // 2, end)) > 0:
                end = found + 1
                break
        opened = text.rfind("-----BEGIN", start, end)
        if opened > max(start, text.rfind("-----END", start, end)):
            end = opened
        yield text[start:end]
        start = end
    yield text[start:]


async def without_secrets(turn: Turn) -> Turn:
    """The same as `redacted`, off the event loop where it takes long: some 0.4 s for a megabyte."""
    if sum(len(message.text) for message in turn.messages) <= PIECE:
        return redacted(turn)
    return await asyncio.to_thread(redacted, turn)


def redacted(turn: Turn) -> Turn:
    """The turn as it may be kept, whoever said the secret; again redacted, it stays the same."""
    return replace(
        turn,
        messages=tuple(_message(message) for message in turn.messages),
        preceding=redact(turn.preceding),
    )


def _message(message: Message) -> Message:
    return replace(message, content=_json(message.content), extra=_json(dict(message.extra)))


def _json(value: Any, depth: int = 0) -> Any:  # noqa: ANN401  a client's JSON may be anything
    if isinstance(value, str):
        return redact(value)
    if depth == _DEEPEST and isinstance(value, (list, dict)):
        return None
    if isinstance(value, list):
        return [_json(inner, depth + 1) for inner in value]
    if isinstance(value, dict):
        return {key: _json(inner, depth + 1) for key, inner in value.items()}
    return value


def _where(secret: Callable[[str], bool]) -> Callable[[re.Match[str]], str]:
    return lambda match: REDACTED if secret(match.group()) else match.group()


def _assigned(match: re.Match[str]) -> str:
    value = match["value"]
    kept = REDACTED in value or _PROGRAM.match(value.lower())
    return match.group() if kept else _without(match, "value")


def _stated(match: re.Match[str]) -> str:
    group = "stated" if match["stated"] else "named"
    value = match[group]
    bare = value.rstrip(_END)
    if REDACTED in value or not bare or _ORDINARY.match(bare) or _PROGRAM.match(value.lower()):
        return match.group()
    return _without(match, group)


def _without(match: re.Match[str], group: str) -> str:
    """The match less the value; the sentence keeps its full stop."""
    value = match[group]
    quote = value[0] if value[0] in "\"'" else ""
    ending = "" if quote else value[len(value.rstrip(_END)) :]
    before = match.string[match.start() : match.start(group)]
    return (
        f"{before}{quote}{REDACTED}{quote or ending}{match.string[match.end(group) : match.end()]}"
    )


def _is_card(number: str) -> bool:
    """An issuer's prefix and length, and Luhn's check, which one number in ten passes by chance."""
    digits = [int(char) for char in reversed(number) if char.isdigit()]
    if not _CARD.fullmatch("".join(map(str, reversed(digits)))):
        return False
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_iban(account: str) -> bool:
    plain = "".join(char for char in account if char.isalnum())
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def _is_opaque(word: str) -> bool:
    """Whether a long word is drawn at random, as keys are: no hash, no name, no path."""
    if _HEXADECIMAL.match(word) or word.count("/") > 3:  # noqa: PLR2004  a path's
        return False
    digits = sum(char.isdigit() for char in word)
    mixed = digits >= _FEWEST_DIGITS and word.lower() != word != word.upper()
    return mixed and len(_CHANGES.findall(word)) >= _FEWEST_CHANGES
