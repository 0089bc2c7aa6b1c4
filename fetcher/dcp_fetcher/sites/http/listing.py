"""The listing of an HTTP source, page by page; listing.py reads the pages."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from dcp_fetcher.ground.errors import RefusedError, TemporaryError, UnreachableError
from dcp_fetcher.ground.patience import Backoff, Stop
from dcp_fetcher.opening.decoded import Decoded
from dcp_fetcher.opening.decompress import Caps
from dcp_fetcher.sites.http.client import HttpClient, network_error
from dcp_fetcher.sites.http.naming import redacted
from dcp_fetcher.sites.listing import Entry, ListingError, Page, chosen, name_of, next_url, parse_listing
from dcp_pipeline.ledger.model import SourceObject
from dcp_pipeline.spec.model import HttpSource

MAX_PAGE_BYTES = 64 * 1024 * 1024
MAX_PAGES = 10_000
MAX_ENTRIES = 1_000_000


def is_listing(source: HttpSource) -> bool:
    """Does the source's URL name a listing rather than one file?"""
    return source.listing is not None or source.url.split("?")[0].endswith("/")


async def list_http(
    client: HttpClient, source: HttpSource, backoff: Backoff, stop: Stop, parts: bool = False
) -> list[Entry]:
    """The files that are wanted, in the listing's order; or the one file. `parts`: a part of the listing will do.

    Raises RefusedError, GoneError, UnreachableError, ListingError or Stopped.
    """
    if not is_listing(source):
        return [Entry(source.url, name_of(source.url))]
    pages: list[Page] = []
    visited: set[str] = set()
    url: str | None = source.url
    while url is not None:
        if url in visited or len(visited) >= MAX_PAGES:
            raise ListingError(f"{redacted(url)}: the listing's pages go in a circle, or are more than {MAX_PAGES}")
        visited.add(url)
        page = await _page(client, source, url, backoff, stop)
        pages.append(page)
        if sum(len(each.entries) for each in pages) > MAX_ENTRIES:
            raise ListingError(f"the listing names more than {MAX_ENTRIES} files")
        url = page.next_url
    if not parts and (why := why_partial(pages)) is not None:
        raise ListingError(f"{redacted(source.url)}: {why}")
    entries = {each.url: each for page in pages for each in page.entries}
    return chosen(entries.values(), source.include, source.exclude, "http")


def why_partial(pages: Sequence[Page]) -> str | None:
    """Why these pages are not the whole listing."""
    listed = sum(each.items for each in pages)
    total = max((each.total for each in pages if each.total is not None), default=listed)
    if pages[-1].more is not None:
        said = f"{pages[-1].more}, and not by a URL that could be asked for"
    elif total > listed:
        said = f"it lists {listed} of {total}, and names no next page"
    else:
        return None
    return (
        f"the listing is only a part: {said}. Say in http.listing.next where the next page's URL stands, ask for all "
        "at once in http.url, or say partial: accept where this part is what you want"
    )


async def _page(client: HttpClient, source: HttpSource, url: str, backoff: Backoff, stop: Stop) -> Page:
    failures = 0
    while True:
        try:
            answer = await client.get(url)
            try:
                return await _parsed(answer, source, url)
            finally:
                answer.close()
        except TemporaryError as error:
            failures += 1
            if failures >= backoff.attempts:
                raise UnreachableError(f"{error} (tried {failures} times)") from error
            await stop.sleep(backoff.pause_seconds(failures, error.retry_after_seconds, random.random()))  # noqa: S311


async def _parsed(answer: aiohttp.ClientResponse, source: HttpSource, url: str) -> Page:
    if answer.status != 200:
        raise RefusedError(f"{redacted(url)}: HTTP {answer.status}, which was not asked for")
    packed = await _body(answer, url)
    caps = Caps(MAX_PAGE_BYTES, MAX_PAGE_BYTES)
    decoded = Decoded(io.BytesIO(packed), caps, answer.headers.get("Content-Encoding", ""))
    body = b"".join(iter(decoded.read, b""))
    content_type = answer.headers.get("Content-Type", "").lower()
    page = await asyncio.to_thread(parse_listing, body, str(answer.url), content_type, source.listing)
    linked = _linked(answer)
    if page.next_url is None and linked:
        return replace(page, next_url=next_url(str(answer.url), linked), more=None)
    return page


def _linked(answer: aiohttp.ClientResponse) -> str | None:
    """The next page of a Link header."""
    try:
        return str(answer.links["next"]["url"]) if "next" in answer.links else None
    except ValueError as error:
        raise ListingError(f"its Link header names no URL: {error}") from error


async def _body(answer: aiohttp.ClientResponse, url: str) -> bytes:
    body = bytearray()
    try:
        async for data in answer.content.iter_any():
            body += data
            if len(body) > MAX_PAGE_BYTES:
                raise ListingError(f"{redacted(url)}: the listing has more than {MAX_PAGE_BYTES} bytes")
    except aiohttp.ClientError as error:
        raise network_error(error, url) from error
    except (TimeoutError, OSError) as error:
        raise network_error(error, url) from error
    return bytes(body)


def shown_unchanged(entry: Entry, latest: SourceObject) -> bool:
    """Does the listing itself show that a file is still the version that was read?

    As safe as the condition that it saves: the same ETag, or the same size and the same second of change as the
    Last-Modified that was read. An HTML index, whose times are rounded to minutes, never is.
    """
    if entry.etag and latest.etag:
        return _bare(entry.etag) == _bare(latest.etag)
    if entry.size_bytes is None or entry.size_bytes != latest.size_bytes:
        return False
    listed, read = _second(entry.modified), _second(latest.last_modified)
    return listed is not None and listed == read


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def _second(text: str | None) -> int | None:
    """The second that a date of HTTP or ISO 8601 names."""
    if not text:
        return None
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            when = parse(text)
            return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
        except (ValueError, OverflowError, TypeError):
            continue
    return None
