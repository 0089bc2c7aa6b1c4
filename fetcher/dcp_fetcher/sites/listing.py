"""What a listing lists: HTML indexes as nginx, Apache and Python's http.server write them, and JSON. Pure.

Only the names count in an HTML index: its dates and sizes are rounded, and every file is asked for anyway, with a
condition, which costs a line where nothing has changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

from dcp_fetcher.ground.errors import DamagedError, RefusedError
from dcp_fetcher.ground.partial import NEXTS, more_said, spelt, total_said
from dcp_fetcher.sites.no_index import refused_xml, why_no_index, xml_root
from dcp_pipeline.spec.model import Listing

ITEMS = ("items", "files", "entries", "objects", "results", "data", "contents", "children")
REFERENCES = ("url", "href", "downloadurl", "link")
"""Keys whose value is a URL, absolute or relative; compared in lower case, without - and _."""
NAMES = ("name", "path", "key", "filename")
SIZES = ("size", "sizebytes", "bytes", "length", "contentlength")
TIMES = ("lastmodified", "mtime", "modified", "updated", "updatedat", "date")
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


def wanted(name: str, include: Iterable[str], exclude: Iterable[str]) -> bool:
    """Does a file's name match one of `include` (any, if there is none) and none of `exclude`?"""
    patterns = tuple(include) or ("*",)
    return any(fnmatchcase(name, each) for each in patterns) and not any(fnmatchcase(name, each) for each in exclude)


def chosen(entries: Iterable[Entry], include: Iterable[str], exclude: Iterable[str], where: str) -> list[Entry]:
    """The wanted ones. Raises NothingWanted where `include` matches none of what is there.

    `where` is the member of the source that says what to include.
    """
    there, patterns = list(entries), tuple(include)
    if patterns and there and not any(wanted(each.name, patterns, ()) for each in there):
        shown = ", ".join(repr(each.name) for each in there[:NAMES_SHOWN]) + (
            ", ..." if len(there) > NAMES_SHOWN else ""
        )
        raise NothingWanted(
            f"{len(there)} files are there ({shown}) and {where}.include matches none of them: {', '.join(patterns)}"
        )
    return [each for each in there if wanted(each.name, patterns, exclude)]


def name_of(url: str) -> str:
    """The file name at the end of a URL's path, decoded."""
    return unquote(urlsplit(url).path.rpartition("/")[2])


def parse_listing(body: bytes, base_url: str, content_type: str, hints: Listing | None) -> Page:
    """The page at `base_url`. Raises ListingError where it is neither JSON nor HTML."""
    text = body.decode("utf-8-sig", errors="replace")
    if hints is not None or "json" in content_type or text.lstrip()[:1] in ("[", "{"):
        try:
            document = json.loads(text)
        except ValueError as error:
            raise ListingError(f"the listing is no JSON: {error}") from error
        return _json_page(document, base_url, hints or Listing())
    if (root := xml_root(text)) is not None:
        raise ListingError(refused_xml(root, text))
    if "html" in content_type or text.lstrip()[:1] == "<":
        return _html_page(text, base_url)
    raise ListingError(f"the listing is neither JSON nor an HTML index (Content-Type {content_type or 'missing'})")


class _Links(HTMLParser):
    """The href of every <a>."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def _html_page(text: str, base_url: str) -> Page:
    links = _Links()
    links.feed(text)
    links.close()
    entries = tuple(_html_entries(links.found, base_url))
    folder = urlsplit(base_url).path.rpartition("/")[0] + "/"
    why = None if entries else why_no_index(text, len(links.found), folder)
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
            url = urldefrag(urljoin(base_url, href.strip())).url
            parts = urlsplit(url)
        except ValueError:
            continue
        if (parts.scheme, parts.netloc) != (base.scheme, base.netloc) or not _is_below(parts.path, folder):
            continue
        if url not in seen:
            seen.add(url)
            yield Entry(url, name_of(url))


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
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        return None
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
    return urljoin(base_url, found) if isinstance(found, str) and found else None


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
