"""What never becomes a memory, and what is made harmless before it does.

A text with a secret in it is refused whole. Links lose everything but their host, images
everything but their description, so that a memory shown later can fetch nothing.
"""

import re

_SECRET = re.compile(
    r"""
    -----BEGIN\ [A-Z ]*PRIVATE\ KEY
    | \beyJ[\w-]{10,}\.[\w-]{10,}                                  # JSON Web Token
    | \b(?:sk|pk|rk)[-_](?:[a-z]+[-_])*[A-Za-z0-9]{16,}             # OpenAI, Anthropic, Stripe
    | \b(?:gh[pousr]|github_pat|glpat|xox[abprs]|hf|npm|pypi)[-_][\w-]{16,}
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                                # AWS
    | \bAIza[\w-]{30,}                                             # Google
    | \b[A-Z]{2}\d{2}(?:\ ?[0-9A-Z]{4}){3,7}(?:\ ?[0-9A-Z]{1,3})?\b  # IBAN
    | \b\d{3}-\d{2}-\d{4}\b                                        # US social security number
    | ://[^/\s:@]+:[^/\s@]+@                                       # credentials in a URL
    """,
    re.VERBOSE,
)
_NAMED_SECRET = re.compile(
    r"\b(?:pass(?:word|wd|phrase|code)|pin(?: code| number)?|api[ _-]?key|(?:secret|"
    r"private|access|licen[cs]e|encryption)[ _-]?(?:access )?key|(?:access|auth|bearer|"
    r"refresh|api)?[ _-]?token|credentials?|cvv|cvc|otp|(?:credit|debit|"
    r"bank) ?card(?: number)?|account number|social security(?: number)?|ssn|(?:seed|"
    r"recovery|secret) phrase|passwort|kennwort|contraseña|mot de passe)s?\b(?:(?: (?:for|"
    r"to|of|on|für|para|pour)\b[^.:=\n]{1,40}?)?(?: ?[:=]| (?:is|are|was|ist|es|est)\b)|"
    r"\s+[\"']?(?=\S*\d)\S{3,})",
    re.IGNORECASE,
)
_OPAQUE = re.compile(r"(?<![\w/.-])(?=[A-Za-z_+/=-]*\d)(?=[\d_+/=-]*[A-Za-z])[\w+/=-]{28,}")
_DIGITS = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")
_IMAGE = re.compile(r"!\[([^\]\n]{0,300})\]\([^)\s]{0,2000}[^)\n]{0,300}\)")
_LINK = re.compile(r"\[([^\]\n]{1,300})\]\([^)\s]{0,2000}[^)\n]{0,300}\)")
_URL = re.compile(
    r"\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.)([^\s/?#<>\"')\]]{1,253})[^\s<>\"')\]]*", re.IGNORECASE
)
_SCHEME = re.compile(r"\b(?:javascript|data|vbscript|file):\S+", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!][^<>\n]{0,1000}>")
_INVISIBLE = re.compile(
    r"[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2060-\u206"
    r"9\ufeff]"
)


def has_secret(text: str) -> bool:
    """Whether a text holds a key, token, password, card or account number."""
    return bool(
        _SECRET.search(text)
        or _NAMED_SECRET.search(text)
        or _OPAQUE.search(text)
        or any(_is_card(match.group()) for match in _DIGITS.finditer(text))
    )


def neutralise(text: str) -> str:
    """The text on one line, with nothing in it that a reader's program would fetch or run."""
    text = _INVISIBLE.sub("", text)
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    text = _SCHEME.sub("", _URL.sub(r"\1", _TAG.sub("", text)))
    return " ".join(text.split())


def _is_card(number: str) -> bool:
    """Luhn's check, which every payment card's number passes."""
    digits = [int(char) for char in reversed(number) if char.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
