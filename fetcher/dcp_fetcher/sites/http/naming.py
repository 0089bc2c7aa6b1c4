"""What an object of an HTTP source is called: its URL without what changes from look to look, and without secrets.

The name stands in the ledger, in batches, logs and reports. What is asked for is the URL, which is only in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from urllib.parse import unquote_plus, urlsplit

from dcp_fetcher.ground.errors import RefusedError
from dcp_pipeline.batch import digester

_SIGNATURES = (
    *("x-amz-*", "x-goog-*", "x-oss-*", "x-cos-security-token", "q-sign-*", "q-ak", "q-signature", "q-key-time"),
    *("q-header-list", "q-url-param-list", "awsaccesskeyid", "googleaccessid", "ossaccesskeyid", "key-pair-id"),
)
"""Parameters of presigned URLs: S3, Google, Alibaba, Tencent, CloudFront. They say who may ask, not what for."""
_BESIDE = {
    "signature": ("signature", "expires", "policy", "security-token"),
    "sig": (
        "sig",
        "sv",
        "se",
        "st",
        "sr",
        "sp",
        "spr",
        "si",
        "ss",
        "srt",
        "sip",
        "skoid",
        "sktid",
        "skt",
        "ske",
        "sks",
    ),
}
"""The same where one of them is beside it: older signatures, and Azure's."""
_NAMED = re.compile(r"~[0-9a-f]{16}")


def object_name(url: str, ignored: Iterable[str] = ()) -> str:
    """The name of what a URL leads to. What its query holds, but for signatures and `ignored` (patterns of parameters'
    names), tells one object from another, and is shown as a digest. The name of a name is the name.
    """
    parts = urlsplit(url)
    if not parts.query or _NAMED.fullmatch(parts.query):
        return url
    left = sorted(_told_apart_by(parts.query.split("&"), tuple(each.lower() for each in ignored)))
    digest = digester()
    digest.update("&".join(left).encode("utf-8", "surrogatepass"))
    return parts._replace(query=f"~{digest.hexdigest()[:16]}" if left else "", fragment="").geturl()


def hides_query(name: str) -> bool:
    """Does a name hide what the URL has to say?"""
    return _NAMED.fullmatch(urlsplit(name).query) is not None


class Addresses:
    """The URLs behind the names of one source's objects, as last listed or asked for. Thread-safe."""

    def __init__(self, ignored: Iterable[str] = ()) -> None:
        self._ignored = tuple(ignored)
        self._urls: dict[str, str] = {}

    def named(self, url: str) -> str:
        """The name of what is at a URL; from now on that is asked for there."""
        name = object_name(url, self._ignored)
        if name != url:
            self._urls[name] = url
        return name

    def recorded(self, uri: str) -> str:
        """The name of what the ledger has, under its whole URL from an older release; asked for there only where no
        listing says where.
        """
        name = object_name(uri, self._ignored)
        if name != uri:
            self._urls.setdefault(name, uri)
        return name

    def of(self, name: str) -> str:
        """Where to ask for it. Raises RefusedError where only a listing, or a task, can say that."""
        url = self._urls.get(name)
        if url is None and hides_query(name):
            raise RefusedError(f"{name}: it is listed no more, and the query of its URL is kept nowhere")
        return url or name


def redacted(url: str) -> str:
    """A URL for people: without its query, in which some carry keys."""
    parts = urlsplit(url)
    query = "..." if parts.query and not _NAMED.fullmatch(parts.query) else parts.query
    return parts._replace(query=query, fragment="").geturl()


def without_queries(text: str) -> str:
    """A text of somebody else's making, without the queries of URLs in it."""
    return re.sub(r"(://[^\s?'\"<>]*)\?[^\s'\"<>]*", r"\1?...", text)


def scrubbed(raw: bytes) -> bytes:
    """Bytes that hold URLs, without their queries, users and passwords."""
    return re.sub(rb"://[^\s/'\"]*@", b"://...@", re.sub(rb"(://[^\s?'\"]*)\?[^\s'\"]*", rb"\1?...", raw))


def _told_apart_by(pairs: Sequence[str], ignored: Sequence[str]) -> list[str]:
    names = [unquote_plus(pair.partition("=")[0]).lower() for pair in pairs]
    beside = [name for mark, group in _BESIDE.items() if mark in names for name in group]
    dropped = (*_SIGNATURES, *beside, *ignored)
    return [
        pair for pair, name in zip(pairs, names, strict=True) if not any(fnmatchcase(name, each) for each in dropped)
    ]
