"""Text to typed values: what each type takes, and what is a type-error."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcp_worker.clean.types.addresses import canonical_address, parse_addresses
from dcp_worker.clean.types.types import parser
from dcp_worker.ground.errors import PlanError
from support.batches import field_of


def parsed(texts: list[str | None], **field: Any) -> list[Any]:
    return parser(field_of(**field), "f")(pl.Series("value", texts, dtype=pl.String)).to_list()


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("integer", "0", 0),
        ("integer", "+7", 7),
        ("integer", "-007", -7),
        ("integer", "9223372036854775807", 2**63 - 1),
        ("integer", "9223372036854775808", None),
        ("integer", "1.0", None),
        ("integer", "1e3", None),
        ("integer", "1_000", None),
        ("integer", "0x10", None),
        ("integer", "٣", None),
        ("integer", "", None),
        ("number", "1", 1.0),
        ("number", "-1.5e-3", -0.0015),
        ("number", ".5", 0.5),
        ("number", "nan", None),
        ("number", "-inf", None),
        ("number", "1e999", None),
        ("number", "1,5", None),
        ("number", "0x1p3", None),
        ("boolean", "true", True),
        ("boolean", "0", False),
        ("boolean", "yes", None),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("date", "2023-02-29", None),
        ("date", "2024-02-31", None),
        ("date", "2024-13-01", None),
        ("date", "0999-01-01", None),
        ("date", "24-01-01", None),
        ("date", "2024-1-1", None),
        ("time", "23:59:59", time(23, 59, 59)),
        ("time", "12:30", time(12, 30)),
        ("time", "12:30:15.1234567", time(12, 30, 15, 123456)),
        ("time", "24:00:00", None),
        ("time", "23:59:60", None),
        ("time", "12:30.5", None),
        ("datetime", "2024-02-29 23:59:59", datetime(2024, 2, 29, 23, 59, 59)),
        ("datetime", "2024-02-29T23:59:59", datetime(2024, 2, 29, 23, 59, 59)),
        ("datetime", "2024-02-29T23:59", datetime(2024, 2, 29, 23, 59)),
        ("datetime", "2024-02-29T23:59:59.5", datetime(2024, 2, 29, 23, 59, 59, 500000)),
        ("datetime", "2024-02-29T23:59:59,123456789", datetime(2024, 2, 29, 23, 59, 59, 123456)),
        ("datetime", "2024-02-29T23:59:59Z", datetime(2024, 2, 29, 23, 59, 59)),
        ("datetime", "2024-03-01T01:59:59.25+02:00", datetime(2024, 2, 29, 23, 59, 59, 250000)),
        ("datetime", "2024-03-01 01:59:59 -0330", datetime(2024, 3, 1, 5, 29, 59)),
        ("datetime", "2024-03-01 01:59+02", datetime(2024, 2, 29, 23, 59)),
        ("datetime", "2024-02-31 10:00:00", None),
        ("datetime", "2024-02-29 24:00:00", None),
        ("datetime", "2024-02-29 23:59:60", None),
        ("datetime", "2024-02-29T23:59:60Z", None),
        ("datetime", "2024-02-29", None),
        ("datetime", "2024-02-29  23:59:59", None),
        ("datetime", "2024-02-2923:59:59", None),
        ("datetime", "0999-12-31 23:59:59", None),
        ("datetime", "9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999)),
        ("datetime", "9999-12-31T23:59:59-01:00", None),
        ("datetime", "1000-01-01T00:00:00+01:00", None),
        ("datetime", "tomorrow", None),
        ("ip", "192.0.2.1", "192.0.2.1"),
        ("ip", "192.0.2.1/32", "192.0.2.1"),
        ("ip", "192.0.2.01", None),
        ("ip", "192.0.2.256", None),
        ("ip", "192.0.2", None),
        ("ip", "192.0.2.1/24", None),
        ("ip", "192.0.2.1:80", None),
        ("ip", "2001:DB8::1", "2001:db8::1"),
        ("ip", "2001:0db8:0:0:0:0:0:1", "2001:db8::1"),
        ("ip", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("ip", "2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("ip", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("ip", "::", "::"),
        ("ip", "fe80::1%eth0", "fe80::1"),
        ("ip", "2001:db8::1/128", "2001:db8::1"),
        ("ip", "::ffff:192.0.2.1", "::ffff:c000:201"),
        ("ip", "::FFFF:C000:201", "::ffff:c000:201"),
        ("ip", "::1:2", "::1:2"),
        ("ip", "::0.1.0.2", "::1:2"),
        ("ip", "1::2::3", None),
        ("ip", "fe80::zz", None),
        ("ip", "1.2.3.4\n", None),
    ],
)
def test_a_type_takes_its_values_and_no_others(type: str, text: str, value: Any) -> None:
    # The others in the column must not change what becomes of this one.
    assert parsed([text, None, "¿"], type=type) == [value, None, None]


@pytest.mark.parametrize(
    ("format", "text", "value"),
    [
        ("%Y-%m-%d %H:%M:%S", "2024-2-3 1:2:3", datetime(2024, 2, 3, 1, 2, 3)),
        ("%Y-%m-%d %H:%M:%S", "2024-02-03  01:02:03", datetime(2024, 2, 3, 1, 2, 3)),
        ("%Y-%m-%d %H:%M:%S", "2024-02-0301:02:03", None),
        ("%Y-%m-%d %H:%M:%S", "+2024-02-03 01:02:03", None),
        ("%Y-%m-%d %H:%M:%S", "2024-02-03 01:02:60", None),
        ("%Y-%m-%d %H:%M:%S", "2024-02-03 24:02:03", None),
        ("%d/%b/%Y:%H:%M:%S %z", "07/Mar/2024:10:00:00 +0130", datetime(2024, 3, 7, 8, 30)),
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2024-02-03T01:02:03.4Z", datetime(2024, 2, 3, 1, 2, 3, 400000)),
        ("%Y-%m-%d %H:%M:%S,%f", "2024-02-03 01:02:03,456", datetime(2024, 2, 3, 1, 2, 3, 456000)),
        ("%Y-%m-%d %H:%M:%S.%f", "2024-02-03 01:02:03", None),
        ("%a %b %d %H:%M:%S %Y", "Thu Mar  7 10:00:00 2024", datetime(2024, 3, 7, 10)),
        ("%m/%d/%Y %I:%M:%S %p", "1/2/2024 12:00:00 AM", datetime(2024, 1, 2)),
        ("%y%m%d %H%M%S", "690101 010203", datetime(1969, 1, 1, 1, 2, 3)),
        ("%y%m%d %H%M%S", "680101 010203", datetime(2068, 1, 1, 1, 2, 3)),
        ("%y%m%d %H%M%S", "991231 010203", datetime(1999, 12, 31, 1, 2, 3)),
        ("%Y%m%d", "20240203", datetime(2024, 2, 3)),
        ("%s", "1700000000", datetime(2023, 11, 14, 22, 13, 20)),
        ("%Y-%m-%d %H:%M:%S UTC", "2024-02-03 01:02:03 UTC", datetime(2024, 2, 3, 1, 2, 3)),
        ("%Y-%m-%d %H:%M:%S %Z", "2024-02-03 01:02:03 GMT", datetime(2024, 2, 3, 1, 2, 3)),
        ("[%Y-%m-%d (%H.%M)]", "[2024-02-03 (01.02)]", datetime(2024, 2, 3, 1, 2)),
    ],
)
def test_a_format_reads_what_strptime_reads(format: str, text: str, value: datetime | None) -> None:
    assert parsed([text, None], type="datetime", format=format) == [value, None]


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("%Y%m%d", "2024022"),
        ("%Y%m%d", "2024112"),
        ("%y%m%d %H%M%S", "991231 01020"),
        ("%Y-%m-%dT%H%M", "2024-02-03T123"),
        ("%d%b%Y%H%M", "3Feb2024123"),
        ("%Y%j", "202460"),
        ("%H%M%S", "93000"),
    ],
)
def test_where_digits_stand_beside_digits_all_of_them_are_wanted(format: str, text: str) -> None:
    kind = "time" if format == "%H%M%S" else "date" if "%H" not in format else "datetime"
    assert parsed([text], type=kind, format=format) == [None]


FORMATS = [
    "%Y-%m-%d %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%Y%m%dT%H%M%S",
    "%d %B %Y %I:%M %p",
    "%b %d %Y %H:%M:%S.%f",
    "%m/%d/%y %H:%M",
    "%Y-%m-%d %H:%M:%S%z",
    "%Y-%j %H:%M",
]


@settings(max_examples=60, deadline=None)
@given(st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31)), st.sampled_from(FORMATS))
def test_what_strftime_writes_is_read_as_strptime_reads_it(moment: datetime, format: str) -> None:
    text = moment.replace(tzinfo=timezone(timedelta(hours=-3, minutes=-30))).strftime(format)
    want = datetime.strptime(text, format)
    naive = want.astimezone(UTC).replace(tzinfo=None) if want.tzinfo else want
    assert parsed([text], type="datetime", format=format) == [naive]


near_dates = st.from_regex(
    r"\A[0-9 ]{0,2}[0-9]{3,4}[-/ ][0-9]{1,2}-[0-9]{1,2}[ T][0-9]{1,2}:[0-9]{2}:[0-6][0-9]? ?\Z", fullmatch=True
)


@settings(max_examples=60, deadline=None)
@given(st.lists(near_dates, min_size=1, max_size=20))
def test_nothing_is_a_datetime_that_strptime_refuses(texts: list[str]) -> None:
    for text, got in zip(texts, parsed(texts, type="datetime", format="%Y-%m-%d %H:%M:%S"), strict=True):
        try:
            want = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
        except ValueError:
            want = None
        assert got == (want if want and want.year >= 1000 else None), text


def test_local_times_become_utc_and_the_skipped_hour_is_no_time() -> None:
    texts = [
        "2024-07-01 12:00:00",
        "2024-03-31 02:30:00",
        "2024-10-27 02:30:00",
        "2024-07-01T12:00:00Z",
        "2024-01-01T12:00:00.5",
    ]
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2024, 10, 27, 2, 30, tzinfo=berlin, fold=0).astimezone(UTC).replace(tzinfo=None)
    want = [datetime(2024, 7, 1, 10), None, first, datetime(2024, 7, 1, 12), datetime(2024, 1, 1, 11, 0, 0, 500000)]
    assert parsed(texts, type="datetime", timezone="Europe/Berlin") == want


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ({"type": "datetime", "format": "%Q"}, "f.format"),
        ({"type": "datetime", "format": "%H:%M"}, "f.format"),
        ({"type": "datetime", "format": "%Y-%m-%d %H"}, "f.format"),
        ({"type": "datetime", "format": "%Y-%m-%d %I:%M"}, "f.format"),
        ({"type": "datetime", "format": "%s %Y"}, "f.format"),
        ({"type": "datetime", "format": "%Y-%m-%d %H:%M:%S%f"}, "f.format"),
        ({"type": "datetime", "format": "%d, %m, %Y %H:%M:%S,%f"}, "f.format"),
        ({"type": "date", "format": "%Y-%m-%d %H:%M"}, "f.format"),
        ({"type": "time", "format": "%Y"}, "f.format"),
        ({"type": "integer", "format": "%Y"}, "f.format"),
        ({"type": "datetime", "timezone": "Mars/Olympus"}, "f.timezone"),
        ({"type": "boolean", "trueValues": ["x"], "falseValues": ["x"]}, "f.falseValues"),
    ],
)
def test_what_cannot_be_followed_is_named(field: dict[str, Any], path: str) -> None:
    with pytest.raises(PlanError, match=f"^{re.escape(path)}: ") as caught:
        parser(field_of(**field), "f")
    assert caught.value.path == path


@settings(max_examples=60, deadline=None)
@given(st.lists(st.ip_addresses(), min_size=1, max_size=20), st.sampled_from(["compressed", "exploded"]), st.booleans())
def test_every_spelling_of_an_address_becomes_one(addresses: list[Any], attribute: str, upper: bool) -> None:
    texts = [getattr(address, attribute) for address in addresses]
    texts = [text.upper() for text in texts] if upper else texts
    got = parse_addresses(pl.Series("a", texts)).to_list()
    assert [ipaddress.ip_address(each) for each in got] == addresses
    assert got == [canonical_address(text) for text in texts] == parse_addresses(pl.Series("a", got)).to_list()


groups = st.lists(st.sampled_from(["0", "1", "f", "10", "db8"]), min_size=8, max_size=8).map(":".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(groups, min_size=1, max_size=20))
def test_zero_groups_are_compressed_as_the_standard_library_does(texts: list[str]) -> None:
    texts = [text for text in texts if not text.startswith("0:0:0:0:0:")]  # may be written with dots, from 3.13 on
    want = [ipaddress.IPv6Address(text).compressed for text in texts]
    assert parse_addresses(pl.Series("a", texts, dtype=pl.String)).to_list() == want
    assert parse_addresses(pl.Series("a", want, dtype=pl.String)).to_list() == want


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("0123456789abcdef:.%/", max_size=20), max_size=20))
def test_nothing_is_an_address_that_the_standard_library_refuses(texts: list[str]) -> None:
    for text, got in zip(texts, parse_addresses(pl.Series("a", texts, dtype=pl.String)), strict=True):
        plain = text.removesuffix("/128" if ":" in text else "/32")
        try:
            want = ipaddress.ip_address(plain.partition("%")[0] if ":" in text else plain)
        except ValueError:
            want = None
        assert (None if got is None else ipaddress.ip_address(got)) == want
