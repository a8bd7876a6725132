"""What a Redis says of itself, and whether workers live: for whoever has to mend it."""

from dataclasses import dataclass

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import TimeoutError as NoAnswerError

from gateway.adapters.arq_queue import ALIVE, QUEUE, Redis


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisState:
    """`memory_full` is the used part of `maxmemory`, 0 without one."""

    version: str
    replica: bool
    append_only: bool
    policy: str
    memory_full: float
    queued: int
    worker_alive: bool


async def look(redis: Redis) -> RedisState:
    """Changes nothing. Raises whatever the client raises: see `reason_of`."""
    info = await redis.info()
    most = int(info.get("maxmemory", 0))
    return RedisState(
        version=str(info.get("redis_version", "")),
        replica=info.get("role") == "slave",
        append_only=bool(info.get("aof_enabled", 0)),
        policy=str(info.get("maxmemory_policy", "")),
        memory_full=int(info.get("used_memory", 0)) / most if most else 0.0,
        queued=await redis.zcard(QUEUE),
        worker_alive=bool(await redis.exists(ALIVE)),
    )


def reason_of(error: BaseException) -> str:
    """One word for what a client raised; nothing of a URL, which may hold a password."""
    match error:
        case TimeoutError() | NoAnswerError():
            return "timeout"
        case AuthenticationError() | NoPermissionError():
            return "unauthorised"
        case BusyLoadingError():
            return "loading"
        case NoConnectionError() | OSError():
            return "unreachable"
        case ResponseError() if "NOAUTH" in str(error):
            return "unauthorised"
        case RedisError():
            return "refused"
    return "garbled"
