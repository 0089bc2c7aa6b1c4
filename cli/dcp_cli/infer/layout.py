"""What kind of file a sample is: type, dialect, comments, header. Pure; columns.py looks at the values."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import polars as pl

from dcp_worker.formats.logs import ACCESS_LOG, SyslogParser

_LOOKED_AT_LINES = 400
_DELIMITERS = (",", "\t", ";", "|")
_MOSTLY = 0.9
_LABEL = re.compile(r"(?=.*[^\W\d])[\w .:/()%\[\]#@?&+'-]{1,64}")
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}")
_VALUE = re.compile(r"[-+]?[\d.,:/ TZ-]+|https?://\S+|[0-9a-fA-F]{32,}|(?i:true|false|null|none)")
_ITEMS = re.compile(r'"([A-Za-z_][\w-]*)"\s*:\s*\[\s*\{')


@dataclass
class Layout:
    """`words` of spec.sources[].format, and what was seen, for people. `sure` is False where it is half a guess."""

    words: dict[str, Any]
    seen: list[str] = field(default_factory=list)
    sure: bool = True

    def note(self, text: str, sure: bool = True) -> None:
        """Write down what was seen."""
        self.seen.append(text)
        self.sure = self.sure and sure


def layout_of(text: str, whole: bool) -> Layout:
    """The layout of a file that starts with `text`."""
    lines = text.removeprefix("\ufeff").splitlines()[: _LOOKED_AT_LINES + 1]
    if len(lines) > 1 and not whole:
        lines.pop()
    layout = Layout({})
    start = text.removeprefix("\ufeff").lstrip()[:1]
    if start in ("{", "["):
        return _json(text, lines, layout)
    comment = _comment_char(lines)
    if comment:
        layout.words["commentChar"] = comment
        layout.note(f"lines that start with {comment} are comments")
    records = [line for line in lines if line.strip() and not (comment and line.startswith(comment))]
    if not records:
        layout.words["type"] = "csv"
        layout.note("the sample has no record to look at", sure=False)
        return layout
    return _log(records, layout) or _table(lines, records, layout)


def _json(text: str, lines: Sequence[str], layout: Layout) -> Layout:
    if lines and all(_is_object(line) for line in lines if line.strip()):
        layout.words["type"] = "ndjson"
        layout.note(f"each of {len(lines)} lines is a JSON object")
        return layout
    layout.words["type"] = "json"
    if text.lstrip("\ufeff \t\r\n").startswith("["):
        layout.note("the document is a JSON array")
        return layout
    found = _ITEMS.findall(text)
    path = _path_of(text, found[0]) if found else None
    if path is None:
        layout.note(
            "it is a JSON document without an array of objects in the sample; name its path in items", sure=False
        )
        return layout
    layout.words["items"] = path
    layout.note(f"the first array of objects in the JSON document is at {path}", sure=len(set(found)) == 1)
    return layout


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _path_of(text: str, key: str) -> str | None:
    """The dotted path down to `key`: the keys whose objects are open where it stands."""
    found = _ITEMS.search(text)
    if found is None:
        return None
    path: list[str] = []
    for token in re.finditer(r'"((?:[^"\\]|\\.)*)"\s*:\s*\{|"(?:[^"\\]|\\.)*"|([{}])', text[: found.start()]):
        if token[1] is not None:
            path.append(token[1])
        elif token[2] == "}" and path:
            path.pop()
    return ".".join([*path, key])


def _comment_char(lines: Sequence[str]) -> str | None:
    if any(line.startswith("#") for line in lines):
        return "#"
    first = next((line for line in lines if line.strip()), "")
    return first[0] if first[:1] in (";", "%", "!") else None


def _log(records: Sequence[str], layout: Layout) -> Layout | None:
    series = pl.Series(records, dtype=pl.String)
    for name, parser, proof in (("accesslog", ACCESS_LOG, "status"), ("syslog", SyslogParser(), "appname")):
        share = 1 - parser.parse(series).cells[proof].null_count() / len(records)
        if share >= _MOSTLY:
            layout.words["type"] = name
            layout.note(f"{share:.0%} of the lines are those of {name}")
            return layout
    return None


def _table(lines: Sequence[str], records: Sequence[str], layout: Layout) -> Layout:
    best = max((_tried(records, delimiter) for delimiter in _DELIMITERS), key=lambda each: each.score)
    if best.width < 2 or best.share < _MOSTLY * _MOSTLY:
        spaced = Counter(len(line.split()) for line in records).most_common(1)[0]
        if spaced[0] > 1 and spaced[1] >= _MOSTLY * len(records):
            return _spaced(spaced[0], layout)
        best = _tried(records, ",") if best.width < 2 else best
    name = {"\t": "TAB"}.get(best.delimiter, best.delimiter)
    layout.words["type"] = "tsv" if best.delimiter == "\t" else "csv"
    if best.delimiter not in ",\t":
        layout.words["delimiter"] = best.delimiter
    if best.width > 1:
        layout.note(f"{best.share:.0%} of the records have {best.width} cells between {name}", best.share >= _MOSTLY)
    else:
        layout.note("one value a line")
    if best.quote != ("" if best.delimiter == "\t" else '"'):
        layout.words["quoteChar"] = best.quote
    if best.escape:
        layout.words["escapeChar"] = best.escape
        layout.note(f"quotes inside cells stand behind {best.escape}")
    if best.spaced:
        layout.words["skipInitialSpace"] = True
    _header(lines, best, layout)
    return layout


def _spaced(width: int, layout: Layout) -> Layout:
    layout.words["type"] = "regex"
    cells = r"\s+".join(rf"(?P<col{number + 1}>\S+)" for number in range(width))
    layout.words["pattern"] = rf"\s*{cells}\s*"
    layout.note(f"{width} words on a line, blanks between them; name the groups as you like")
    return layout


@dataclass(frozen=True)
class _Tried:
    delimiter: str
    quote: str
    escape: str
    spaced: bool
    rows: list[list[str]]
    width: int
    share: float

    @property
    def score(self) -> tuple[float, int]:
        return (round(self.share, 2) if self.width > 1 else 0.0, self.width)


def _tried(records: Sequence[str], delimiter: str) -> _Tried:
    single = sum(line.count("'" + delimiter + "'") for line in records) > len(records) // 2
    quote = "'" if single and not any('"' in line for line in records) else '"'
    if delimiter == "\t" and not _quoted_cells(records):
        quote = ""
    escape = "\\" if quote == '"' and any('\\"' in line for line in records) else ""
    spaced = sum(line.count(delimiter + " ") for line in records) >= _MOSTLY * sum(
        line.count(delimiter) for line in records
    ) and any(delimiter + " " in line for line in records)
    rows = _rows(records, delimiter, quote, escape, spaced)
    width, times = Counter(map(len, rows)).most_common(1)[0]
    return _Tried(delimiter, quote, escape, spaced, rows, width, times / len(rows))


def _rows(records: Sequence[str], delimiter: str, quote: str, escape: str, spaced: bool) -> list[list[str]]:
    quoting = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    reader = csv.reader(
        records,
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=quoting,
        escapechar=escape or None,
        skipinitialspace=spaced,
    )
    return [row for row in reader if row]


def _quoted_cells(records: Sequence[str]) -> bool:
    """Whether the quotes between TABs are around cells: in most lines that have any."""
    quoted = [line for line in records if '"' in line]
    around = sum(bool(re.search(r'(?:^|\t)"(?:[^"]|"")*"(?:\t|$)', line)) for line in quoted)
    return around * 2 > len(quoted)


def _header(lines: Sequence[str], best: _Tried, layout: Layout) -> None:
    rows = [row for row in best.rows if len(row) == best.width]
    commented = _commented_labels(lines, best, layout.words.get("commentChar"))
    if commented and not _is_header(rows[0], rows[1:]):
        layout.words["commentedHeader"] = True
        layout.note(f"the last comment before the first record has {best.width} labels")
        return
    if len(best.rows[0]) != best.width and best.width > 1:
        skipped = next(
            number for number, line in enumerate(lines)
            if line and len(_rows([line], best.delimiter, best.quote, best.escape, False)[0]) == best.width
        )  # fmt: skip
        layout.words["skipRows"] = skipped
        layout.note(f"the first {skipped} lines are no table", sure=False)
    if _is_header(rows[0], rows[1:]):
        layout.note("the first record has labels: " + ", ".join(rows[0])[:200])
        return
    layout.words["header"] = False
    layout.note("there is no header: the first record looks like the others; name the columns in labels")


def _commented_labels(lines: Sequence[str], best: _Tried, comment: str | None) -> bool:
    if comment is None:
        return False
    found = None
    for line in lines:
        if line.strip() and not line.startswith(comment):
            break
        content = line.lstrip(comment).strip()
        if best.delimiter in content or (best.width == 1 and content):
            found = _rows([content], best.delimiter, best.quote, best.escape, True)[0]
    return found is not None and best.width > 1 and len(found) == best.width and all(map(_is_label, found))


def _is_header(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Labels, all different, over at least one column in which no value looks like a label."""
    named = [cell for cell in first if cell.strip()]
    if len(set(named)) < len(named) or not named or not all(map(_is_label, named)):
        return False
    columns = list(zip(*others, strict=False)) if others else []
    if any(label in column for label, column in zip(first, columns, strict=False) if label.strip()):
        return False
    return not columns or len(first) > 1 or not (_HOST.fullmatch(first[0].strip()) or _is_label(columns[0][0]))


def _is_label(cell: str) -> bool:
    text = cell.strip()
    if not _LABEL.fullmatch(text) or _VALUE.fullmatch(text):
        return False
    try:
        ip_address(text)
    except ValueError:
        return True
    return False
