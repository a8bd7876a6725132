"""Whether what a tool gave back says that it failed, and in what way.

There is no one shape for it: JSON with a member that says so, an exception's name, a status code, a
line that begins with "Error". What shows none of these is a success.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.memory import redaction, screening

_READ = 20_000  # characters of a result
_LONGEST = 120  # of what is said about a failure
_FIRST_ERROR, _LAST_ERROR = 400, 599  # HTTP's
_STATUSES = ("status", "status_code", "statusCode", "code")
_SAYS = ("message", "detail", "reason", "description", "error_description", "title", "msg", "text")
_NAMES = ("type", "code", "name", "kind")
_FAILED = frozenset({"error", "failed", "failure", "fail"})

_FAILURE = re.compile(
    r"\W{0,3}(?:<\w{0,20}error>\s*)?(?:(?:an?|fatal|unexpected|internal) ){0,3}"
    r"(?:errors?\b(?! (?:rate|count|log|margin)s?\b)|"
    r"exceptions?\b|traceback\b|fail(?:ed|ure)\b|(?-i:[\w.]{0,60}(?:Error|Exception)\b)|"
    r"unauthori[sz]ed\b|forbidden\b|access denied\b|permission denied\b|timed? ?out\b|"
    r"(?:http(?:/[\d.]+)?|status)[ :]+(?:code )?[45]\d\d\b|(?-i:[45]\d\d (?=[A-Z]))|"
    r"exit(?:ed with)? (?:code|status):? [1-9]|command not found\b|no such \w+\b|"
    r"fehler\b|erreur\b|错误|失败|エラー)",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"\W{0,3}(?:<\w{0,20}error>\s*)?(?:(?:an?|fatal|unexpected|internal) ){0,3}"
    r"(?:errors?|exceptions?|failure|failed|fehler|erreur|错误|エラー)\s*[:\uff1a-]\s*",
    re.IGNORECASE,
)
_CLASS = re.compile(r"\b([A-Z]\w{2,40}(?:Error|Exception))\b")
_IDENTIFIER = re.compile(r"[A-Za-z][\w.-]{1,39}")
_SENTENCE = re.compile(r"(?<=[.!?])\s|(?<=[\u3002\uff01\uff1f])|\n")
# Ways to fail, each by the words that tell of it; the first that fits.
_WAYS = {
    "timeout": r"time[sd]? ?-?out|deadline exceeded|took too long",
    "rate_limit": r"rate.?limit|too many requests|\b429\b|quota",
    "unauthorized": r"unauthori[sz]ed|forbidden|permission|access denied|\b40[13]\b|credential|"
    r"authenticat",
    "not_found": r"not found|no such|does not exist|doesn't exist|\b404\b|unknown",
    "invalid_arguments": r"invalid|required|missing|must be|malformed|validation|bad request|"
    r"expected|unsupported|out of range|\b4(?:00|22)\b",
    "unavailable": r"unavailable|connection|unreachable|refused|\b50[234]\b|overloaded",
}
_WAY = {way: re.compile(words, re.IGNORECASE) for way, words in _WAYS.items()}


@dataclass(frozen=True, slots=True)
class Failure:
    """How a tool failed: a word for it, and in one short sentence what it says, "" for nothing."""

    type: str
    says: str = ""


def failure(result: str) -> Failure | None:
    """How the tool failed that gave this back; None when it did not, as far as one can tell."""
    text = result[:_READ].strip()
    if text[:1] in {"{", "["}:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, Mapping):
            return _told(document)
    if not _FAILURE.match(text):
        return None
    if text.startswith("Traceback"):
        text = text.splitlines()[-1]
    return _failure(text, named=_class(text))


def _told(document: Mapping[str, Any]) -> Failure | None:
    """Of a JSON object: by the members that say so."""
    error = document.get("error") or document.get("errors")
    statuses = [document.get(name) for name in _STATUSES]
    failed = (
        bool(error)
        or document.get("isError") is True
        or document.get("is_error") is True
        or any(document.get(name) is False for name in ("success", "ok"))
        or any(isinstance(each, str) and each.lower() in _FAILED for each in statuses)
        or any(_is_error_code(each) for each in statuses)
    )
    if not failed:
        return None
    says, named = _said(error)
    outer, _ = _said(document)
    says = says or outer
    coded = next((f"http_{each}" for each in statuses if _is_error_code(each)), "")
    return _failure(says, named=named or _class(says), otherwise=coded)


def _is_error_code(value: object) -> bool:
    return isinstance(value, int) and _FIRST_ERROR <= value <= _LAST_ERROR


def _said(error: object) -> tuple[str, str]:
    """What an error's JSON says, and the name that it gives itself."""
    if isinstance(error, list):
        error = error[0] if error else ""
    if isinstance(error, str):
        return error, ""
    if not isinstance(error, Mapping):
        return "", ""
    says = next((error[k] for k in _SAYS if isinstance(error.get(k), str) and error[k]), "")
    names = (error.get(key) for key in _NAMES)
    named = next((n for n in names if isinstance(n, str) and _IDENTIFIER.fullmatch(n)), "")
    return says, named if named.lower() not in _FAILED else ""


def _class(text: str) -> str:
    found = _CLASS.search(text[:_LONGEST])
    return found[1] if found else ""


def _failure(text: str, *, named: str, otherwise: str = "") -> Failure:
    if lead := _LEAD.match(text):
        text = text[lead.end() :]
    ways = (way for way, words in _WAY.items() if words.search(text[: 2 * _LONGEST]))
    return Failure(named or next(ways, "") or otherwise or "error", sentence(text))


def sentence(text: str, longest: int = _LONGEST) -> str:
    """The first sentence of a text that is only data: short, without markup, secrets or orders."""
    first = next((part for part in _SENTENCE.split(text.strip()) if part.strip()), "")
    plain = screening.neutralise(redaction.redact(storable(first[: 4 * longest])))
    if screening.commands(plain):
        return ""
    return plain if len(plain) <= longest else f"{plain[:longest].rstrip()}…"


def storable(text: str) -> str:
    """Without half a surrogate pair, which JSON can hold and nothing can store."""
    return text.encode("utf-8", "ignore").decode()
