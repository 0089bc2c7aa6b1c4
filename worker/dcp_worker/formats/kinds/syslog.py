"""syslog: RFC 5424 and RFC 3164, as patterns."""

from __future__ import annotations

import polars as pl

from dcp_pipeline.spec.words.format import Format
from dcp_worker.formats.text_lines import LineParser, Parsed, Pattern, PatternParser

SHOWS = "appname"
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
_SYSLOG_LABELS = (
    "priority", "version", "timestamp", "hostname", "appname", "procid", "msgid", "structured_data", "message",
)  # fmt: skip


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


def parser(form: Format) -> LineParser:
    """Takes lines apart."""
    return SyslogParser()
