"""Well-known logs as patterns: syslog (RFC 5424, RFC 3164) and the access logs of Apache and nginx.

A line that might as well be read with every cell in its neighbour's place is none: it has a pattern of its own, or is
rejected.
"""

from __future__ import annotations

from itertools import product

import polars as pl

from dcp_worker.formats.text_lines import Parsed, Pattern, PatternParser

_QUOTED = r'(?:[^"\\]|\\.)*'
_IDENTITY = r'(?P<identity>-|[^\s.:,"\[\]]+)'
"""With a dot or a colon in it, it is a host's name or an address: another format."""
_USER = r'(?:""|(?P<user>-|-[^\s\[].*?|[^\s"-].*?))'
_ADDRESS = (
    r"(?:\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|\[?[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%\w+)?\]?(?::\d+)?|unknown)"
)
_WHO = (
    r'(?P<remote_host>[^\s,"]+)',
    r'(?P<virtual_host>(?:[^\s:,"]+|\[[0-9A-Fa-f:.]+\]):\d+) (?P<remote_host>[^\s,"]*[^\s,"-][^\s,"]*)',
    rf"(?P<virtual_host>[\w.-]*[A-Za-z][\w.-]*) (?P<remote_host>{_ADDRESS})",
    rf"(?P<forwarded_for>-|{_ADDRESS}(?:, ?{_ADDRESS})*) (?P<remote_host>{_ADDRESS})",
    rf"(?P<forwarded_for>{_ADDRESS}(?:, ?{_ADDRESS})+)",
    rf'"(?P<forwarded_for>{_QUOTED})" (?P<remote_host>[^\s,"]+)',
)
"""Common and combined; vhost_combined; a virtual host without its port; X-Forwarded-For before the host, in its place,
in quotes."""
_REST = (
    rf'(?: "(?P<referer>{_QUOTED})" "(?P<user_agent>{_QUOTED})"(?: (?P<rest>.*))?)?',
    r' (?P<rest>[^"].*)',
)
_REQUEST = r"(?P<method>\S+) (?P<path>.*?)(?: (?P<protocol>HTTP/\S+))?"
_PRIORITY = r"<(?P<priority>1[0-8]\d|19[01]|[1-9]?\d)>"
_ISO = r"\d{4}-\d\d-\d\dT\S+"
_RFC5424 = (
    rf"{_PRIORITY}(?P<version>[1-9]\d?) (?P<timestamp>-|{_ISO}) (?P<hostname>\S+) (?P<appname>\S+) "
    r"(?P<procid>\S+) (?P<msgid>\S+) "
    r'(?P<structured_data>-|(?:\[[^\s\]"]+(?: [^\s=\]"]+="(?:[^"\\]|\\.)*")*\])+)(?: \x{feff}?(?P<message>.*))?'
)
_RFC3164 = (
    rf"(?:{_PRIORITY})?"
    rf"(?P<timestamp>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]?\d \d\d:\d\d:\d\d|{_ISO}) "
)
_HOSTNAME = r"(?P<hostname>-|[^\s:\[\]-][^\s:\[\]]*|[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*[0-9A-Fa-f])"
_TAG = r"(?P<appname>[^\s:\[\]]+)(?:\[(?P<procid>[^\]]*)\])?:"
_SYSLOG = (
    _RFC5424,
    rf"{_RFC3164}(?P<message>last message repeated \d+ times?|-- MARK --)",
    rf"{_RFC3164}{_HOSTNAME} (?:{_TAG} ?)?(?P<message>.*)",
    rf"{_RFC3164}{_TAG}(?: (?P<message>.*))?",
)
"""The last one is a line without host, as programs write it that hand it to a syslog on their own machine."""
_ACCESS_LABELS = (
    "remote_host", "identity", "user", "timestamp", "request", "method", "path", "protocol",
    "status", "bytes", "referer", "user_agent", "rest", "virtual_host", "forwarded_for",
)  # fmt: skip
_SYSLOG_LABELS = (
    "priority", "version", "timestamp", "hostname", "appname", "procid", "msgid", "structured_data", "message",
)  # fmt: skip


def _access(who: str, rest: str) -> Pattern:
    request = rf'\[(?P<timestamp>[^\]]*)\] "(?P<request>{_QUOTED})" (?P<status>\d{{3}}|-) (?P<bytes>\d+|-)'
    return Pattern(f"{who} {_IDENTITY} {_USER} {request}{rest}", (("request", _REQUEST),))


ACCESS_LOG = PatternParser(
    tuple(_access(who, rest) for who, rest in product(_WHO, _REST)),
    _ACCESS_LABELS,
    "of the common or combined log format, nor of those with a virtual host or X-Forwarded-For",
    nil="-",
)


class SyslogParser:
    """Lines of RFC 5424, else of RFC 3164. `facility` and `severity` are the two halves of the priority."""

    labels = ("facility", "severity", *_SYSLOG_LABELS)
    _lines = PatternParser(tuple(map(Pattern, _SYSLOG)), _SYSLOG_LABELS, "of RFC 5424 or RFC 3164", nil="-")

    def parse(self, lines: pl.Series) -> Parsed:
        """The cells."""
        parsed = self._lines.parse(lines)
        priority = parsed.cells["priority"].cast(pl.Int64)
        halves = [(priority // 8).cast(pl.String).alias("facility"), (priority % 8).cast(pl.String).alias("severity")]
        return Parsed(parsed.cells.hstack(halves), parsed.faults)
