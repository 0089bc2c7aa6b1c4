"""Listings, headers, names, URLs and workbooks from outside: understood, or refused in words; nothing else, and soon."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import UTC, datetime

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from openpyxl import Workbook

from dcp_fetcher.ground.errors import DamagedError, FetchError
from dcp_fetcher.ground.labels_met import LabelsMet
from dcp_fetcher.ground.names import is_member, left_out, wanted
from dcp_fetcher.ground.wall import Damage
from dcp_fetcher.opening.decoded import Decoded
from dcp_fetcher.opening.decompress import Caps
from dcp_fetcher.opening.tables.spreadsheet import sheet_lines
from dcp_fetcher.sites.http.client import origin_of, retry_after_seconds
from dcp_fetcher.sites.http.listing import _second
from dcp_fetcher.sites.listing import next_url, parse_listing
from dcp_pipeline.spec.model import Listing
from dcp_pipeline.texts import address_problem, storable, url_problem
from fuzz.mutations import damaged
from support.batches import format_of

BASE = "http://host.test/feed/"
NOW = datetime(2026, 11, 29, tzinfo=UTC)
LISTINGS = [
    json.dumps({"items": [{"url": "a.csv", "size": 3, "etag": '"x"'}, "b.csv"], "next": "?page=2"}).encode(),
    json.dumps(["a.csv", {"name": "b c.csv", "lastModified": "2026-01-01"}, {"type": "dir", "name": "d"}]).encode(),
    b'{"items": ["\\ud800.csv", "http://[bad", "//h:99999/x"], "next": "http://[bad"}',
    b"<html><a href='a.csv'>a</a><A HREF=\"b%20c.csv\">b</a><a href='../'>..</a><!-- <a href=x> --></html>",
    b"<!doctype html><![foo]><![CDATA[<a href=q>]]><script><a href=z></script>" + b"<!--" * 50 + b"<a href=\0>",
    b'<?xml version="1.0"?><ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>',
    b"[" * 5000,
]
REFERENCES = [
    "http://[bad",
    "//",
    "http://h:99999/",
    "?p=2",
    "\ud800",
    "http://a@b/",
    "\\\\x",
    "http://ⅷ.test/",
    "%zz",
    "\0",
]
urls = st.one_of(st.sampled_from(REFERENCES), st.text(max_size=60), st.builds("http://{}".format, st.text(max_size=40)))


@given(damaged(LISTINGS), st.sampled_from(["", "text/html", "application/json"]), st.booleans())
def test_a_listing_is_understood_or_refused_in_words(raw: bytes, kind: str, hinted: bool) -> None:
    try:
        page = parse_listing(raw, BASE, kind, Listing(items="items", url="url", next="next") if hinted else None)
    except FetchError as error:
        event("refused")
        assert str(error).strip()
        return
    event("understood")
    for entry in page.entries:
        assert storable(entry.url) == entry.url
        if entry.problem is None:
            assert url_problem(entry.url) is None
            origin_of(entry.url)
    assert page.next_url is None or url_problem(page.next_url) is None


@given(urls)
def test_a_url_leads_somewhere_or_has_a_problem(url: str) -> None:
    if url_problem(url) is None:
        assert address_problem(url) is None
        assert origin_of(url)[0] in ("http", "https")
    try:
        assert url_problem(next_url(BASE, url)) is None
    except DamagedError as error:
        assert storable(str(error)) == str(error)


@given(
    st.one_of(
        st.text(max_size=40), st.sampled_from(["²", "9" * 400, "Fri, 31 Dec 99999 23:59:59 GMT", "-1", "1e9", "٣"])
    )
)
def test_a_header_of_time_is_one_or_none(value: str) -> None:
    seconds = retry_after_seconds(value, NOW)
    assert seconds is None or seconds >= 0
    moment = _second(value)
    assert moment is None or isinstance(moment, int)


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=8), max_size=3))
def test_a_name_is_wanted_or_not(name: str, patterns: list[str]) -> None:
    if wanted(name, patterns, ()):
        assert not left_out(name, patterns)
    is_member(name, patterns)


def tar_of(*names: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 8
            archive.addfile(entry, io.BytesIO(b"a,b\n1,2\n"))
    return out.getvalue()


def workbook_of(rows: int) -> bytes:
    book, out = Workbook(), io.BytesIO()
    for row in range(rows):
        book.active.append([f"x{row}", row, NOW.replace(tzinfo=None), None])
    book.save(out)
    return out.getvalue()


ARCHIVES = [tar_of("a.csv", "README", "d/\udce9.csv"), tar_of("__MACOSX/._a", "a.csv"), tar_of()]
WORKBOOKS = [workbook_of(3), workbook_of(0)]


@given(damaged(ARCHIVES, most=3))
def test_an_archive_gives_its_bytes_or_says_why_not(raw: bytes) -> None:
    try:
        with Damage():
            given_bytes = b"".join(iter(Decoded(io.BytesIO(raw), Caps(1 << 20, 250), form=format_of()).read, b""))
    except DamagedError as error:
        event("refused")
        assert storable(str(error)) == str(error)
        return
    assert len(given_bytes) <= 1 << 20


@given(damaged(WORKBOOKS, most=2))
def test_a_workbook_gives_its_rows_or_says_why_not(raw: bytes) -> None:
    try:
        with Damage():
            stream = sheet_lines(io.BytesIO(raw), format_of("xlsx"), LabelsMet(None))
            lines = b"".join(iter(lambda: stream.read(1 << 20), b""))
    except DamagedError as error:
        event("refused")
        assert str(error).strip()
        return
    for line in lines.splitlines():
        assert not line or isinstance(json.loads(line), dict)


@pytest.mark.parametrize(
    "opening", [b"<!--", b"<![foo]>", b"<a ", b"<a href='", b"&amp;", b"<div>", b"<script>", b"<?"]
)
def test_a_listing_of_400_kb_of_nothing_is_no_work(opening: bytes) -> None:
    try:
        parse_listing(b"<html>" + opening * (400_000 // len(opening)), BASE, "text/html", None)
    except FetchError as error:
        assert str(error).strip()
