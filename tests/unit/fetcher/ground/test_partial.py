"""Whether an answer is all, and whether a page without a file is a listing."""

from __future__ import annotations

import json

import pytest

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.ground.partial import more_said
from dcp_fetcher.opening.decompress import Peekable
from dcp_fetcher.opening.json_array import JsonArray
from dcp_fetcher.sites.http.listing import why_partial
from dcp_fetcher.sites.http.site import next_said
from dcp_fetcher.sites.listing import Entry, ListingError, NothingWanted, Page, chosen, parse_listing
from support.reading import Served

BASE = "http://127.0.0.1:8000/data/feed/"
MORE = [
    {"next": 2},
    {"nextPageToken": "CAUQAA"},
    {"IsTruncated": True},
    {"is_truncated": "true"},
    {"meta": {"next_cursor": "x"}},
    {"paging": {"cursors": {"after": "MjQ"}, "next": {"token": "x"}}},
    {"_links": {"next": {"href": "/p2"}}},
    {"links": [{"rel": "self", "href": "/p1"}, {"rel": "next", "href": "/p2"}]},
    {"@odata.nextLink": "https://host/p2"},
    {"pageInfo": {"hasNextPage": True}},
]
ALL = [
    {"next": None},
    {"next": ""},
    {"has_more": False, "nextToken": None},
    {"links": [{"rel": "prev", "href": "/p1"}]},
    {"meta": {"page": 1}},
    {"next": 0, "truncated": "false"},
    {"truncated": 0},
]


@pytest.mark.parametrize("said", MORE)
def test_a_document_says_that_there_is_more(said: dict[str, object]) -> None:
    assert more_said({"count": 3, **said}) is not None


@pytest.mark.parametrize("said", ALL)
def test_a_last_page_says_nothing_of_more(said: dict[str, object]) -> None:
    assert more_said({"count": 3, **said}) is None


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("chunk", [1, 7, 1000])
@pytest.mark.parametrize("said", MORE[:4])
def test_records_of_a_partial_document_are_given_and_then_it_is_told(
    said: dict[str, object], chunk: int, before: bool
) -> None:
    document = (
        {**said, "rows": [{"a": 1, "next": None}, {"a": "]"}]} if before else {"rows": [{"a": 1}, {"a": 2}], **said}
    )
    raw = json.dumps(document).encode()
    pieces: list[bytes] = []
    with pytest.raises(DamagedError, match="only a part"):
        pieces.extend(iter(JsonArray(Peekable(Served(raw, chunk)), "rows", 1000).read, b""))
    assert b"".join(pieces).count(b"\n") == 2
    will_do = JsonArray(Peekable(Served(raw, chunk)), "rows", 1000, parts=True)
    assert b"".join(iter(will_do.read, b"")) == b"".join(pieces)


@pytest.mark.parametrize("tail", [b'"total":1}', b'"next":null}', b'"x":{"y":["]}"]}} \r\n'])
def test_a_whole_document_is_read_whatever_is_behind_its_array(tail: bytes) -> None:
    lines = JsonArray(Peekable(Served(b'{"rows":[{"a":1}],' + tail, 100)), "rows", 1000)
    assert b"".join(iter(lines.read, b"")) == b'{"a":1}\n'


@pytest.mark.parametrize("chunk", [1, 100])
@pytest.mark.parametrize(
    ("document", "items", "said"),
    [
        (b'[{"a":1}]\n[{"a":2}]', None, "there is more, .* begins with '\\[{\"a\":2}\\]'"),
        (b'[{"a":1}] oops', None, "begins with 'oops'"),
        (b'{"rows":[{"a":1}]}{"rows":[{"a":2}]}', "rows", 'begins with \'{"rows":'),
        (b'{"x":{"rows":[{"a":1}], "y": "]}\\""}} }', "x.rows", "begins with '}'"),
        (b'{"rows":[{"a":1}],' + b"}" * 100_000, "rows", "there is more"),
        (b'{"rows":[{"a":1}],"next":"x', "rows", "cut off"),
        (b'{"rows":[{"a":1}], ', "rows", "cut off"),
    ],
)
def test_what_stands_behind_a_document_is_told_once_its_records_are_read(
    document: bytes, items: str | None, said: str, chunk: int
) -> None:
    pieces: list[bytes] = []
    with pytest.raises(DamagedError, match=said):
        pieces.extend(iter(JsonArray(Peekable(Served(document, chunk)), items, 1000).read, b""))
    assert b"".join(pieces) == b'{"a":1}\n'


@pytest.mark.parametrize(
    ("around", "part"),
    [
        ({"totalCount": 950}, True),
        ({"total": 950, "limit": 2, "offset": 0}, True),
        ({"meta": {"total": 3, "current_page": 1}}, True),
        ({"hits": {"total": 3}}, True),
        ({"hits": {"total": {"value": 10_000, "relation": "gte"}}}, True),
        ({"total": 950}, False),  # a sum of money, for all that one knows
        ({"total": 2, "limit": 2}, False),
        ({"total_count": 0, "hits": {"total": {"value": 2}}}, False),
        ({"total": "950", "page": 1}, False),
    ],
)
def test_a_document_that_counts_more_records_than_it_holds_is_a_part(around: dict[str, object], part: bool) -> None:
    raw = json.dumps({"rows": [{"a": 1}, {"a": 2}], **around}).encode()
    lines = JsonArray(Peekable(Served(raw, 7)), "rows", 1000)
    if part:
        with pytest.raises(DamagedError, match=r"counts \d+ records and holds 2"):
            b"".join(iter(lines.read, b""))
    will_do = JsonArray(Peekable(Served(raw, 7)), "rows", 1000, parts=part)
    assert b"".join(iter(will_do.read, b"")) == b'{"a": 1}\n{"a": 2}\n'


