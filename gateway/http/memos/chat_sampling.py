"""Sampling that a model does not know: its server is asked again without, where nobody chose it.

MemOS's defaults are sent with every chat, and clients repeat them; models that reason refuse a
temperature and call the length of an answer otherwise.
"""

from dataclasses import replace

import orjson

from gateway.http.errors import passed_on
from gateway.memory.ports import ModelRequest

USUAL = {"temperature": 0.7, "top_p": 0.95}
LENGTH, LENGTH_TOO = "max_tokens", "max_completion_tokens"
ADAPTED = 3  # times that one request may be: once for each of these

_UNKNOWN = frozenset({"unsupported_parameter", "unsupported_value"})


def adapted(request: ModelRequest, refusal: bytes) -> ModelRequest | None:
    """What to ask a server that refused a request like this; None where that is for the caller."""
    error = passed_on(400, refusal)
    if error.code not in _UNKNOWN or not isinstance(request.body, bytes):
        return None
    document = orjson.loads(request.body)
    if error.param == LENGTH and LENGTH in document:
        document[LENGTH_TOO] = document.pop(LENGTH)
    elif error.param in USUAL and document.get(error.param) == USUAL[error.param]:
        del document[error.param]
    else:
        return None
    return replace(request, body=orjson.dumps(document))
