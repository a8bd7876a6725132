"""Whether each model server answers, asked for the list of its models, never for a completion."""

import asyncio
import math
import re
import time
from collections.abc import Sequence
from http import HTTPStatus

from gateway.adapters.upstream import Timeouts, Upstream
from gateway.doctor.finding import Finding, State
from gateway.errors import UpstreamError, UpstreamTimeoutError
from gateway.memory.ports import ModelRequest
from gateway.parts import upstreams_and_keys
from gateway.settings import Settings

SLOW = 1.0  # seconds for a list of models


async def check_upstreams(settings: Settings, patience: float) -> Sequence[Finding]:
    """A finding for each, and for the server of the model that reads turns if it has its own.

    `patience` is in seconds.
    """
    servers = [
        ("upstream" if settings.upstream_base_url else f"upstream {server.name}", server, key)
        for server, key in upstreams_and_keys(settings)
    ]
    checks = [_check(part, server.base_url, key, patience) for part, server, key in servers]
    if settings.extraction_base_url:
        key = settings.extraction_api_key.get_secret_value()
        checks.append(_check("extraction model", settings.extraction_base_url, key, patience))
    findings = await asyncio.gather(*checks)
    if servers:
        return findings
    says = "none: the built-in offline model answers, which only repeats what it remembers"
    mend = "GATEWAY_UPSTREAM_BASE_URL connects a model's server"
    return [Finding("upstream", State.NOTE, says, mend), *findings]


async def _check(part: str, base_url: str, key: str, patience: float) -> Finding:
    timeouts = Timeouts(connect=patience, first_byte=patience, idle=patience, total=math.inf)
    upstream = Upstream(base_url, api_key=key, timeouts=timeouts)
    shown = re.sub(r"//[^/@]*@", "//", base_url)
    begun = time.monotonic()
    try:
        async with asyncio.timeout(patience):
            response = await upstream.send(ModelRequest(method="GET", path="models", headers=()))
        await response.aclose()
    except (TimeoutError, UpstreamTimeoutError):
        says = f"{shown} does not answer within {patience:g} s"
        return Finding(part, State.WRONG, says, "is it up, and does a firewall drop what is sent?")
    except UpstreamError as error:
        return Finding(part, State.WRONG, *_unreachable(shown, str(error)))
    finally:
        await upstream.aclose()
    took = time.monotonic() - begun
    return _answered(part, shown, response.status, took, keyed=bool(key))


def _unreachable(shown: str, reason: str) -> tuple[str, str]:
    """What to say of a lost connection, by the kind of error that lost it."""
    if "Certificate" in reason:
        return (
            f"{shown}: its TLS certificate is not one that is trusted here",
            "name the server as its certificate does, or add its authority to this machine's",
        )
    if "SSL" in reason or "ServerDisconnected" in reason or "ClientResponse" in reason:
        spoken = "TLS" if shown.startswith("https") else "HTTP"
        return (
            f"{shown}: what answers there does not speak {spoken} ({reason})",
            "http:// for https://, or the other way round? or another port?",
        )
    if "DNS" in reason:
        return f"{shown}: its name is not known", "a mistyped name, or no name server?"
    return f"{shown} cannot be reached ({reason})", "is it up, and is the port right?"


def _answered(part: str, shown: str, status: int, took: float, *, keyed: bool) -> Finding:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        if not keyed:
            says = f"{shown} answers, and wants a key: each client has to send its own"
            return Finding(part, State.NOTE, says, "or set GATEWAY_UPSTREAM_API_KEY for all")
        says = f"{shown} does not take the key ({status})"
        return Finding(part, State.WRONG, says, "set GATEWAY_UPSTREAM_API_KEY anew, or api_key_env")
    if status == HTTPStatus.NOT_FOUND:
        says = f"{shown} answers, but has no list of models there (404)"
        return Finding(part, State.WRONG, says, "the base URL usually ends in /v1")
    if status >= HTTPStatus.BAD_REQUEST:
        says = f"{shown} answers with {status}"
        return Finding(part, State.WRONG, says, "its own log or status page says why")
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        says = f"{shown} sends elsewhere ({status}), which is not followed"
        return Finding(part, State.WRONG, says, "set the address that it names")
    if took > SLOW:
        says = f"{shown} answers, but takes {took:.1f} s for a list of models"
        return Finding(part, State.NOTE, says, "every chat waits for it as long, or longer")
    return Finding(part, State.OK, f"{shown} answers in {took * 1000:.0f} ms")
