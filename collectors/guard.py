"""Which addresses traffic may go out to, judged before they are stored and before anything is connected to.

It resolves no names itself: collectors.http does.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from typing import Annotated

import httpcore
import httpx
from pydantic import AfterValidator, Field

IpAddress = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
_RESERVED = tuple(map(ip_network, ("192.0.0.0/24", "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "fec0::/10")))
"""What `is_global` takes for public, in some Pythons or in all: protocols' own addresses (one is a cloud's metadata),
IPv4 written as IPv6 in ways long deprecated or for local translation, and site-local ones."""


def embedded(address: IpAddress) -> IpAddress:
    """Return the IPv4 address that an IPv6 one stands for, if it does: the packet ends up there."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


def is_public(address: IpAddress) -> bool:
    """Tell whether an address, `embedded` already, is one of the open internet."""
    return address.is_global and not address.is_multicast and not any(address in network for network in _RESERVED)


def parse(url: str) -> httpx.URL:
    """Return an http(s) address in its parts, without looking it up. Raises ValueError, which does not quote it."""
    if " " in url or not url.isprintable():  # a line break would begin a header of its own
        raise ValueError("expected an address without spaces and control characters")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError("expected an address that begins with https:// or http:// and a host") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError("expected an address that begins with https:// or http:// and a host")
    if (parsed.port or 0) > 65_535:
        raise ValueError("expected a port of at most 65535")
    return parsed


def web_address(url: str) -> str:
    """Return an address that can be asked for, as it is. Raises ValueError as `parse`."""
    parse(url)
    return url


WebAddress = Annotated[str, Field(json_schema_extra={"format": "uri"}), AfterValidator(web_address)]
"""An option that holds an address to be fetched."""


class JudgedFirst(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that a host's name was judged by, and to no others: the name is resolved once.

    `find` returns those of a host that may be reached, or raises: then nothing is sent to any of them, not even to
    see whether somebody listens there.
    """

    def __init__(
        self, backend: httpcore.AsyncNetworkBackend, find: Callable[[str, int], Awaitable[Sequence[str]]]
    ) -> None:
        self._backend = backend
        self._find = find

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Try the addresses one after the other; each gets its share of the time."""
        addresses = await self._find(host, port)
        share = timeout and timeout / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._backend.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._backend.connect_tcp(addresses[-1], port, share, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore does between retries."""
        await self._backend.sleep(seconds)
