"""Where a source's requests may go: its own host, and what its spec allows. Pure.

Names are judged before a request, addresses when the connection is made: a name may lead elsewhere by then.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Allowed:
    """One entry of `allow`: a host or the hosts below a domain, or addresses; with a port or with any."""

    host: str | None
    network: IpNetwork | None
    port: int | None

    def names(self, host: str, port: int) -> bool:
        if self.port not in (None, port):
            return False
        if self.host is not None:
            return self.host in (host, "*") or (self.host.startswith("*.") and host.endswith(self.host[1:]))
        address = address_of(host)
        return address is not None and self.network is not None and address in self.network


def allowed(text: str) -> Allowed:
    """The entry that a text is: host, *.domain, address or network, with :port or without. Raises ValueError."""
    bare, port = text.strip().lower(), None
    if bare.startswith("["):
        inside, closed, rest = bare[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} is no [IPv6 address]:port")
        bare, port = inside, _port(rest[1:], text) if rest else None
    elif bare.count(":") == 1:
        bare, _, digits = bare.partition(":")
        port = _port(digits, text)
    if bare == "*":
        return Allowed(bare, None, port)
    try:
        return Allowed(None, ipaddress.ip_network(bare, strict=False), port)
    except ValueError:
        if "/" in bare or not bare or any(character in bare for character in " ?#@:") or "*" in bare.removeprefix("*."):
            raise ValueError(
                f"{text!r} is no host, *.domain, * (any public host), address or network (10.0.0.0/8)"
            ) from None
        return Allowed(bare.rstrip("."), None, port)


@dataclass(frozen=True)
class Reach:
    """What one source may be led to."""

    host: str
    port: int
    allow: tuple[Allowed, ...]

    def refuses(self, url: str) -> str | None:
        """Why no request may be made to a URL; None where its host is the source's own, or allowed."""
        host, port = host_and_port(url)
        if host == self.host or any(each.names(host, port) for each in self.allow):
            return self.refuses_address(host, port, host) if address_of(host) is not None else None
        return f"{host} is neither the source's own host nor in sources[].http.allow"

    def refuses_address(self, host: str, port: int, address: str) -> str | None:
        """Why no connection may be made to an address that a host's name led to."""
        ip = address_of(address)
        if ip is None:
            return f"{address!r} is no IP address"
        if ip.is_global and not ip.is_multicast:
            return None
        if host == self.host and port in self._own_ports:
            return None
        if any(each.network is not None and each.port in (None, port) and ip in each.network for each in self.allow):
            return None
        return (
            f"{host} leads to {ip}, port {port}, an address that is not public; only the source's own host and port "
            "may, and what sources[].http.allow names by its address or network"
        )

    @property
    def _own_ports(self) -> tuple[int, ...]:
        return (80, 443) if self.port == 80 else (self.port,)  # http that sends one on to https


def reach_of(url: str, allow: Sequence[str]) -> Reach:
    """The reach of a source with this URL."""
    host, port = host_and_port(url)
    return Reach(host, port, tuple(allowed(each) for each in allow))


def host_and_port(url: str) -> tuple[str, int]:
    """Whom a request for a URL goes to."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if not host.isascii():
        with contextlib.suppress(UnicodeError):
            host = host.encode("idna").decode()
    return host, parts.port or _PORTS.get(parts.scheme, 0)


def address_of(text: str) -> IpAddress | None:
    """The address that a text is; of one that holds an IPv4 address inside, that one. None where it is a name."""
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inside = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        return inside or ip
    return ip


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _port(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits[:6]) < 65536):
        raise ValueError(f"{text!r}: {digits!r} is no port")
    return int(digits)
