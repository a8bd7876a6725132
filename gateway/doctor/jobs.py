"""Whether Redis takes jobs and keeps them, and whether anybody works on them."""

import asyncio
import re

from gateway.adapters.redis_state import RedisState, look, reason_of
from gateway.doctor.finding import Finding, State
from gateway.errors import StartupError
from gateway.parts import redis
from gateway.settings import Settings

REDIS, WORKERS = "redis", "workers"
NEARLY_FULL = 0.9

_MEND = {
    "unreachable": "is it up, and is GATEWAY_REDIS_URL right?",
    "timeout": "is it busy or frozen, or does a firewall drop what is sent?",
    "unauthorised": "GATEWAY_REDIS_URL must hold its password: redis://:PASSWORD@HOST:6379/0",
    "loading": "it reads its file after a start; a little patience",
    "garbled": "GATEWAY_REDIS_URL may be the address of something else",
    "refused": "its own log says why",
}


async def check_jobs(settings: Settings, patience: float) -> list[Finding]:
    """Redis and the workers; without a Redis, the gateway that needs neither."""
    url = settings.redis_url.get_secret_value()
    if not url:
        return [Finding(WORKERS, State.OK, "none needed: the gateway learns by itself")]
    shown = re.sub(r"//[^/@]*@", "//", url)
    try:
        client = redis(settings)
    except StartupError as error:
        return [Finding(REDIS, State.WRONG, str(error)), _unknown()]
    try:
        async with asyncio.timeout(patience):
            state = await look(client)
    except Exception as error:  # noqa: BLE001  the client's errors share no class
        reason = reason_of(error)
        return [Finding(REDIS, State.WRONG, f"{shown}: {reason}", _MEND[reason]), _unknown()]
    finally:
        await client.aclose(close_connection_pool=True)
    return [_redis(shown, state), _workers(state)]


def _redis(shown: str, state: RedisState) -> Finding:
    says = f"{state.version} at {shown}, {state.queued} turns queued"
    if state.replica:
        mend = "GATEWAY_REDIS_URL must be the one that takes writes"
        return Finding(REDIS, State.WRONG, f"{says}; it is a replica", mend)
    if state.memory_full > NEARLY_FULL:
        mend = "raise maxmemory, or give this gateway a Redis of its own"
        return Finding(REDIS, State.WRONG, f"{says}; {state.memory_full:.0%} full", mend)
    wishes = []
    if not state.append_only:
        wishes.append("appendonly yes")
    if state.policy != "noeviction":
        wishes.append("maxmemory-policy noeviction")
    if wishes:
        mend = f"set {' and '.join(wishes)}: what Redis forgets is learned only when it is swept"
        return Finding(REDIS, State.NOTE, says, mend)
    return Finding(REDIS, State.OK, says)


def _workers(state: RedisState) -> Finding:
    if state.worker_alive:
        return Finding(WORKERS, State.OK, "one at least has said within 16 s that it works")
    mend = "run memory-gateway worker; until then turns wait, and nothing is lost"
    return Finding(WORKERS, State.WRONG, f"none works, and {state.queued} turns are queued", mend)


def _unknown() -> Finding:
    return Finding(WORKERS, State.NOTE, "not known without Redis", "mend that first")
