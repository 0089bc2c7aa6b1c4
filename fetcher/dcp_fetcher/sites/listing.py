"""What a listing lists: HTML indexes as nginx, Apache and Python's http.server write them, and JSON. Pure.

Only the names count in an HTML index: its dates and sizes are rounded, and every file is asked for anyway, with a
condition, which costs a line where nothing has changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

from dcp_fetcher.ground.errors import DamagedError, RefusedError
from dcp_fetcher.ground.names import left_out, named
from dcp_fetcher.ground.partial import NEXTS, more_said, spelt, total_said
from dcp_fetcher.sites.no_index import refused_xml, why_no_index, xml_root
from dcp_pipeline.spec.model import Listing
from dcp_pipeline.texts import led_to, storable, url_problem

ITEMS = ("items", "files", "entries", "objects", "results", "data", "contents", "children")
REFERENCES = ("url", "href", "downloadurl", "link")
"""Keys whose value is a URL, absolute or relative; compared in lower case, without - and _."""
NAMES = ("name", "path", "key", "filename")
SIZES = ("size", "sizebytes", "bytes", "length", "contentlength")
TIMES = ("lastmodified", "mtime", "modified", "updated", "updatedat", "date")
_SHOWN_CHARS = 200
_SCHEMES = ("http", "https", "ftp", "mailto", "javascript", "data", "tel", "file", "about", "blob")
FOLDERS = ("directory", "dir", "folder", "tree")
NO_LISTS = ("errors", "warnings", "messages")
"""Keys whose array is of no files."""


NAMES_SHOWN = 3


class ListingError(DamagedError):
    """The answer is no listing that can be read."""


class NothingWanted(RefusedError):
    """There are files, and what the source includes matches none of them."""


@dataclass(frozen=True)
class Entry:
    """One file of a source. Size, ETag and time only where the listing tells them exactly."""

    url: str
    name: str
    size_bytes: int | None = None
    etag: str | None = None
    modified: str | None = None
    problem: str | None = None
    """Why it cannot be asked for; the URL is then as it was listed."""
    left_out: bool = False
    """Of a kind that is not read by default (names.py)."""


@dataclass(frozen=True)
class Page:
    """One page of a listing, and the next one's URL."""

    entries: tuple[Entry, ...]
    next_url: str | None = None
    more: str | None = None
    """What it says of more, where it does not say where that is."""
    items: int = 0
    """How many things it lists, folders and all."""
    total: int | None = None
    """How many there are on all pages, where it says that."""


def chosen(entries: Iterable[Entry], include: Iterable[str], exclude: Iterable[str], where: str) -> list[Entry]:
    """The wanted ones, those of a kind that is left out by default marked. Raises NothingWanted where `include` matches
    none of what is there.

    `where` is the member of the source that says what to include.
    """
    there, patterns = list(entries), tuple(include)
    if patterns and there and not any(named(each.name, patterns, ()) for each in there):
        shown = ", ".join(repr(each.name) for each in there[:NAMES_SHOWN]) + (
            ", ..." if len(there) > NAMES_SHOWN else ""
        )
        raise NothingWanted(
            f"{len(there)} files are there ({shown}) and {where}.include matches none of them: {', '.join(patterns)}"
        )
    return [
        replace(each, left_out=True) if left_out(each.name, patterns) else each
        for each in there
        if named(each.name, patterns, exclude)
    ]


def name_of(url: str) -> str:
    """The file name at the end of a URL's path, decoded."""
    return unquote(urlsplit(url).path.rpartition("/")[2])


def parse_listing(body: bytes, base_url: str, content_type: str, hints: Listing | None) -> Page:
    """The page at `base_url`. Raises ListingError where it is neither JSON nor HTML."""
    text = body.decode("utf-8-sig", errors="replace")
    if hints is not None or "json" in content_type or text.lstrip()[:1] in ("[", "{"):
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ListingError(f"the listing is no JSON: {storable(str(error))}") from error
        return _json_page(document, base_url, hints or Listing())
    if (root := xml_root(text)) is not None:
        raise ListingError(refused_xml(root, text))
    if "html" in content_type or text.lstrip()[:1] == "<":
        return _html_page(text, base_url)
    raise ListingError(f"the listing is neither JSON nor an HTML index (Content-Type {content_type or 'missing'})")


