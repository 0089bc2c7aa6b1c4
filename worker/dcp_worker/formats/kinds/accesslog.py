"""accesslog: the access logs of Apache and nginx, as patterns.

A line that might as well be read with every cell in its neighbour's place is none: it has a pattern of its own, or is
rejected.
"""

from __future__ import annotations

from itertools import product

from dcp_pipeline.spec.words.format import Format
from dcp_worker.formats.text_lines import LineParser, Pattern, PatternParser

SHOWS = "status"
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
_ACCESS_LABELS = (
    "remote_host", "identity", "user", "timestamp", "request", "method", "path", "protocol",
    "status", "bytes", "referer", "user_agent", "rest", "virtual_host", "forwarded_for",
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


def parser(form: Format) -> LineParser:
    """Takes lines apart."""
    return ACCESS_LOG
