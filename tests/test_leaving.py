"""`memory-gateway export` and `forget` work on a data folder that nothing is served from."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway.adapters.spool import FileSpool
from gateway.memory.model import Scope
from tests import process
from tests.spooling import turn

pytestmark = pytest.mark.process

SAID = {"model": "m", "messages": [{"role": "user", "content": "I live in Lisbon."}]}


async def spooled(folder: Path, *users: str) -> None:
    """What a store that was away did not take."""
    spool = FileSpool.open(folder, most=2**20)
    for user in users:
        said = turn(user, text=f"said by {user}")
        await spool.append(replace(said, scope=Scope("default", user)))
    await spool.aclose()


def test_a_user_is_exported_and_forgotten_while_nothing_is_served(default_model_folder, tmp_path):
    cache = default_model_folder.parent
    given = {"data_dir": str(tmp_path / "data"), "cache_dir": str(cache)}
    with process.gateway(tmp_path, cache) as gateway:
        for user in ("ann", "ben"):
            httpx.post(
                f"{gateway.url}/v1/chat/completions",
                json=SAID,
                headers={"x-user-id": user},
                trust_env=False,
            ).raise_for_status()
        in_use = process.command("forget", "--user", "ann", **given)
        assert in_use.returncode == 2
        assert len(in_use.stderr.splitlines()) == 1
        assert "DELETE /v1/users/" in in_use.stderr

    def exported(user: str) -> list[dict]:
        answer = process.command("export", "--user", user, **given)
        assert answer.returncode == 0, answer.stderr
        return [json.loads(line) for line in answer.stdout.splitlines()]

    asyncio.run(spooled(tmp_path / "data" / "spool", "ann", "ben"))
    held = exported("ann")
    assert {"turn", "memory"} <= {each["object"] for each in held}
    answer = process.command("forget", "--user", "ann", **given)
    assert answer.returncode == 0, answer.stderr
    receipt = json.loads(answer.stdout)
    assert receipt["turns"] == 1
    assert receipt["memories"] == len(held) - 1
    kept = "".join(each.read_text() for each in (tmp_path / "data" / "spool").iterdir())
    assert ("said by ann" in kept, "said by ben" in kept) == (False, True)
    assert exported("ann") == []
    assert len(exported("ben")) == len(held)
    nobody = process.command("forget", "--user", "ann", **given)
    assert "nothing was held" in nobody.stderr
