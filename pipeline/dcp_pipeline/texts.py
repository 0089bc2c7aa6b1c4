"""Texts from outside, made such that everything can keep and show them."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

MAX_URL_CHARS = 4096
_UNKEPT = re.compile("[\0\ud800-\udfff]")
_WEB_USER = re.compile(r"(\bhttps?://)[^\s'\"]+@", re.IGNORECASE)
_PASSWORD = re.compile(r"(://[^\s'\"/:@]*):[^\s'\"]*@")
_REPEATED = re.compile(r" as .*| of .*|: .*", re.DOTALL)
_UNASKABLE = re.compile("[\0-\x1f\x7f\ud800-\udfff]")


def storable(text: str) -> str:
    """The text as every database bears it: NUL, and half a character, which no encoding has, are U+FFFD."""
    return _UNKEPT.sub("\ufffd", text)


def without_credentials(text: str) -> str:
    """The text without what stands before the @ of a web address, or behind a user's colon in any other."""
    return _PASSWORD.sub(r"\1:***@", _WEB_USER.sub(r"\1***@", text))


def url_problem(url: str) -> str | None:
    """Why no request can be made to a URL; None where nothing is wrong with it."""
    problem = address_problem(url)
    if problem is not None:
        return problem
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return "it is neither http:// nor https://"
    return "it holds a user or password" if "@" in parts.netloc else None


def address_problem(url: str) -> str | None:
    """Why a URL of whatever scheme leads to no server; None where nothing is wrong with it."""
    if len(url) > MAX_URL_CHARS:
        return f"it has {len(url)} characters, more than {MAX_URL_CHARS}"
    if _UNASKABLE.search(url):
        return "it holds a control character, or half of a character"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        _ = (host or "").encode("idna")
    except ValueError as error:
        # What it repeats of the URL may be a password with a slash in it.
        return f"it is no URL ({_REPEATED.sub('', str(error).lower())})"
    if not host:
        return "it names no host"
    return "its port is 0" if port == 0 else None


def led_to(url: str, reference: str) -> str:
    """The URL that a reference in an answer of `url` leads to. Raises ValueError, saying why no request can be made."""
    try:
        target = urljoin(url, reference)
        problem = url_problem(target)
    except ValueError:
        problem = "it is no URL"
    if problem is not None:
        raise ValueError(problem)
    return target
