"""Lines of a log: told by what they are, by the times that they have, or by pairs of keys and values. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from dcp_worker.formats.readers import told_by_lines

MOSTLY = 0.9
_SOME = 0.2
_MOMENT = re.compile(
    r"\[?(?:\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d)?"
    r"|(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d|\d{2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d)"
)
"""How a line of a log begins."""
_BEGINNING_CHARS = 80
_PAIR = re.compile(r"(?:^|\s)[A-Za-z_][\w.-]*=")
WHOLE_LINE = "(?P<line>.*)"


@dataclass(frozen=True)
class Log:
    """Words of the format, and what was seen with whether it is sure."""

    seen: str
    sure: bool = True
    words: dict[str, Any] = field(default_factory=lambda: {"type": "regex", "pattern": WHOLE_LINE})


def whole(why: str) -> str:
    """What to say of lines that are kept as they are."""
    return f"{why}: the whole line is one field; name parts of it by groups, (?P<level>...)"


def log_of(records: Sequence[str], table: bool) -> Log | None:
    """The log that these lines are of, if any; `table`: a delimiter makes columns of nearly all of them."""
    series = pl.Series(records, dtype=pl.String)
    for name, parser, proof in told_by_lines():
        share = 1 - parser.parse(series).cells[proof].null_count() / len(records)
        if share >= MOSTLY:
            return Log(f"{share:.0%} of the lines are those of {name}", share == 1, {"type": name})
    if not table and (stamped := _stamped(records)) is not None:
        return stamped
    pairs = sum(len(_PAIR.findall(line)) > 1 for line in records)
    if pairs >= MOSTLY * len(records) and not records[0].startswith(("{", "<")):
        return Log(whole("CHECK: lines of key=value, kept whole; name what you need by groups in pattern"), False)
    return None


def _stamped(records: Sequence[str]) -> Log | None:
    begin = sum(_MOMENT.match(line) is not None for line in records)
    if begin >= MOSTLY * len(records):
        return Log(whole("lines of a log, each begins with a time"))
    near = sum(_MOMENT.search(line[:_BEGINNING_CHARS]) is not None for line in records)
    if near >= MOSTLY * len(records):
        return Log(whole("lines of a log, each has a time near its beginning"))
    if _MOMENT.match(records[0]) and begin > 1 and begin >= _SOME * len(records):
        others = f"{len(records) - begin} of {len(records)} do not begin with a time, as stack traces do"
        return Log(whole(f"CHECK: lines of a log; {others}, and are records of their own"), False)
    return None
