"""`python -m tests.bench.importing`: a long history imported whole, and broken off twice.

An export of ChatGPT with 2,000 conversations is made up. Their sentences are those of the suites,
which state things in many wordings and take some of them back, and random words. The command
imports it into one gateway in one go, and into another with Ctrl-C after a third and SIGKILL after
two thirds, as the bar that it shows a person tells them, which is read off a terminal. When both
have learned it all, what they remember has to be the same, with its sources; only when it was
written may differ. Ends with status 1 if it is not.
"""

import argparse
import json
import os
import pty
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from gateway.settings import Settings
from tests.bench.adding import sentences
from tests.bench.seed import sentence
from tests.process import environment, gateway

CONVERSATIONS = 2_000
STATING = 4  # one exchange of so many says what a suite says, the others say random words
BEGUN = 1_700_000_000  # seconds; a conversation an hour from then on
WRITTEN = frozenset({"created_at", "updated_at"})  # members that tell when, and not what
USER = "ann"

_SHOWN = re.compile(rb"(\d+)/\d+")  # the bar's count of conversations


def export(count: int) -> list[dict[str, Any]]:
    """Conversations of one to three exchanges as ChatGPT has them."""
    chance, stated = random.Random(8), sentences()
    return [
        _conversation(number, [_said(chance, stated) for _ in range(chance.randint(1, 3))])
        for number in range(count)
    ]


def _said(chance: random.Random, stated: list[str]) -> str:
    return sentence(chance) if chance.randrange(STATING) else chance.choice(stated)


def _conversation(number: int, said: list[str]) -> dict[str, Any]:
    told = [each for text in said for each in (("user", text), ("assistant", f"I see, {number}."))]
    nodes: dict[str, Any] = {"n0": {"id": "n0", "parent": None, "message": None}}
    for place, (role, text) in enumerate(told, 1):
        message = {
            "author": {"role": role},
            "create_time": BEGUN + 3600 * number + place,
            "content": {"content_type": "text", "parts": [text]},
            "recipient": "all",
            "metadata": {},
        }
        nodes[f"n{place}"] = {"id": f"n{place}", "parent": f"n{place - 1}", "message": message}
    return {"conversation_id": f"c{number}", "mapping": nodes, "current_node": f"n{len(told)}"}


def run(file: Path, url: str, cache: Path, *, until: int, by: signal.Signals) -> tuple[int, int]:
    """Import until the bar shows so many, then send the signal; the last count, and the status."""
    terminal, end = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "gateway", "import", str(file), "--user", USER, "--url", url],
        env=environment({"cache_dir": str(cache)}) | {"TERM": "xterm"},
        stdout=subprocess.DEVNULL,
        stderr=end,
    )
    os.close(end)
    shown = 0
    for count in _counts(terminal):
        shown = count
        if shown >= until and child.poll() is None:
            child.send_signal(by)
            break
    for _ in _counts(terminal):
        """Whoever writes to a terminal that nobody reads comes to a stop."""
    os.close(terminal)
    return shown, child.wait()


def _counts(terminal: int) -> Iterator[int]:
    """The counts of the bar, until its process has ended."""
    with suppress(OSError):  # how a terminal ends
        while written := os.read(terminal, 65_536):
            yield from (int(count) for count in _SHOWN.findall(written))


def learned(url: str) -> None:
    while True:
        page = httpx.get(f"{url}/metrics", trust_env=False, timeout=60).text
        if "\ngateway_queue_length 0.0\n" in page and "\ngateway_turns_pending 0.0\n" in page:
            return
        time.sleep(0.5)


def remembered(url: str) -> dict[str, Any]:
    """Each memory by its id, all of it but when it was written."""
    answer = httpx.get(f"{url}/v1/users/{USER}/export", trust_env=False, timeout=600)
    held = [json.loads(line) for line in answer.raise_for_status().text.splitlines()]
    return {
        each["id"]: {key: value for key, value in each.items() if key not in WRITTEN}
        for each in held
        if each["object"] == "memory"
    }


def imported(
    file: Path, folder: Path, stops: list[tuple[int, signal.Signals]]
) -> tuple[list[str], float, float, dict[str, Any]]:
    """How each run ended, seconds of importing and of learning besides, and what is remembered."""
    with gateway(folder, Settings().cache_dir) as process:
        endings, begun = [], time.perf_counter()
        for until, by in [*stops, (sys.maxsize, signal.SIGTERM)]:
            shown, status = run(file, process.url, folder / "cache", until=until, by=by)
            endings.append(f"status {status} at {shown}")
        taken, begun = time.perf_counter() - begun, time.perf_counter()
        learned(process.url)
        return endings, taken, time.perf_counter() - begun, remembered(process.url)


def main(count: int) -> int:
    # What is started behind a shell's back begins with Ctrl-C ignored, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        file = folder / "conversations.json"
        conversations = export(count)
        exchanges = sum((len(each["mapping"]) - 1) // 2 for each in conversations)
        file.write_text(json.dumps(conversations))
        print(
            f"{count} conversations, {exchanges} exchanges, {file.stat().st_size / 2**20:.1f} MiB"
        )
        broken = [(count // 3, signal.SIGINT), (2 * count // 3, signal.SIGKILL)]
        kept = {}
        for name, stops in (("whole", []), ("broken", broken)):
            endings, taken, after, kept[name] = imported(file, folder / name, stops)
            print(
                f"{name:7} {taken:6.0f} s, {count / taken:5.1f} conversations a second, learned"
                f" {after:.0f} s later; {len(kept[name])} memories; {', '.join(endings)}"
            )
    unlike = sorted(
        each
        for each in kept["whole"].keys() | kept["broken"].keys()
        if kept["whole"].get(each) != kept["broken"].get(each)
    )
    for each in unlike[:10]:
        print(json.dumps([kept["whole"].get(each), kept["broken"].get(each)], indent=1))
    print(f"memories that differ: {len(unlike)}")
    return 1 if unlike else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--conversations", type=int, default=CONVERSATIONS)
    sys.exit(main(parser.parse_args().conversations))