@pytest.mark.parametrize(
    ("link", "more"),
    [
        ('<https://h/p2>; rel="next"', True),
        ("<https://h/p2>; rel=next", True),
        ('<https://h/p0>; rel="prev", <https://h/p2>; title="a"; rel="next last"', True),
        ('<https://h/next>; rel="prev"', False),
        ('<https://h/s.css>; rel="preload"; title="next"', False),
        ("", False),
    ],
)
def test_a_link_header_names_a_next_page(link: str, more: bool) -> None:
    assert (next_said({"Link": link}) is not None) is more


@pytest.mark.parametrize(
    ("headers", "more"),
    [
        ({"X-Next-Page": "2"}, True),
        ({"X-Next-Page": "", "X-Total-Pages": "1"}, False),
        ({"X-WP-TotalPages": "7"}, True),
        ({"X-Total-Pages": "many"}, False),
        ({"Content-Range": "0-14/3573458"}, True),
        ({"Content-Range": "items 0-24/25"}, False),
        ({"Content-Range": "0-14/*"}, False),
        ({"Content-Range": "bytes 0-3/950"}, False),
    ],
)
def test_other_headers_that_count_pages_or_records(headers: dict[str, str], more: bool) -> None:
    assert (next_said(headers) is not None) is more


EMPTY_INDEXES = {
    "nginx": '<html><head><title>Index of /feed/</title></head><body><h1>Index of /feed/</h1><hr><pre><a href="../">'
    "../</a>\n</pre><hr></body></html>",
    "python": "<!DOCTYPE HTML><html><body><h1>Directory listing for /feed/</h1><hr><ul></ul><hr></body></html>",
    "iis": '<pre><A HREF="/">[To Parent Directory]</A><br><br></pre>',
    "caddy": '<!DOCTYPE html><html><head><title>feed/</title></head><body><a href="..">Up</a></body></html>',
    "go": "<!doctype html>\n<meta name=viewport content=width=device-width>\n<pre>\n</pre>\n",
    "folders only": '<title>Index of /feed</title><a href="sub/">sub/</a>',
}
NO_INDEXES = {
    "js": (
        "<!DOCTYPE html><html><head><script src=app.js></script></head><body><div id=app></div></body></html>",
        "Java",
    ),
    "login": ('<html><form><input name=user><input type="password"></form><a href="/">home</a></html>', "login page"),
    "error": ("<html><body><h1>Service temporarily unavailable</h1></body></html>", "no link at all"),
    "elsewhere": ('<html><a href="/about">us</a><a href="https://x.test/feed/a.csv">a</a></html>', "2 links"),
}
S3 = (
    '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>'
    "<IsTruncated>%s</IsTruncated><Contents><Key>a.csv</Key></Contents></ListBucketResult>"
)


@pytest.mark.parametrize("kind", list(EMPTY_INDEXES))
def test_the_index_of_an_empty_folder_lists_nothing(kind: str) -> None:
    assert parse_listing(EMPTY_INDEXES[kind].encode(), BASE, "text/html", None).entries == ()


@pytest.mark.parametrize("kind", list(NO_INDEXES))
def test_a_page_that_is_no_index_is_told_as_what_it_is(kind: str) -> None:
    page, said = NO_INDEXES[kind]
    with pytest.raises(ListingError, match=said):
        parse_listing(page.encode(), BASE, "text/html", None)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (S3 % "true", "IsTruncated"),
        (S3 % "false", "bucket"),
        ('<?xml version="1.0"?><EnumerationResults><Blobs/></EnumerationResults>', "bucket"),
        ('<D:multistatus xmlns:D="DAV:"><D:response/></D:multistatus>', "<multistatus>"),
        ('<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://x"></urlset>', "<urlset>"),
    ],
)
def test_xml_is_no_index(body: str, said: str) -> None:
    with pytest.raises(ListingError, match=said):
        parse_listing(body.encode(), BASE, "application/xml", None)


def test_xhtml_is_an_index() -> None:
    page = '<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><a href="a.csv">a</a></html>'
    assert len(parse_listing(page.encode(), BASE, "application/xhtml+xml", None).entries) == 1


@pytest.mark.parametrize(
    ("pages", "partial"),
    [
        ([Page((), None, None, 3, 3)], False),
        ([Page((), None, None, 3, 950)], True),
        ([Page((), "p2", None, 3, 5), Page((), None, None, 2, 5)], False),
        ([Page((), "p2", None, 3, None), Page((), None, "its next names what comes next", 2, None)], True),
    ],
)
def test_a_listing_is_all_its_pages(pages: list[Page], partial: bool) -> None:
    assert (why_partial(pages) is not None) is partial


def test_what_is_included_has_to_be_there() -> None:
    entries = [Entry(BASE + name, name) for name in ("a.CSV", "b.txt")]
    assert [each.name for each in chosen(entries, ["*.txt"], [], "http")] == ["b.txt"]
    assert chosen(entries, ["*.txt"], ["b*"], "http") == []
    assert chosen([], ["*.csv"], [], "http") == []
    with pytest.raises(NothingWanted, match=r"2 files are there \('a.CSV', 'b.txt'\) and http.include matches none"):
        chosen(entries, ["*.csv", "*.tsv"], [], "http")
