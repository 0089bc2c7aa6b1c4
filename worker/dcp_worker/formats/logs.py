"""Well-known logs as patterns: syslog (RFC 5424, RFC 3164) and the access logs of Apache and nginx."""

from __future__ import annotations

import polars as pl

from dcp_worker.formats.text_lines import Parsed, Pattern, PatternParser

_QUOTED = r'(?:[^"\\]|\\.)*'
_ACCESS = (
    r"(?P<remote_host>\S+) (?P<identity>\S+) (?P<user>.*?) \[(?P<timestamp>[^\]]*)\] "
    rf'"(?P<request>{_QUOTED})" (?P<status>\d{{3}}|-) (?P<bytes>\d+|-)'
    rf'(?: "(?P<referer>{_QUOTED})" "(?P<user_agent>{_QUOTED})"(?: (?P<rest>.*))?)?'
)
_REQUEST = r"(?P<method>\S+) (?P<path>.*?)(?: (?P<protocol>HTTP/\S+))?"
_RFC5424 = (
    r"<(?P<priority>\d{1,3})>(?P<version>[1-9]\d?) (?P<timestamp>\S+) (?P<hostname>\S+) (?P<appname>\S+) "
    r"(?P<procid>\S+) (?P<msgid>\S+) "
    r'(?P<structured_data>-|(?:\[[^\s\]"]+(?: [^\s=\]"]+="(?:[^"\\]|\\.)*")*\])+)(?: \x{feff}?(?P<message>.*))?'
)
_RFC3164 = (
    r"(?:<(?P<priority>\d{1,3})>)?(?P<timestamp>[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) "
    r"(?P<hostname>\S+) (?:(?P<appname>[^\s:\[\]]+)(?:\[(?P<procid>[^\]]*)\])?: ?)?(?P<message>.*)"
)
_ACCESS_LABELS = (
    "remote_host", "identity", "user", "timestamp", "request", "method", "path", "protocol",
    "status", "bytes", "referer", "user_agent", "rest",
)  # fmt: skip
_SYSLOG_LABELS = (
    "priority", "version", "timestamp", "hostname", "appname", "procid", "msgid", "structured_data", "message",
)  # fmt: skip

ACCESS_LOG = PatternParser(
    (Pattern(_ACCESS, (("request", _REQUEST),)),), _ACCESS_LABELS, "of the common or combined log format", nil="-"
)


class SyslogParser:
    """Lines of RFC 5424, else of RFC 3164. `facility` and `severity` are the two halves of the priority."""

    labels = ("facility", "severity", *_SYSLOG_LABELS)
    _lines = PatternParser((Pattern(_RFC5424), Pattern(_RFC3164)), _SYSLOG_LABELS, "of RFC 5424 or RFC 3164", nil="-")

    def parse(self, lines: pl.Series) -> Parsed:
        """The cells."""
        parsed = self._lines.parse(lines)
        priority = parsed.cells["priority"].cast(pl.Int64)
        halves = [(priority // 8).cast(pl.String).alias("facility"), (priority % 8).cast(pl.String).alias("severity")]
        return Parsed(parsed.cells.hstack(halves), parsed.faults)
