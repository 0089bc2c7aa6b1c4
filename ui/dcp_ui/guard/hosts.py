"""Whose requests are answered: those that name this server as people here do.

A page of a foreign site can have a browser resolve its own name to this address (DNS rebinding), and would read all
that stands here; but the browser then says the foreign name in Host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address

from dcp_ui.guard.headers import same_origin

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:]+)(?::\d{1,5})?")


def host_named(header: str | None) -> str:
    """The host of a Host header, lower-case and without its port; nothing where it is none."""
    found = _HOST.fullmatch((header or "").strip().lower())
    return found[1] if found else ""


def answers(header: str | None, also: frozenset[str], any_address: bool = False) -> bool:
    """Whether a request with this Host is answered: of loopback, and of the names that were allowed. `any_address`:
    and where it is an address, which no page of a foreign site can have a browser take for its own."""
    named = host_named(header)
    return named in LOOPBACK or named in also or (any_address and _is_address(named.strip("[]")))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def may_change(headers: Mapping[str, str], host: str | None) -> bool:
    """Whether a request that changes something comes from one of our own pages."""
    return same_origin(headers.get("Sec-Fetch-Site"), headers.get("Origin"), host)


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether a page of another site asks in the background: it may lead people here, and cannot have a browser ask
    again and again. Browsers say so; what is no browser says nothing."""
    site, mode = headers.get("Sec-Fetch-Site"), headers.get("Sec-Fetch-Mode")
    return site in ("cross-site", "same-site") and mode not in (None, "navigate")
