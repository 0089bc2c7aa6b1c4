"""Transforms of URLs, host names and e-mail addresses."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import polars as pl

from dcp_pipeline.spec.transforms.internet import DomainPart, UrlPart
from dcp_pipeline.spec.transforms.listed import Strict
from dcp_worker.clean.transforms.change import At, Change, Compiled, each_distinct
from dcp_worker.clean.types.addresses import canonical_address

# RFC 3986, appendix B, with the authority taken apart. What has no "//" is read as if it began with it.
_URL = (
    r"\A\s*(?:(?:([A-Za-z][A-Za-z0-9+.-]*):)?//)?(?:([^/?#@]*)@)?(\[[^\]/?#]*\]|[^/?#:\[\]]*)(?::([0-9]*))?"
    r"(/[^?#]*)?(?:\?([^#]*))?(?:#(.*?))?\s*\z"
)
_GROUPS: dict[UrlPart, int] = {"scheme": 1, "user": 2, "host": 3, "port": 4, "path": 5, "query": 6, "fragment": 7}

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = rf"\A\s*({_ATOM}(?:\.{_ATOM})*)@((?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9]))\s*\z"
_HOST = re.compile(r"[^\s/?#@:\[\]]+")


def url_part(part: UrlPart, at: At) -> Change:
    """A part that is not there, or empty, is missing."""

    def apply(text: pl.Expr) -> pl.Expr:
        found = text.str.extract(_URL, _GROUPS[part])
        if part in ("scheme", "host"):
            found = found.str.strip_chars("[]").str.to_lowercase()
        return found.replace("", None)

    return Change(apply, "missing")


@cache
def _public_suffixes() -> Any:
    """The list, which never changes while a process runs. Reading it takes a tenth of a second, hence not at import."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def domain_part(part: DomainPart, at: At) -> Change:
    """By the public suffix list that the package `publicsuffixlist` brings; its private section counts too."""
    suffixes = _public_suffixes()

    def found(text: str) -> str | None:
        host = text.strip().rstrip(".").lower()
        if not _HOST.fullmatch(host) or canonical_address(host) is not None:
            return None
        labels = host.split(".")
        try:
            suffix = suffixes.publicsuffix(host.encode("idna").decode())
        except UnicodeError:
            return None
        if suffix is None:
            return None
        public = suffix.count(".") + 1
        chosen = {
            "suffix": labels[-public:],
            "registered": labels[-public - 1 :] if len(labels) > public else [],
            "subdomain": labels[: -public - 1],
        }[part]
        return ".".join(chosen) or None

    return Change(each_distinct(found), "missing")


def email(rule: Strict, at: At) -> Change:
    def apply(text: pl.Expr) -> pl.Expr:
        local, domain = text.str.extract(_EMAIL, 1), text.str.extract(_EMAIL, 2).str.to_lowercase()
        fits = (local.str.len_chars() <= 64) & (domain.str.len_chars() <= 189)
        return pl.when(fits).then(pl.concat_str(local, pl.lit("@"), domain))

    return Change(apply, rule.otherwise, "is not an e-mail address", alone=True)


COMPILED: Compiled = {"url": url_part, "domain": domain_part, "email": email}
