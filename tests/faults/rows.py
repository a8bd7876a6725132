"""The table of faults: what goes wrong, and how many variants of it are tried at the least.

A test belongs to a row by its mark, `@pytest.mark.fault("F12")`; each of its parameters is a case.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`fewer` says why there are fewer cases than one might expect."""

    fault: str
    cases: int
    fewer: str = ""


ROWS = {
    "F1": Row("Qdrant refuses connections", 4),
    "F2": Row("Qdrant takes connections and never answers", 4),
    "F3": Row("Qdrant is slow: half, nearly, just over and ten times the budget", 6),
    "F4": Row("Qdrant's answer is cut, wrong, HTML, an error with status 200", 8),
    "F5": Row("Qdrant refuses: 401, 403, 404, 429, 500, 503", 8),
    "F6": Row("Qdrant flaps", 3),
    "F7": Row("a result holds another scope's point", 3),
    "F8": Row("the store is of another model or dimension", 3),
    "F12": Row("no connection to the model's server: refused, DNS, TLS, timeout", 6),
    "F13": Row("the model's server refuses: statuses, bodies, headers", 10),
    "F14": Row("an answer's head, then nothing", 4),
    "F15": Row("a reset in the middle of a stream", 8),
    "F16": Row("a stream ends without a finish_reason or without [DONE]", 4),
    "F17": Row("a stream stalls", 3),
    "F18": Row("a stream in any pieces, with any line ends, comments and fields", 20),
    "F19": Row("separators of other worlds within a line", 6),
    "F20": Row("a line of a hundred megabytes", 2),
    "F21": Row("compression nobody asked for: whole, a bomb, cut off", 3),
    "F22": Row("choices, tool calls, refusals, reasoning, usage, logprobs", 12),
    "F23": Row("a stream nobody asked for, and one answer where a stream was", 2),
    "F24": Row("thousands of requests are cancelled", 2),
    "F25": Row("the client leaves, in each window", 12),
    "F26": Row("the client closes its half of the connection", 1),
    "F27": Row("the client does not read, or hardly", 4),
    "F28": Row("a head or a body comes slowly, wrongly or too long; requests sent ahead", 5),
    "F31": Row("Redis is down at the end of a turn", 3),
    "F32": Row("Redis is frozen", 2),
    "F33": Row("Redis is emptied with turns queued", 2),
    "F34": Row("Redis restarts empty, is full, is read-only, has another password", 4),
    "F35": Row("Redis restarts under the workers", 2),
    "F36": Row("fifty commands to Redis are cancelled at once", 1),
    "F37": Row("foreign bytes in the queue", 4),
    "F39": Row("a worker is killed at each point of a job", 15),
    "F40": Row("a worker is asked to stop at each point of a job", 4),
    "F41": Row("two workers have the same turn at once", 3),
    "F42": Row("the model that reads turns fails, or says what is not so", 14),
    "F43": Row("Qdrant is gone in the middle of a job", 4),
    "F44": Row("a turn that can never be learned", 2),
    "F45": Row("clocks and the order of turns", 6),
    "F49": Row("SIGTERM with streams open", 4),
    "F50": Row("a second SIGTERM, SIGKILL, the kernel's killer", 3),
    "F51": Row("starting: what it needs is absent, settings are wrong", 8),
    "F52": Row("readiness and liveness meanwhile", 5),
}
