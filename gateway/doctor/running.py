"""Whether a gateway runs where the settings say, and what it says of its own parts."""

import asyncio
import http.client
import json
from dataclasses import dataclass, field

from gateway.doctor.finding import Finding, State
from gateway.settings import Settings

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  a target


@dataclass(frozen=True, slots=True)
class Running:
    """`status` is what it says of itself; empty when nothing answers there."""

    address: str
    status: str = ""
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def finding(self) -> Finding:
        if not self.status:
            return Finding("gateway", State.NOTE, f"none answers on {self.address}")
        ailing = ", ".join(f"{p}: {s}" for p, s in self.parts.items() if s != "ok")
        says = f"one runs on {self.address}, {self.status}" + (f" ({ailing})" if ailing else "")
        if self.status == "ok":
            return Finding("gateway", State.OK, says)
        return Finding("gateway", State.WRONG, says, "the parts below, and its log")


async def running_gateway(settings: Settings, patience: float) -> Running:
    """Who answers where the settings say that a gateway is, within `patience` seconds."""
    host = _ANYWHERE.get(settings.host, settings.host)
    address = f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"
    try:
        return await asyncio.to_thread(_ask, host, settings.port, patience, address)
    except (OSError, http.client.HTTPException, ValueError, KeyError, AttributeError):
        return Running(address)  # nobody there, or nobody that speaks as a gateway does


def _ask(host: str, port: int, patience: float, address: str) -> Running:
    connection = http.client.HTTPConnection(host, port, timeout=patience)
    try:
        connection.request("GET", "/readyz")
        told = json.loads(connection.getresponse().read(2**16))
        parts = {str(part): str(state) for part, state in told["parts"].items()}
        return Running(address, str(told["status"]), parts)
    finally:
        connection.close()
