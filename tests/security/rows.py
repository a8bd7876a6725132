"""The tables of bad inputs and of threats, and how many cases of each are tried at the least.

A test belongs to a row by its mark, `@pytest.mark.security("B4")`; each of its parameters is a
case, unless it says by `record_property("cases", n)` how many it tried.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    what: str
    cases: int


ROWS = {
    "B1": Row("bodies that are no JSON, or odd JSON", 20),
    "B2": Row("content types and codings", 8),
    "B3": Row("bodies at the cap, beyond it, and of another length than they say", 10),
    "B4": Row("keys in every wrong way", 12),
    "B5": Row("headers: large, many, split, twins, of one connection", 10),
    "B6": Row("messages of every wrong kind", 40),
    "B7": Row("parts: unknown, empty, large, pointing elsewhere", 20),
    "B8": Row("models: none, empty, long, a path", 8),
    "B9": Row("numbers out of their ranges", 20),
    "B10": Row("streams, tools, formats, users, fields that nobody knows", 25),
    "B11": Row("messages that hold our own block, forged", 15),
    "B12": Row("MemOS: users, ids, pages, filters, deletes", 60),
    "B13": Row("addresses and methods", 15),
    "B14": Row("URLs that a server should not fetch", 40),
    "B15": Row("memories that would command, break out or be fetched", 60),
    "B16": Row("secrets that are said", 30),
    "B17": Row("crowds", 5),
    "B18": Row("what is no HTTP, or another version of it", 12),
    "S1": Row("no route without a key that opens it", 12),
    "S2": Row("nothing crosses projects or users", 40),
    "S3": Row("no deletion beyond what is named", 5),
    "S4": Row("a memory never commands", 5),
    "S5": Row("a memory is never fetched", 5),
    "S6": Row("secrets are not kept", 30),
    "S7": Row("keys: random, kept as digests, told once, told by no time", 10),
    "S8": Row("nothing that a request names is fetched", 40),
    "S9": Row("headers do not cross that should not", 20),
    "S10": Row("a key cannot take everything", 12),
    "S11": Row("slow heads, bodies and readers are given up", 4),
    "S12": Row("small bodies that hold much", 3),
    "S13": Row("what is installed is what was locked; the model's files are what they were", 4),
    "S14": Row("vectors are told by no endpoint", 3),
    "S15": Row("what is erased stays so", 2),
    "S16": Row("what operators see is for operators, and names nobody", 3),
    "S17": Row("a log line is one line, whatever was sent", 10),
}
