"""Serves a client's recipes to a test: a line with a recipe's name in, a line with what it saw out.

A recipe that waits for `told` gets one more line in the meantime. Recipes run in a process of their
own, often without this project's packages: standard library only.
"""

import json
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

Recipe = Callable[[str], Any]  # a gateway's base URL -> what the client saw there, as plain JSON


def serve(recipes: Mapping[str, Recipe]) -> None:
    """Until the input ends."""
    for line in iter(sys.stdin.readline, ""):
        asked = json.loads(line)
        try:
            saw = {"saw": recipes[asked["recipe"]](asked["base_url"])}
        except Exception:  # noqa: BLE001  whatever it is, the test shows it
            saw = {"raised": traceback.format_exc()}
        sys.stdout.write(json.dumps(saw) + "\n")
        sys.stdout.flush()


def seen_of(error: Any) -> dict[str, Any]:
    """What an error of the openai package tells whoever catches it."""
    return {
        "classes": [kind.__name__ for kind in type(error).__mro__],
        "status": error.status_code,
        "code": error.code,
        "request_id": error.request_id,
        "retry_after": error.response.headers["retry-after"],
    }


def told() -> None:
    """Wait for the test to say that the moment has come."""
    sys.stdin.readline()
