"""What an answer says about where its bytes stand, and which of its headers tell versions apart."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dcp_fetcher.sites.http.extent import Extent, extent_of
from dcp_fetcher.sites.http.validators import Validators, token_of, validators_of

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
DATE = "Sun, 29 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("status", "headers", "extent"),
    [
        (200, {"Content-Length": "10"}, Extent(0, 10, True, False)),
        (200, {"Transfer-Encoding": "chunked"}, Extent(0, None, True, False)),
        (200, {"Transfer-Encoding": "chunked", "Content-Length": "3"}, Extent(0, None, True, False)),
        (200, {}, Extent(0, None, False, False)),
        (200, {"Content-Length": "ten"}, Extent(0, None, False, False)),
        (200, {"Content-Length": "²"}, Extent(0, None, False, False)),
        (206, {"Content-Range": "bytes 5-9/20", "Content-Length": "5"}, Extent(5, 20, True, True)),
        (206, {"Content-Range": "bytes 5-9/*", "Content-Length": "5"}, Extent(5, None, True, True)),
        (206, {"Content-Range": "bytes 9-5/20"}, None),
        (206, {"Content-Range": "bytes 5-20/20"}, None),
        (206, {"Content-Range": "lines 5-9/20"}, None),
        (206, {"Content-Range": f"bytes 5-{'9' * 4000}/*"}, None),
        (206, {"Content-Length": "5"}, None),
        (206, {"Content-Range": "bytes 5-9/20", "Content-Encoding": "gzip"}, None),
        (416, {"Content-Range": "bytes */20"}, None),
    ],
)
def test_an_answer_brings_what_its_headers_say(status: int, headers: dict[str, str], extent: Extent | None) -> None:
    assert extent_of(status, headers) == extent


@pytest.mark.parametrize(
    ("extent", "offset", "ends"),
    [
        (Extent(0, 10, True, False), 10, True),
        (Extent(0, 10, True, False), 9, False),
        (Extent(0, None, True, False), 7, True),
        (Extent(0, None, False, False), 7, False),
        (Extent(5, 20, True, True), 10, False),
        (Extent(5, 20, False, True), 20, True),
        (Extent(5, None, True, True), 10, False),
    ],
)
def test_an_end_is_known_by_length_chunks_or_total_only(extent: Extent, offset: int, ends: bool) -> None:
    assert extent.ends_at(offset) is ends


@pytest.mark.parametrize(
    ("headers", "etag", "dated"),
    [
        ({"ETag": '"a"'}, '"a"', False),
        ({"ETag": 'W/"a"'}, None, False),
        ({"Last-Modified": DATE, "Date": DATE}, None, False),
        ({"Last-Modified": DATE, "Date": "Sun, 29 Nov 2026 12:00:01 GMT"}, None, False),
        ({"Last-Modified": DATE, "Date": "Sun, 29 Nov 2026 12:00:02 GMT"}, None, True),
        ({"Last-Modified": DATE, "Date": "Sun, 29 Nov 2026 11:00:00 GMT"}, None, False),
        ({"Last-Modified": DATE}, None, False),
        ({"Last-Modified": "Sun, 29 Nov 2026 11:58:00 GMT"}, None, True),
        ({"Last-Modified": "yesterday", "Date": DATE}, None, False),
        ({"Last-Modified": "Sun, 29 Nov 99999 11:58:00 GMT", "Date": DATE}, None, False),
    ],
)
def test_only_strong_validators_count(headers: dict[str, str], etag: str | None, dated: bool) -> None:
    found = validators_of(headers, NOON)
    assert (found.etag, found.date is not None) == (etag, dated)


def test_a_version_is_named_by_its_etag_then_by_its_date_and_size() -> None:
    assert token_of(Validators('"a"', DATE), 3) == 'etag:"a"'
    assert token_of(Validators(None, DATE), 3) == f"modified:{DATE};size:3"
    assert token_of(Validators(None, None), 3) is None
