"""A process that appends turns to a spool and says which, until it is killed.

Run as `python -m tests.spooling FOLDER NAME`.
"""

import asyncio
import itertools
import sys
from pathlib import Path

from gateway.adapters.spool import FileSpool
from gateway.memory.model import Message, Scope, Turn


def turn(key: str, *, text: str = "I live in Lisbon.", created: int = 1000) -> Turn:
    said = (Message(role="user", content=text, time=created),)
    return Turn(id=key, scope=Scope("p", "ann"), conversation="c", messages=said, created=created)


async def main(folder: str, name: str) -> None:
    spool = FileSpool.open(Path(folder), most=2**30)
    for number in itertools.count():
        key = f"{name}-{number}"
        await spool.append(turn(key, text="I live in Lisbon. " * (number % 50), created=number))
        sys.stdout.write(f"{key}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
