"""See `Fetcher`: nothing is fetched but from hosts that were allowed, and never from within.

An allowed host is still somebody else's: it may resolve to this machine or to one next to it, now
or at the second question, and it may redirect. So each host is resolved once, every address that it
has must be a public one, the connection goes to one of those, and a redirect is looked at anew.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import BinaryIO, TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gateway.errors import FetchError

REDIRECTS = 3
WAIT = 30.0  # seconds in all
PORTS = (80, 443)
MOST_ADDRESS = 2000  # characters

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str], Awaitable[list[str]]]

_NOT_PUBLIC = "the host of the address is not a public one"
_NUMBER = re.compile(r"(?:^|\.)(?:\d+|0x[0-9a-f]*)\Z", re.IGNORECASE)
_MOVED = frozenset({301, 302, 303, 307, 308})
_OK = 200
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_PIECE = 2**16
# NAT64 and 6to4 carry an IPv4 address within, which may be one of ours.
_CARRIERS = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")))


def is_public(address: Address) -> bool:
    """Whether an address is out there, for certain."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.scope_id is not None or any(address in carrier for carrier in _CARRIERS):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class GuardedFetcher:
    """`allowed` are the names of hosts, `*.name` for all that are within one; none: no fetching.

    `permitted` says which addresses may be connected to, `ports` which of their ports; `resolve`
    gives the addresses of a name.
    """

    def __init__(
        self,
        allowed: Sequence[str],
        *,
        permitted: Callable[[Address], bool] = is_public,
        ports: Collection[int] = PORTS,
        resolve: Resolve | None = None,
        wait: float = WAIT,
    ) -> None:
        self._allowed = frozenset(host.lower().rstrip(".") for host in allowed)
        self._permitted = permitted
        self._ports = ports
        self._resolve = resolve or addresses
        self._wait = wait

    async def fetch(self, url: str, into: BinaryIO, *, most: int) -> str:
        if not self._allowed:
            raise FetchError("nothing is fetched: send the file itself")
        try:
            async with asyncio.timeout(self._wait):
                return await self._follow(url, into, most)
        except TimeoutError:
            raise FetchError("the address took too long to answer") from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise FetchError("the address could not be fetched") from None

    async def _follow(self, url: str, into: BinaryIO, most: int) -> str:
        connector = aiohttp.TCPConnector(
            resolver=_Resolver(self._resolve, self._permitted),
            use_dns_cache=False,
            limit=1,
            force_close=True,
        )
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "memory-gateway"},
        ) as session:
            where = _parsed(url)
            for _ in range(REDIRECTS + 1):
                self._check(where)
                async with session.get(where, allow_redirects=False) as answer:
                    if answer.status not in _MOVED:
                        return await _taken(answer, into, most)
                    where = where.join(_parsed(answer.headers.get("Location", "")))
        raise FetchError(f"the address redirects more than {REDIRECTS} times")

    def _check(self, where: URL) -> None:
        """Raises FetchError for an address that may not be asked.

        What is looked at here is what the client goes by, not another reading of the same text.
        """
        host = (where.host or "").rstrip(".").lower()
        if where.scheme not in {"http", "https"}:
            raise FetchError("only http and https are fetched")
        if where.user is not None or where.password is not None:
            raise FetchError("an address with a name or a password is not fetched")
        if not self._is_allowed(host):
            raise FetchError("the host of the address is not among those that are allowed")
        if where.port not in self._ports:
            raise FetchError("the port of the address is not one that is fetched from")
        self._check_number(host)

    def _check_number(self, host: str) -> None:
        """A host that is a number is not resolved, so it is looked at here."""
        try:
            permitted = self._permitted(ipaddress.ip_address(host))
        except ValueError:  # but some of what is no address for us is one for the system
            permitted = not _NUMBER.search(host)
        if not permitted:
            raise FetchError(_NOT_PUBLIC)

    def _is_allowed(self, host: str) -> bool:
        above = host.split(".")
        within = {"*." + ".".join(above[index:]) for index in range(1, len(above))}
        return bool(host) and bool(self._allowed & (within | {host}))


async def addresses(host: str) -> list[str]:
    """What a name resolves to. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(where[0]) for _, _, _, _, where in found]


class _Resolver(AbstractResolver):
    """Gives the connection addresses that were looked at: what it connects to is what was."""

    def __init__(self, resolve: Resolve, permitted: Callable[[Address], bool]) -> None:
        self._resolve = resolve
        self._permitted = permitted

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002  whatever there is
    ) -> list[ResolveResult]:
        """Raises FetchError when one of the host's addresses is not permitted, OSError."""
        found = [ipaddress.ip_address(each) for each in await self._resolve(host)]
        if not all(map(self._permitted, found)):
            raise FetchError(_NOT_PUBLIC)
        return [
            ResolveResult(
                hostname=host,
                host=str(each),
                port=port,
                family=_FAMILIES[each.version],
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for each in found
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def _parsed(address: str) -> URL:
    """Raises FetchError for what is no address."""
    if len(address) > MOST_ADDRESS or any(char <= " " or char == "\\" for char in address):
        raise FetchError("the address is malformed")
    try:
        return URL(address)
    except ValueError:
        raise FetchError("the address is malformed") from None


async def _taken(answer: aiohttp.ClientResponse, into: BinaryIO, most: int) -> str:
    """Write the answer's body. Raises FetchError."""
    if answer.status != _OK:
        raise FetchError(f"the address answered with status {answer.status}")
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise FetchError("the address answered with something compressed")
    size = 0
    async for piece in answer.content.iter_chunked(_PIECE):
        size += len(piece)
        if size > most:
            raise FetchError(f"there are more than {most} bytes at the address")
        into.write(piece)
    return answer.headers.get("Content-Type", "")
