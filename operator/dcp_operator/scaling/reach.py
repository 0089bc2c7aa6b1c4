"""How far the operator goes: Services by names that the cluster's DNS alone knows, and addresses never gone to. Pure.

A name is asked for absolutely where it is the cluster's: by a search list a name that no Service has would be asked
for in the world's DNS, where anybody may own it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

CLUSTER_DOMAIN = "cluster.local"

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NAT64 = IPv6Network("64:ff9b::/96")
_METADATA = frozenset(
    ip_address(each)
    for each in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254", "fd00:42::42")
)
"""Clouds' servers of credentials that are not on a link-local address."""


@dataclass(frozen=True)
class Reach:
    """`hosts` are queueHosts; `api_server` is its address in the cluster."""

    hosts: tuple[str, ...] = ()
    domain: str = CLUSTER_DOMAIN
    api_server: str = ""

    def name_asked_for(self, host: str) -> str:
        """What DNS is asked for: HOST.NAMESPACE.svc as the absolute name that it has in the cluster."""
        if host.endswith(".svc"):
            return f"{host}.{self.domain}."
        return f"{host}." if host.endswith(f".svc.{self.domain}") else host

    def may_be_told(self, host: str, namespace: str) -> bool:
        """Whether a server of a namespace's pipeline may send us to a host: where the spec itself might, and to a pod
        by the name that a headless Service of the namespace gives it."""
        if service_of(host, namespace, [self.domain]) is not None or is_listed(host, self.hosts):
            return True
        pod, _, service = host.lower().partition(".")
        full = service.removesuffix(".")
        inside = full.endswith((f".{namespace}.svc", f".{namespace}.svc.{self.domain}"))
        return bool(_LABEL.fullmatch(pod)) and inside and service_of(full, namespace, [self.domain]) is not None

    def never(self, address: str) -> bool:
        """Whether an address is never gone to, unless it stands in queueHosts itself."""
        found = _plain(address)
        if found is None:
            return True
        if found in {_plain(each) for each in self.hosts}:
            return False
        own = found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast
        return own or found in _METADATA or found == _plain(self.api_server)


def service_of(host: str, namespace: str, domains: Collection[str] = ()) -> str | None:
    """The Service of that namespace that a host names, as HOST.NAMESPACE.svc; None where it names none of it. A short
    name with a dot at its end is an absolute one, and so no Service's."""
    name, *rest = host.lower().split(".")
    if not _LABEL.fullmatch(name) or name == "localhost":
        return None
    absolute = [[namespace, "svc", *domain.split(".")] for domain in domains]
    short: list[list[str]] = [[], [namespace], [namespace, "svc"]]
    if rest in short or rest in absolute or (rest[-1:] == [""] and rest[:-1] in absolute):
        return f"{name}.{namespace}.svc"
    return None


def is_listed(host: str, allowed: Collection[str]) -> bool:
    """Whether a host is one of queueHosts, by a pattern too."""
    return any(fnmatchcase(host.lower().rstrip("."), each.lower().strip("[]").rstrip(".")) for each in allowed)


def domain_of(resolv_conf: str) -> str:
    """The cluster's domain, from a pod's own search list."""
    for line in resolv_conf.splitlines():
        words = line.split()
        if words[:1] == ["search"]:
            for each in words[1:]:
                if each.startswith("svc."):
                    return each.removeprefix("svc.").rstrip(".").lower()
    return CLUSTER_DOMAIN


def _plain(text: str) -> IPv4Address | IPv6Address | None:
    """An address, out of whatever it is wrapped in; None for what is none."""
    try:
        found = ip_address(text.strip("[]"))
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return found.ipv4_mapped
        if found in _NAT64:
            return IPv4Address(int(found) & 0xFFFFFFFF)
    return found
