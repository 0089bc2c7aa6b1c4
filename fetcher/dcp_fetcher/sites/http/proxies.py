"""The proxy that the environment names for a URL: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in either case.

Not by aiohttp's trust_env, which would also send the passwords of ~/.netrc.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from dcp_fetcher.ground.errors import RefusedError
from dcp_pipeline.reach import host_and_port


def proxy_of(url: str) -> str | None:
    """The proxy's URL; None where it is asked directly, as this machine itself always is.

    Raises RefusedError where the environment names what is no HTTP proxy. The message holds no password.
    """
    parts = urlsplit(url)
    proxy = getproxies_environment().get(parts.scheme)
    host = parts.hostname or ""
    if not proxy or _is_here(host) or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if _place(proxy) is None:
        raise RefusedError(f"{parts.scheme}_proxy is no URL: http://HOST:PORT is one")
    kind = urlsplit(proxy).scheme
    if kind not in ("http", "https"):
        raise RefusedError(f"{parts.scheme}_proxy names a proxy of {kind}://; only http and https can be used")
    return proxy


def proxies_named() -> frozenset[tuple[str, int]]:
    """Hosts and ports of the proxies that the environment names."""
    urls = [each if "://" in each else f"http://{each}" for each in getproxies_environment().values()]
    return frozenset(place for each in urls if (place := _place(each)) is not None)


def _place(url: str) -> tuple[str, int] | None:
    try:
        return host_and_port(url)
    except ValueError:
        return None


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
