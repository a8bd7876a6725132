"""The load of the soak: people who chat, a model that sometimes fails, and what came of it."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

from tests.scripted_upstream import DONE, Exchange, delta

USERS = 20
CHUNKS = 12
PACE = 0.4  # seconds between two chunks
FAULTS = ("refuses", "breaks", "ends early", "goes silent")


@dataclass
class Model:
    """An upstream's script: a paced stream, or the fault that the model's name asks for."""

    asked: Counter[str] = field(default_factory=Counter)

    async def __call__(self, exchange: Exchange) -> None:
        fault = exchange.request.json["model"]
        self.asked[fault] += 1
        if fault == "refuses":
            await exchange.json({"error": {"message": "overloaded"}}, 503)
            return
        await exchange.head(200, [("content-type", "text/event-stream")])
        for number in range(CHUNKS):
            await exchange.chunk(delta(f"word{number} "))
            await asyncio.sleep(PACE)
            if number == CHUNKS // 2:
                if fault == "breaks":
                    exchange.abort()
                    return
                if fault == "ends early":
                    await exchange.end()
                    return
                if fault == "goes silent":
                    await exchange.closed.wait()
                    return
        await exchange.chunk(delta("", "stop") + DONE)
        await exchange.end()


@dataclass
class Chats:
    """`told` are the conversations whose stream came to an end that the client was told of.

    `wrong` are sentences about answers that nothing excuses.
    """

    gateways: list[str]
    share: float  # of the chats that meet a fault of the model's
    chance: random.Random
    told: dict[str, str] = field(default_factory=dict)
    endings: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def person(self, number: int, until: float) -> None:
        """One after another, each a conversation of its own, until the time is over."""
        turn = 0
        while time.monotonic() < until:
            await self.chat(f"c{number}-{turn}", f"user-{number % USERS}")
            turn += 1

    async def chat(self, conversation: str, user: str) -> None:
        fault = self.chance.choice(FAULTS) if self.chance.random() < self.share else "answers"
        gateway = urlsplit(self.chance.choice(self.gateways))
        body = orjson.dumps(
            {
                "model": fault,
                "stream": True,
                "user": user,
                "metadata": {"conversation_id": conversation},
                "messages": [{"role": "user", "content": f"My locker {conversation} is blue."}],
            }
        )
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: {gateway.netloc}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        try:
            reader, writer = await asyncio.open_connection(gateway.hostname, gateway.port)
            writer.write(head.encode() + body)
            async with asyncio.timeout(120):
                answer = await reader.read(-1)
            writer.close()
        except (OSError, TimeoutError) as error:
            self.wrong.append(f"{conversation}: {type(error).__name__}")
            return
        self._judge(conversation, user, fault, answer)

    def _judge(self, conversation: str, user: str, fault: str, answer: bytes) -> None:
        status = answer[9:12].decode()
        if fault == "refuses":
            ending = "refused"
            expected = status == "503"
        elif fault == "answers":
            ending = "finished"
            expected = status == "200" and b"data: [DONE]" in answer
        else:
            ending = "broken"
            expected = status == "200" and b'"error"' in answer and b"[DONE]" not in answer
        self.endings[ending] += 1
        if not expected:
            self.wrong.append(f"{conversation} ({fault}): status {status}, {answer[-80:]!r}")
        elif fault != "refuses":
            self.told[conversation] = user
