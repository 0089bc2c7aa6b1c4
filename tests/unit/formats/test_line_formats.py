"""Lines taken apart: patterns, fixed widths, syslog and access logs, against Python's re and against what is in them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcp_worker.ground.errors import PlanError
from support.batches import format_of
from support.reading import read_bytes

PATTERN = r"(?P<ip>[0-9.]+)\s+(?P<count>\d+)(?:\s+(?P<note>.*))?"
LINES = st.lists(
    st.sampled_from(
        ["192.0.2.1\t10", "192.0.2.2  3  seen twice", "", " \t", "no match", "192.0.2.3 7 é\r", "#c", "1 2 "]
    ),
    max_size=12,
)


@given(lines=LINES, terminated=st.booleans(), chunk=st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_cells_are_those_of_the_re_module(lines: list[str], terminated: bool, chunk: int) -> None:
    raw = ("\n".join(lines) + ("\n" if terminated and lines else "")).encode()
    if lines and not terminated and not lines[-1]:
        lines = lines[:-1]
    result = read_bytes(raw, format_of("regex", pattern=PATTERN), "ip", "count", "note", chunk=chunk)
    found = [re.fullmatch(PATTERN, line.removesuffix("\r")) for line in lines]
    assert result.read == len(lines)
    assert result.values == [match.group("ip", "count", "note") for match in found if match]
    expected = {n + 1: "row-error" if line.strip() else "blank-row" for n, line in enumerate(lines) if not found[n]}
    assert result.codes == expected
    assert [reject.raw for reject in result.rejects.values()] == [
        lines[n - 1].removesuffix("\r").encode() for n in expected
    ]


def test_comments_between_lines_are_no_records() -> None:
    raw = b"; DROP\n; 2024\n1.10.16.0/20 ; SBL256894\n;\n2.56.192.0/22 ; SBL459831\n; END\n"
    form = format_of("regex", pattern=r"(?P<cidr>\S+) ; (?P<sbl>\S+)", commentChar=";")
    result = read_bytes(raw, form, "cidr", "sbl")
    assert (result.read, result.values) == (2, [("1.10.16.0/20", "SBL256894"), ("2.56.192.0/22", "SBL459831")])


def test_comments_and_line_numbers_of_lines() -> None:
    result = read_bytes(b"#a\r\n1 2\n#b\nbad\n", format_of("regex", pattern=PATTERN, commentChar="#"), "ip")
    assert [(reject.record, reject.line, reject.raw) for reject in result.rejects.values()] == [(2, 4, b"bad")]


def test_bad_bytes_cost_their_line_only() -> None:
    result = read_bytes(b"1 2\n3 \xff\n5 6\n", format_of("regex", pattern=PATTERN), "ip")
    assert (result.values, result.codes) == ([("1",), ("5",)], {2: "encoding-error"})


def test_a_pattern_that_the_engine_does_not_know_is_said_so() -> None:
    with pytest.raises(PlanError, match="pattern"):
        read_bytes(b"a\n", format_of("regex", pattern=r"(?P<a>x){1,99999}{1,99999}"), "a")


def test_a_field_that_is_no_group_is_missing_in_every_record() -> None:
    result = read_bytes(b"1 2\n", format_of("regex", pattern=PATTERN), "adress")
    assert result.codes == {1: "missing-label"}


def test_fixed_columns_count_characters_and_shed_their_blanks() -> None:
    form = format_of(
        "fixed", columns=[{"name": "host", "width": 6}, {"name": "n", "width": 3}, {"name": "note", "width": 4}]
    )
    result = read_bytes("héllo  12 ok\nab\nabcdef123note  \n\nabcdef123note x\n".encode(), form, "host", "n", "note")
    assert result.values == [("héllo", "12", "ok"), ("ab", None, None), ("abcdef", "123", "note")]
    assert result.codes == {4: "blank-row", 5: "extra-cell"}


ACCESS = [
    (
        '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326',
        ("127.0.0.1", "frank", "10/Oct/2000:13:55:36 -0700", "GET", "/apache_pb.gif", "HTTP/1.0", "200", "2326", None),
    ),
    (
        r'2001:db8::1 - - [01/Jan/2024:00:00:00 +0000] "POST /a\"b c HTTP/1.1" 404 - "-" "Mozilla/5.0 (\"x\")" "extra"',
        ("2001:db8::1", None, "01/Jan/2024:00:00:00 +0000", "POST", r"/a\"b c", "HTTP/1.1", "404", None,
         r"Mozilla/5.0 (\"x\")"),
    ),
    (
        r'198.51.100.7 - - [01/Jan/2024:00:00:00 +0000] "\x16\x03\x01" 400 157 "-" "-"',
        ("198.51.100.7", None, "01/Jan/2024:00:00:00 +0000", None, None, None, "400", "157", None),
    ),
]  # fmt: skip


def test_access_logs_are_common_or_combined_line_by_line() -> None:
    raw = "\n".join(line for line, _ in ACCESS).encode() + b"\nnot a log\n"
    labels = ("remote_host", "user", "timestamp", "method", "path", "protocol", "status", "bytes", "user_agent")
    result = read_bytes(raw, format_of("accesslog"), *labels)
    assert result.values == [cells for _, cells in ACCESS]
    assert result.codes == {4: "row-error"}


SYSLOG = [
    (
        "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed for lonvick on /dev/pts/8",
        ("4", "2", "2003-10-11T22:14:15.003Z", "mymachine.example.com", "su", None, "ID47", None,
         "'su root' failed for lonvick on /dev/pts/8"),
    ),
    (
        r'<165>1 2003-10-11T22:14:15.003Z h evntslog 8 ID47 [a@32473 iut="3" e="a\"]b"][x@1 y="z"] An application event',
        ("20", "5", "2003-10-11T22:14:15.003Z", "h", "evntslog", "8", "ID47", r'[a@32473 iut="3" e="a\"]b"][x@1 y="z"]',
         "An application event"),
    ),
    ("<0>1 - - - - - -", ("0", "0", None, None, None, None, None, None, None)),
    (
        "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
        ("4", "2", "Oct 11 22:14:15", "mymachine", "su", None, None, None, "'su root' failed"),
    ),
    (
        "Oct  1 22:14:15 host sshd[1234]: Failed password for root from 192.0.2.7 port 22 ssh2",
        (None, None, "Oct  1 22:14:15", "host", "sshd", "1234", None, None,
         "Failed password for root from 192.0.2.7 port 22 ssh2"),
    ),
]  # fmt: skip


def test_syslog_lines_are_of_either_rfc() -> None:
    labels = (
        "facility",
        "severity",
        "timestamp",
        "hostname",
        "appname",
        "procid",
        "msgid",
        "structured_data",
        "message",
    )
    result = read_bytes(
        "\n".join(line for line, _ in SYSLOG).encode() + b"\n<34>nonsense\n", format_of("syslog"), *labels
    )
    assert result.values == [cells for _, cells in SYSLOG]
    assert result.codes == {6: "row-error"}


TAIL = '[01/Feb/2024:13:55:36 +0000] "GET /p HTTP/1.1" 200 5'
COMBINED = TAIL + ' "-" "ua"'
WHO = ("virtual_host", "forwarded_for", "remote_host", "identity", "user")


@pytest.mark.parametrize(
    ("front", "cells"),
    [
        ("192.0.2.1 - - ", (None, None, "192.0.2.1", None, None)),
        ("192.0.2.1 ident ann ", (None, None, "192.0.2.1", "ident", "ann")),
        ('1.2.3.4 - "" ', (None, None, "1.2.3.4", None, None)),
        ("2001:db8::1 - ann lee ", (None, None, "2001:db8::1", None, "ann lee")),
        ("h - b.von.st@example.com ", (None, None, "h", None, "b.von.st@example.com")),
        ("example.com:80 192.0.2.1 - - ", ("example.com:80", None, "192.0.2.1", None, None)),
        ("127.0.1.1:443 client.example.org - ann ", ("127.0.1.1:443", None, "client.example.org", None, "ann")),
        ("[2001:db8::1]:80 ::1 - - ", ("[2001:db8::1]:80", None, "::1", None, None)),
        ("www.example.com 192.0.2.1 - ann lee ", ("www.example.com", None, "192.0.2.1", None, "ann lee")),
        ("localhost ::1 - - ", ("localhost", None, "::1", None, None)),
        ("97.97.97.97 98.98.98.98 - - ", (None, "97.97.97.97", "98.98.98.98", None, None)),
        ("2001:db8::7 98.98.98.98 - ann ", (None, "2001:db8::7", "98.98.98.98", None, "ann")),
        ("- 98.98.98.98 - - ", (None, None, "98.98.98.98", None, None)),
        ("97.97.97.97, unknown, 10.0.0.1 98.98.98.98 - - ",
         (None, "97.97.97.97, unknown, 10.0.0.1", "98.98.98.98", None, None)),
        ("97.97.97.97, 98.98.98.98 - - ", (None, "97.97.97.97, 98.98.98.98", None, None, None)),
        ('"97.97.97.97, 10.0.0.1" 98.98.98.98 - - ', (None, "97.97.97.97, 10.0.0.1", "98.98.98.98", None, None)),
        ("one.example.com two.example.com - - ", None),
        ("192.0.2.1 198.51.100.1 - ", None),
        ("192.0.2.1 - - - ", None),
        ("192.0.2.1 - ", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("tail", [TAIL, COMBINED, TAIL + " 0.003", COMBINED + ' "203.0.113.9" 0.1'])
def test_who_asked_is_read_as_what_it_is_and_never_shifted(
    front: str, cells: tuple[str | None, ...], tail: str
) -> None:
    result = read_bytes(f"{front}{tail}\n".encode(), format_of("accesslog"), *WHO, "status", "rest")
    rest = tail.removeprefix(COMBINED).removeprefix(TAIL).strip() or None
    assert (result.values, result.codes) == (([(*cells, "200", rest)], {}) if cells else ([], {1: "row-error"}))


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("Oct  1 22:14:15 sshd[123]: hello: you", (None, None, "sshd", "123", "hello: you")),
        ("<13>Oct  1 22:14:15 kernel: [ 12.3] usb", ("13", None, "kernel", None, "[ 12.3] usb")),
        ("Oct  1 22:14:15 %ASA-6-302013: Built", (None, None, "%ASA-6-302013", None, "Built")),
        ("<191>Oct 11 22:14:15 2001:db8::1 su: x", ("191", "2001:db8::1", "su", None, "x")),
        ("2024-02-01T22:14:15Z host postfix/smtpd[7]: x", (None, "host", "postfix/smtpd", "7", "x")),
        ("Oct  1 22:14:15 last message repeated 2 times", (None, None, None, None, "last message repeated 2 times")),
        ("Oct  1 22:14:15 host last message repeated 2 times",
         (None, "host", None, None, "last message repeated 2 times")),
        ("Oct  1 22:14:15 host -- MARK --", (None, "host", None, None, "-- MARK --")),
        ("Oct  1 22:14:15 -- MARK --", (None, None, None, None, "-- MARK --")),
        ("<999>Oct  1 22:14:15 host su: x", None),
        ("<192>1 2024-02-01T22:14:15Z host su - - - x", None),
        ("<013>Oct  1 22:14:15 host su: x", None),
        ("<34>1 host su - ID47 - no time", None),
        ("Oct  1 22:14:15 host:514 su: x", None),
        ("Foo  1 22:14:15 host su: x", None),
    ],
)  # fmt: skip
def test_a_syslog_line_without_host_or_with_a_priority_that_there_is_not(
    line: str, cells: tuple[str | None, ...] | None
) -> None:
    labels = ("priority", "hostname", "appname", "procid", "message")
    result = read_bytes(f"{line}\n".encode(), format_of("syslog"), *labels)
    assert (result.values, result.codes) == (([cells], {}) if cells else ([], {1: "row-error"}))
