from __future__ import annotations

import json

import pytest

from dcp_fetcher.ground.names import wanted
from dcp_fetcher.sites.http.listing import shown_unchanged
from dcp_fetcher.sites.listing import Entry, ListingError, parse_listing
from dcp_pipeline.ledger.model import SourceObject
from dcp_pipeline.spec.model import Listing

BASE = "http://127.0.0.1:8000/feed/"


def urls(document: object, hints: Listing | None = None, base: str = BASE) -> list[str]:
    page = parse_listing(json.dumps(document).encode(), base, "application/json", hints)
    return [each.url for each in page.entries]


def links(*hrefs: str, base: str = BASE) -> list[str]:
    body = "".join(f'<a class="x" href="{href}">name</a>' for href in hrefs).encode()
    return [each.url for each in parse_listing(b"<html>" + body, base, "text/html", None).entries]


def test_an_index_lists_files_of_its_own_folder_only() -> None:
    assert links(
        "../", "?C=N;O=D", "/", "sub/", "sub/deep.csv", "http://elsewhere.test/feed/x.csv", "//other/feed/y.csv",
        "a.csv", "/feed/b.csv", BASE + "c.csv", "./d%20e.csv", "a.csv", "f.csv#part", "#top", "mailto:a@b", "",
        "https://127.0.0.1:8000/feed/z.csv", "..%2fx.csv", "http://[bad/",
    ) == [BASE + name for name in ("a.csv", "b.csv", "c.csv", "d%20e.csv", "f.csv")]  # fmt: skip


def test_a_name_with_a_colon_is_a_name() -> None:
    assert links("a:b.csv", "12:30.csv", "javascript:void(0)", "mailto:x.csv") == [BASE + "a:b.csv", BASE + "12:30.csv"]


def test_an_index_may_be_encoded_differently_from_its_url() -> None:
    base = "http://127.0.0.1:8000/my%20feed/"
    assert links("/my feed/a.csv", base=base) == ["http://127.0.0.1:8000/my feed/a.csv"]


@pytest.mark.parametrize(
    "document",
    [
        ["a.csv", "b.csv", "old/"],
        [{"name": "a.csv", "type": "file"}, {"name": "b.csv"}, {"name": "c.csv", "type": "directory"}],
        {"files": [{"href": "a.csv"}, {"href": "/feed/b.csv"}], "count": 2},
        {"whatever": [{"Key": "a.csv", "Size": 3}, {"Key": "b.csv"}]},
        {"items": [{"download-url": BASE + "a.csv", "name": "x"}, {"url": "b.csv#x"}], "others": []},
        [{"path": "a.csv"}, {"path": "b.csv"}, {"path": None}, 7],
    ],
)
def test_json_listings_are_understood_without_help(document: object) -> None:
    assert urls(document) == [BASE + "a.csv", BASE + "b.csv"]


def test_names_are_encoded_and_urls_are_not() -> None:
    assert urls([{"name": "a b#1%.csv"}, {"url": "a%20b.csv"}]) == [BASE + "a%20b%231%25.csv", BASE + "a%20b.csv"]


def test_a_listing_leads_to_http_addresses_only() -> None:
    listed = [{"url": "file:///etc/passwd"}, {"url": "http://user:pw@host/x?key"}, {"url": "https://cdn.test/x.csv"}]
    page = parse_listing(json.dumps(listed).encode(), BASE, "application/json", None)
    assert [each.url for each in page.entries if each.problem is None] == ["https://cdn.test/x.csv"]
    told = [(each.url, each.problem or "") for each in page.entries if each.problem]
    assert [url for url, _ in told] == ["file:///etc/passwd", "http://...@host/x"]
    assert all("cannot be asked for" in problem for _, problem in told)


def test_unusual_json_is_read_where_the_spec_says() -> None:
    document = {"result": {"list": [{"file": {"at": "a.csv"}}]}, "cursor": {"more": "?after=1"}}
    hints = Listing(items="result.list", url="file.at", next="cursor.more")
    page = parse_listing(json.dumps(document).encode(), BASE, "", hints)
    assert [each.url for each in page.entries] == [BASE + "a.csv"]
    assert page.next_url == BASE + "?after=1"


@pytest.mark.parametrize(
    "extra",
    [{"next": "?p=2"}, {"links": {"next": "?p=2"}}, {"_links": {"next": {"href": "?p=2"}}}, {"nextPage": "?p=2"}],
)
def test_the_next_page_is_found(extra: dict[str, object]) -> None:
    page = parse_listing(json.dumps({"items": [], **extra}).encode(), BASE, "application/json", None)
    assert page.next_url == BASE + "?p=2"


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"{", "application/json", "no JSON"),
        (b"hello", "text/plain", "neither JSON nor an HTML index"),
        (b'{"a": [], "b": []}', "application/json", "http.listing.items"),
        (b'[{"id": 1}]', "application/json", "http.listing.url"),
    ],
)
def test_what_is_no_listing_is_said(body: bytes, kind: str, said: str) -> None:
    with pytest.raises(ListingError, match=said):
        parse_listing(body, BASE, kind, None)


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ((), (), True),
        (("*.csv",), (), True),
        (("*.txt",), (), False),
        (("*",), ("a*",), False),
        (("A.CSV",), (), False),
    ],
)
def test_names_are_matched_by_globs(include: tuple[str, ...], exclude: tuple[str, ...], expected: bool) -> None:
    assert wanted("a.csv", include, exclude) is expected


def recorded(**how: object) -> SourceObject:
    return SourceObject("id", "p", "s", BASE + "a", "v", "r", **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "latest", "expected"),
    [
        (Entry(BASE, "a", etag="abc"), recorded(etag='W/"abc"'), True),
        (Entry(BASE, "a", etag="abd", size_bytes=1), recorded(etag='"abc"', size_bytes=1), False),
        (
            Entry(BASE, "a", 5, modified="2001-09-09T01:46:40.250Z"),
            recorded(size_bytes=5, last_modified="Sun, 09 Sep 2001 01:46:40 GMT"),
            True,
        ),
        (
            Entry(BASE, "a", 5, modified="2001-09-09T01:46:41Z"),
            recorded(size_bytes=5, last_modified="Sun, 09 Sep 2001 01:46:40 GMT"),
            False,
        ),
        (Entry(BASE, "a", 5), recorded(size_bytes=5), False),
        (Entry(BASE, "a", 5, modified="yesterday"), recorded(size_bytes=5, last_modified="yesterday"), False),
        (Entry(BASE, "a"), recorded(), False),
    ],
)
def test_a_listing_saves_a_request_only_where_it_shows_as_much_as_the_answer_would(
    entry: Entry, latest: SourceObject, expected: bool
) -> None:
    assert shown_unchanged(entry, latest) is expected
