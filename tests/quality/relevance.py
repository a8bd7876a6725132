"""Whether what is recalled bears on the question: a made-up person's chats with an assistant.

Over HTTP, as any client: the chats are added, then each question is searched, with the floor for
whether anything comes at all and without it for the order.
"""

from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

import httpx

from tests.quality.told import CONVERSATIONS, ELSEWHERE, Exchange

FLOOR: Final = 0.45  # the default of a chat's recall
_BEGUN: Final = 1_740_000_000  # seconds since the epoch
_A_DAY: Final = 86_400

# What an assistant says at length whatever the matter, with its words put in.
_ANSWER: Final = """\
Here is how I would approach {a}. Start by looking at {b} and write down what matters most to you, \
because {c} depends on it more than people expect.

**Step 1: {a}.** Take stock of where you stand with {a} today. A simple list is enough, and it \
helps to compare {b} with what you want to reach.

**Step 2: {b}.** Once {a} is clear, turn to {b}. Many people underestimate {c}, so leave some room \
for it in your plan and check it every week.

**Step 3: {c}.** Finally think about {c}. It works best together with {d}, and small regular steps \
beat one great effort.

A common mistake is to rush {d}. If you notice that {a} does not go as planned, go back to {b} and \
adjust one thing at a time.

Would you like me to go deeper into {b}, or shall we look at {d} next?"""


def answer(exchange: Exchange) -> str:
    """The assistant's answer to what was said: six paragraphs that turn around its words."""
    words = exchange.answered_about.split(", ")
    given = [
        paragraph.format(**{key: words[(start + i) % len(words)] for i, key in enumerate("abcd")})
        for start, paragraph in enumerate(_ANSWER.split("\n\n"))
    ]
    return "\n\n".join(given)


def conversations() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each conversation's id and its messages as `/add/message` takes them."""
    for week, exchanges in enumerate(CONVERSATIONS):
        messages: list[dict[str, Any]] = []
        for number, exchange in enumerate(exchanges):
            when = 1000 * (_BEGUN + _A_DAY * (7 * week) + 8 * 3600 * number)
            messages += (
                {"role": "user", "content": exchange.said, "chat_time": when},
                {"role": "assistant", "content": answer(exchange), "chat_time": when},
            )
        yield f"week {week}", messages


def measure(url: str) -> dict[str, float]:
    """Percentages: evidence at 1, 5 and 10, and what passes the floor on and off the topic."""
    user = f"told-{uuid4().hex[:8]}"
    base = f"{url.rstrip('/')}/api/openmem/v1"
    with httpx.Client(base_url=base, timeout=60, trust_env=False) as client:

        def ask(path: str, **body: object) -> dict[str, Any]:
            reply = client.post(path, json={"user_id": user, **body}).raise_for_status()
            data: dict[str, Any] = reply.json()["data"]
            return data

        for conversation, messages in conversations():
            ask(
                "/add/message",
                conversation_id=conversation,
                messages=messages,
                async_mode=False,
            )

        def search(question: str, floor: float) -> list[str]:
            """The messages found, best first, each once."""
            found = ask(
                "/search/memory",
                query=question,
                relativity=floor,
                memory_limit_number=25,
                preference_limit_number=10,
            )
            memories = found["memory_detail_list"]
            if floor:
                memories += found["preference_detail_list"]
            return list(dict.fromkeys(m["sources"][0]["content"] for m in memories))

        asked = [each for exchanges in CONVERSATIONS for each in exchanges]
        ranks = [_rank(search(each.asked_later, 0), each.said) for each in asked]
        passed = [each.said in search(each.asked_later, FLOOR) for each in asked]
        nothing = [not search(each.asked_later, FLOOR) for each in asked]
        strays = [bool(search(question, FLOOR)) for question in ELSEWHERE]
    return {
        "hit@1": _share([rank < 1 for rank in ranks]),
        "hit@5": _share([rank < 5 for rank in ranks]),
        "hit@10": _share([rank < 10 for rank in ranks]),
        "on topic, with the evidence": _share(passed),
        "on topic, with any": 100 - _share(nothing),
        "off topic, with any": _share(strays),
    }


def _rank(found: list[str], said: str) -> int:
    return found.index(said) if said in found else len(found) + 100


def _share(cases: list[bool]) -> float:
    return round(100 * sum(cases) / len(cases), 1)