class _Links:
    """The href of every <a>, as lxml's parser tells of them: no tree is made."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "a" and (href := attributes.get("href")):
            self.found.append(href)

    def close(self) -> list[str]:
        return self.found


def _hrefs(text: str) -> list[str]:
    from lxml import etree  # for HTML only

    parser = etree.HTMLParser(target=_Links(), encoding="utf-8", no_network=True)
    parser.feed(text.replace("\0", "\ufffd").encode())
    found: list[str] = parser.close()
    return found


def _html_page(text: str, base_url: str) -> Page:
    hrefs = _hrefs(text)
    entries = tuple(_html_entries(hrefs, base_url))
    folder = urlsplit(base_url).path.rpartition("/")[0] + "/"
    why = None if entries else why_no_index(text, len(hrefs), folder)
    if why is not None:
        raise ListingError(why)
    return Page(entries)


def _html_entries(hrefs: Iterable[str], base_url: str) -> Iterable[Entry]:
    """Files right in the folder: no folders, no parent, no sorting links, nothing elsewhere."""
    base = urlsplit(base_url)
    folder = base.path.rpartition("/")[0] + "/"
    seen = set()
    for href in hrefs:
        try:
            url = urldefrag(urljoin(base_url, _relative(href.strip()))).url
            parts = urlsplit(url)
        except ValueError:
            continue
        if url_problem(url) is not None:
            continue
        if (parts.scheme, parts.netloc) != (base.scheme, base.netloc) or not _is_below(parts.path, folder):
            continue
        if url not in seen:
            seen.add(url)
            yield Entry(url, name_of(url))


def _relative(href: str) -> str:
    """A name with a colon in it, as some servers write it, is no scheme: a:b.csv."""
    scheme = urlsplit(href).scheme
    return f"./{href}" if scheme and scheme not in _SCHEMES and "://" not in href else href


def _is_below(path: str, folder: str) -> bool:
    """Is it a file of the folder? Compared decoded, for servers encode what they like."""
    plain, parent = unquote(path), unquote(folder)
    name = plain.removeprefix(parent)
    return plain.startswith(parent) and bool(name) and "/" not in name and name not in (".", "..")


def _json_page(document: Any, base_url: str, hints: Listing) -> Page:
    items = _at(document, hints.items) if hints.items else _items(document)
    if not isinstance(items, list):
        where = f"at {hints.items!r}" if hints.items else "of files"
        raise ListingError(f"the JSON listing has no array {where}: say where it is in http.listing.items")
    entries = [entry for item in items if (entry := _json_entry(item, base_url, hints)) is not None]
    if items and not entries and not any(_is_folder(item) for item in items):
        raise ListingError("no entry of the JSON listing has a url or name: say where it is in http.listing.url")
    following = _next_url(document, base_url, hints)
    more = None if following else more_said(document)
    return Page(tuple(dict.fromkeys(entries)), following, more, len(items), total_said(document))


def _items(document: Any) -> Any:
    if not isinstance(document, dict):
        return document
    named = _first(document, ITEMS)
    if isinstance(named, list):
        return named
    lists = [value for key, value in document.items() if isinstance(value, list) and spelt(key) not in NO_LISTS]
    return lists[0] if len(lists) == 1 else None


def _json_entry(item: Any, base_url: str, hints: Listing) -> Entry | None:
    if isinstance(item, str):
        return None if item.endswith("/") else _entry(item, base_url, is_reference="://" in item)
    if not isinstance(item, dict) or _is_folder(item):
        return None
    if hints.url:
        reference, is_reference = _at(item, hints.url), True
    else:
        reference, is_reference = _first(item, REFERENCES), True
        if not isinstance(reference, str):
            reference, is_reference = _first(item, NAMES), False
    if not isinstance(reference, str) or not reference or reference.endswith("/"):
        return None
    size, etag, modified = _first(item, SIZES), _first(item, ("etag",)), _first(item, TIMES)
    return _entry(
        reference,
        base_url,
        is_reference,
        size if isinstance(size, int) and not isinstance(size, bool) else None,
        etag if isinstance(etag, str) else None,
        modified if isinstance(modified, str) else None,
    )


def _entry(
    reference: str,
    base_url: str,
    is_reference: bool,
    size_bytes: int | None = None,
    etag: str | None = None,
    modified: str | None = None,
) -> Entry | None:
    try:
        url = urldefrag(urljoin(base_url, reference)).url if is_reference else urljoin(base_url, quote(reference))
        problem = url_problem(url)
    except ValueError:
        url, problem = reference, "it is no URL"
    if problem is not None:
        shown = _shown(reference)
        said = f"the listing names it so that it cannot be asked for: {problem}"
        return Entry(shown, shown.rpartition("/")[2], problem=said)
    return Entry(url, name_of(url), size_bytes, etag, modified)


def _is_folder(item: Any) -> bool:
    if isinstance(item, str):
        return item.endswith("/")
    return isinstance(item, dict) and str(_first(item, ("type", "kind"))).lower() in FOLDERS


def _next_url(document: Any, base_url: str, hints: Listing) -> str | None:
    if hints.next:
        found = _at(document, hints.next)
    elif isinstance(document, dict):
        found = _first(document, NEXTS)
        for parent in ("links", "_links", "paging", "pagination", "meta"):
            found = found or _first(document.get(parent), NEXTS)
    else:
        return None
    if isinstance(found, dict):
        found = _first(found, REFERENCES)
    return next_url(base_url, found) if isinstance(found, str) and found else None


def next_url(base_url: str, reference: str) -> str:
    """The next page's URL. Raises ListingError where it is none."""
    try:
        return led_to(base_url, reference)
    except ValueError as problem:
        shown = _shown(reference)
        raise ListingError(f"the listing's next page cannot be asked for ({shown!r}): {problem}") from problem


def _shown(reference: str) -> str:
    """For people: without what may be a password or a key."""
    bare = re.sub("//[^/]*@", "//...@", storable(reference).partition("?")[0])
    return bare[:_SHOWN_CHARS]


def _first(item: Any, names: Iterable[str]) -> Any:
    """The value under the first of these keys that is there, however it is spelt."""
    if not isinstance(item, Mapping):
        return None
    found = {spelt(key): value for key, value in item.items()}
    return next((found[name] for name in names if found.get(name) is not None), None)


def _at(document: Any, path: str) -> Any:
    """The value at a dotted path; None where it leads nowhere."""
    for part in path.split("."):
        if not isinstance(document, Mapping):
            return None
        document = document.get(part)
    return document
