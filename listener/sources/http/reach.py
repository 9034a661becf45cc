"""Which addresses are connected: public ones, and whatever a root names by its host.

The check is of the address that is connected, not of the name: names are resolved here, each address is looked at, and
the connection goes to one that passed. So neither a redirect, nor a DNS answer that changes between two look-ups, nor a
number for a host (``http://2130706433/``) leads into the listener's own network or to its cloud's metadata.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import anyio
import httpcore2

from listener.sources.http.web_errors import private_address

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host; raises OSError."""

MOST_TRIED = 4  # addresses of one host
CONNECT_SECONDS = 10.0

NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by a carrier's customers
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own services
        "169.254.0.0/16",  # link-local: metadata of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "2001::/23",  # Teredo and others
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)
PUBLIC_V6 = ip_network("2000::/3")
TRANSLATED = ip_network("64:ff9b::/96")  # NAT64: an IPv4 address is inside


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the public internet."""
    one = ip_address(address.partition("%")[0])
    if isinstance(one, IPv6Address):
        if one in TRANSLATED:
            return is_public(str(IPv4Address(int(one) & 0xFFFFFFFF)))
        if one not in PUBLIC_V6:  # loopback, local, IPv4 inside of IPv6, multicast
            return False
    return not any(one in network for network in NOT_PUBLIC if network.version == one.version)


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, as the system knows them."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Reach(httpcore2.AsyncNetworkBackend):
    """Connects to hosts. ``named``: those that roots name, by host and port, whose addresses may be any."""

    def __init__(self, named: frozenset[tuple[str, int]], resolve: Resolve = resolve) -> None:
        self._named = named
        self._resolve = resolve
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's own
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to an address that may be connected. Raises DocumentError ``private_address``, ConnectError."""
        until = time.monotonic() + (timeout or CONNECT_SECONDS)
        addresses = (await self.addresses(host, port))[:MOST_TRIED]
        for number, address in enumerate(addresses):
            left = (until - time.monotonic()) / (len(addresses) - number)
            try:
                return await self._backend.connect_tcp(address, port, max(left, 0.1), local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if number + 1 == len(addresses):
                    raise
        raise httpcore2.ConnectError(f"{host} has no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's own
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """No URL leads to one."""
        raise httpcore2.ConnectError("not a host")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host that may be connected.

        Raises DocumentError ``private_address`` if there are only others, ConnectError if there is none.
        """
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"the name of the host can't be resolved: {error}") from error
        if (host.lower(), port) in self._named:
            return list(found)
        public = [address for address in found if is_public(address)]
        if found and not public:
            raise private_address(host, ", ".join(found[:3]))
        return public
