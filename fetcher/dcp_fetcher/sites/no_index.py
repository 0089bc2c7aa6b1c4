"""A page that names no file: an empty folder, or no listing at all? Pure."""

from __future__ import annotations

import re

_ROOT = re.compile(
    r"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!doctype[^>]*>\s*)*<([A-Za-z][\w.:-]*)", re.DOTALL | re.IGNORECASE
)
_INDEX = re.compile(
    r"index of|director(?:y|ies)\b|parent folder|files within|\?C=[NMSD](?:;|&amp;|&)O=[AD]", re.IGNORECASE
)
_UP = re.compile(r"""<a\s[^<>]*href\s*=\s*["']?\.\.?/?["'\s>]""", re.IGNORECASE)
_GO = re.compile(r"\s*(?:<!doctype html>\s*)?(?:<meta[^>]*>\s*)?<pre>\s*</pre>\s*", re.IGNORECASE)
_LOGIN = re.compile(r"""<input\s[^<>]*type\s*=\s*["']?password""", re.IGNORECASE)
_SCRIPT = re.compile(r"<script\b", re.IGNORECASE)
_KEYS = re.compile(r"<(?:\w+:)?Key>")
_HEAD_CHARS = 256 * 1024
_INSTEAD = "Name the files in a JSON listing (http.listing), one by one in http.url, or as tasks in the inbox"


def xml_root(text: str) -> str | None:
    """The first element's name, of a document that is XML and no HTML."""
    found = _ROOT.match(text[:_HEAD_CHARS])
    return found[1] if found and found[1].lower() not in ("html", "head", "body") and _is_xml(text) else None


def _is_xml(text: str) -> bool:
    return text.lstrip()[:5].lower() == "<?xml" or " xmlns" in text[:2000]


def refused_xml(root: str, text: str) -> str:
    """What to say of XML where an index was expected."""
    bare = root.rpartition(":")[2]
    if bare in ("ListBucketResult", "ListAllMyBucketsResult", "EnumerationResults"):
        keys = len(_KEYS.findall(text))
        truncated = "and says that there are more (IsTruncated)" if "<IsTruncated>true" in text else "all there are"
        count = f" of {keys} objects, {truncated}" if keys else ""
        return f"it is a bucket's listing (XML, <{bare}>){count}; buckets are not read by themselves yet. {_INSTEAD}"
    return f"it is XML (<{bare}>), which is neither an HTML index nor JSON. {_INSTEAD}"


def why_no_index(text: str, links: int, folder: str) -> str | None:
    """Why an HTML page without a file of the folder is no index of an empty one; None where it is one."""
    head = text[:_HEAD_CHARS]
    if _LOGIN.search(head):
        return (
            "it is a login page (it asks for a password), not a listing. Give the source its credentials: "
            "http.basicAuth, http.bearerToken or http.headers"
        )
    if _INDEX.search(head) or _UP.search(head) or _GO.fullmatch(head):
        return None
    seen = f"it has {links} links, none of them to a file right in {folder}" if links else "it has no link at all"
    script = "; JavaScript may make the list, which nobody runs here" if _SCRIPT.search(head) else ""
    return f"it is a web page that lists no file: {seen}{script}. {_INSTEAD}"
