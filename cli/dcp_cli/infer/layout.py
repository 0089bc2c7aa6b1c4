"""What kind of file a sample is: type, dialect, comments, header. Pure; columns.py looks at the values."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dcp_cli.infer.headers import Tried, cells_of, header, is_label, wider_first
from dcp_cli.infer.logs import MOSTLY, WHOLE_LINE, log_of, whole

_LOOKED_AT_LINES = 400
_DELIMITERS = (",", "\t", ";", "|")
_RARE_DELIMITERS = ("#", "^", "~", "\x1f", "\x01")
"""Looked at where none of the others makes columns of nearly all lines."""
_JSON = re.compile(
    r"\{\s*(?:[\"}]|\Z)"
    r"|\[\s*(?:[\[{\"\]]|\Z|(?:-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null)\s*[,\]])"
)
_FIELDS = re.compile(r"#\s*fields:|#fields\t", re.IGNORECASE)
_LINE_END = re.compile(r"\r\n|\n|\r")
_SEPARATOR = re.compile(r"\"?sep=(.)\"?", re.IGNORECASE)
"""Excel's first line, of which it makes no record."""
_ITEMS = re.compile(r'"([A-Za-z_][\w-]*)"\s*:\s*\[\s*\{')


@dataclass
class Layout:
    """`words` of spec.sources[].format, and what was seen, for people. `sure` is False where it is half a guess."""

    words: dict[str, Any]
    seen: list[str] = field(default_factory=list)
    sure: bool = True
    log: bool = False
    """Lines that are added at the end, and may well be equal."""

    def note(self, text: str, sure: bool = True) -> None:
        """Write down what was seen."""
        self.seen.append(text)
        self.sure = self.sure and sure


def layout_of(text: str, end: bool) -> Layout:
    """The layout of a file that starts with `text`; `end`: and ends with it."""
    text = text.lstrip("\ufeff")
    lines = _lines_of(text)[: _LOOKED_AT_LINES + 1]
    if len(lines) > 1 and not end:
        lines.pop()
    layout = Layout({})
    if len(lines) > 1 and (told := _SEPARATOR.fullmatch(lines[0].strip())):
        return _told_separator(lines[1:], told[1], layout)
    if _JSON.match(text.lstrip()):
        return _json(text, lines, layout, end)
    fields = next((line for line in lines if _FIELDS.match(line)), None)
    if fields is not None:
        return _w3c(layout, "\t" if "\t" in fields else " ")
    if text.lstrip("\ufeff \t\r\n").startswith("<?xml"):
        layout.note("CHECK: it is XML, of which no more than lines can be read", sure=False)
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


def _lines_of(text: str) -> list[str]:
    """As records are cut: U+2028 and its like end none."""
    lines = _LINE_END.split(text)
    return lines if lines[-1] else lines[:-1]


def _told_separator(lines: Sequence[str], separator: str, layout: Layout) -> Layout:
    records = [line for line in lines if line.strip()]
    if not records:
        layout.words["type"] = "csv"
        layout.note("the sample has no record to look at", sure=False)
        return layout
    layout.note("the first line tells the delimiter, and is no record")
    layout = _with(_tried(records, separator), lines, layout)
    layout.words["skipRows"] = layout.words.get("skipRows", 0) + 1
    return layout


def _json(text: str, lines: Sequence[str], layout: Layout, whole: bool) -> Layout:
    value = _one_object(text) if whole else None
    if lines and all(_is_object(line) for line in lines if line.strip()):
        if value is not None and ((len(lines) == 1 and _one_line(value, text, layout)) or _by_name(value, layout)):
            return layout
        layout.words["type"] = "ndjson"
        layout.note(f"each of {len(lines)} lines is a JSON object")
        return layout
    layout.words["type"] = "json"
    if text.lstrip("\ufeff \t\r\n").startswith("["):
        layout.note("the document is a JSON array")
        return layout
    if value is not None and _by_name(value, layout):
        return layout
    if _more_than_one(text):
        layout.words["concatenated"] = True
        layout.note("JSON objects stand one behind the other")
        return layout
    path = _items_path(text)
    if path is None and value is not None:
        layout.words["concatenated"] = True
        layout.note("the document is one JSON object: one record")
        return layout
    if path is None:
        layout.note(
            "it is a JSON document without an array of objects in the sample; name its path in items", sure=False
        )
        return layout
    layout.words["items"] = path
    layout.note(
        f"the first array of objects in the JSON document is at {path}", sure=len(set(_ITEMS.findall(text))) == 1
    )
    return layout


def _one_line(document: dict[str, Any], text: str, layout: Layout) -> bool:
    """A document that has no line break, and its records in an array: as servers answer."""
    path = _items_path(text)
    if path is None:
        return False
    items: Any = document
    for key in path.split("."):
        items = items.get(key) if isinstance(items, dict) else None
    if not isinstance(items, list) or len(items) < 2 or not all(isinstance(each, dict) for each in items):
        return False
    layout.words |= {"type": "json", "items": path}
    layout.note(
        f"CHECK: one JSON document with {len(items)} objects at {path}; if it is one record, type: ndjson", False
    )
    return True


def _one_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _more_than_one(text: str) -> bool:
    """Does another object follow the first one?"""
    start = text.lstrip()
    try:
        _, end = json.JSONDecoder().raw_decode(start)
    except (ValueError, RecursionError):
        return False
    return start[end:].lstrip().startswith("{")


def _by_name(value: dict[str, Any], layout: Layout) -> bool:
    """Is it an object of records by name? They have labels in common."""
    first = next(iter(value.values()), None)
    records = [each[0] if isinstance(each, list) and each else each for each in value.values()]
    if len(records) < 2 or not all(isinstance(each, dict) for each in records):
        return False
    common = set.intersection(*(set(each) for each in records))
    if not common or isinstance(first, list) != all(isinstance(each, list) for each in value.values()):
        return False
    label = next(each for each in ("key", "name", "id", "object_key") if not any(each in one for one in records))
    layout.words |= {"type": "json", "keyAs": label}
    names = ", ".join(list(value)[:2])
    layout.note(
        f"CHECK: an object of records by name, such as {names}: the name is the field {label}; if the whole is one "
        "record, concatenated: true instead of keyAs",
        sure=False,
    )
    return True


def _w3c(layout: Layout, delimiter: str) -> Layout:
    """IIS, Zeek and others that tell their fields in a comment, again wherever they change."""
    kind = {"type": "tsv"} if delimiter == "\t" else {"type": "csv", "delimiter": delimiter, "quoteChar": ""}
    layout.words |= {**kind, "commentChar": "#", "commentedHeader": True}
    layout.log = True
    layout.note("the labels stand behind #Fields, in the last such line above a record")
    return layout


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _items_path(text: str) -> str | None:
    """The dotted path down to the first array of objects: the keys whose objects are open where it stands."""
    found = _ITEMS.search(text)
    if found is None:
        return None
    path: list[str] = []
    for token in re.finditer(r'"((?:[^"\\]|\\.)*)"\s*:\s*\{|"(?:[^"\\]|\\.)*"|([{}])', text[: found.start()]):
        if token[1] is not None:
            path.append(token[1])
        elif token[2] == "}" and path:
            path.pop()
    return ".".join([*path, found[1]])


def _comment_char(lines: Sequence[str]) -> str | None:
    commented = sum(line.startswith("#") for line in lines)
    if commented and commented < len([line for line in lines if line.strip()]):
        return "#"
    first = next((line for line in lines if line.strip()), "")
    return first[0] if first[:1] in (";", "%", "!") else None


def _log(records: Sequence[str], layout: Layout) -> Layout | None:
    best = max((_tried(records, each) for each in _DELIMITERS), key=lambda each: each.score)
    found = log_of(records, best.width > 1 and best.share >= MOSTLY)
    if found is None:
        return None
    layout.words |= found.words
    layout.log = True
    layout.note(found.seen, found.sure)
    return layout


def _lines(layout: Layout, why: str) -> Layout:
    layout.words |= {"type": "regex", "pattern": WHOLE_LINE}
    layout.note(whole(why))
    return layout


def _table(lines: Sequence[str], records: Sequence[str], layout: Layout) -> Layout:
    best = max((_tried(records, delimiter) for delimiter in _DELIMITERS), key=lambda each: each.score)
    if best.width < 2 or best.share < MOSTLY:
        rare = max((_tried(records, delimiter) for delimiter in _RARE_DELIMITERS), key=lambda each: each.score)
        best = rare if rare.width > 1 and rare.share == 1 else best
    if best.width < 2 and any(each in line for line in records for each in (",", '"')):
        return _lines(layout, "no delimiter makes columns of these lines")
    if best.width < 2 or best.share < MOSTLY * MOSTLY:
        spaced = Counter(len(re.split(r"[ \t]+", line.strip(" \t"))) for line in records).most_common(1)[0]
        if spaced[0] > 1 and spaced[1] >= MOSTLY * len(records):
            return _spaced(spaced[0], records[0], layout)
        best = _tried(records, ",") if best.width < 2 else best
    if best.width > 1 and best.share < MOSTLY and wider_first(best):
        best = replace(best, width=len(best.rows[0]), share=1 / len(best.rows))
    return _with(best, lines, layout)


def _with(best: Tried, lines: Sequence[str], layout: Layout) -> Layout:
    """What is between delimiters, in words."""
    name = {"\t": "TAB", "\x1f": "U+001F", "\x01": "U+0001"}.get(best.delimiter, best.delimiter)
    layout.words["type"] = "tsv" if best.delimiter == "\t" else "csv"
    if best.delimiter not in ",\t":
        layout.words["delimiter"] = best.delimiter
    if best.width > 1:
        layout.note(f"{best.share:.0%} of the records have {best.width} cells between {name}", best.share >= MOSTLY)
    else:
        layout.note("one value a line")
    if best.quote != ("" if best.delimiter == "\t" else '"'):
        layout.words["quoteChar"] = best.quote
    if best.escape:
        layout.words["escapeChar"] = best.escape
        layout.note(f"quotes inside cells stand behind {best.escape}")
    if best.spaced:
        layout.words["skipInitialSpace"] = True
    found = header(lines, best, layout.words.get("commentChar"))
    layout.words |= found.words
    for text, sure in found.seen:
        layout.note(text, sure)
    if any(not line.strip() for line in lines[:-1]):
        layout.words["blankRows"] = "skip"
        layout.note("blank lines among the records do not count")
    return layout


def _spaced(width: int, first: str, layout: Layout) -> Layout:
    layout.words["type"] = "regex"
    cells = r"\s+".join(rf"(?P<col{number + 1}>\S+)" for number in range(width))
    layout.words["pattern"] = rf"\s*{cells}\s*"
    layout.note(f"{width} words on a line, blanks between them; name the groups as you like")
    if all(map(is_label, first.split())):
        layout.note("CHECK: the first line may be labels: it is a record here", sure=False)
    return layout


def _tried(records: Sequence[str], delimiter: str) -> Tried:
    single = sum(line.count("'" + delimiter + "'") for line in records) > len(records) // 2
    quote = "'" if single and not any('"' in line for line in records) else '"'
    if delimiter == "\t" and not _quoted_cells(records):
        quote = ""
    escape = "\\" if quote == '"' and any('\\"' in line for line in records) else ""
    spaced = sum(line.count(delimiter + " ") for line in records) >= MOSTLY * sum(
        line.count(delimiter) for line in records
    ) and any(delimiter + " " in line for line in records)
    rows = [row for row in cells_of(records, delimiter, quote, escape, spaced) if row]
    width, times = Counter(map(len, rows)).most_common(1)[0]
    return Tried(delimiter, quote, escape, spaced, rows, width, times / len(rows))


def _quoted_cells(records: Sequence[str]) -> bool:
    """Whether the quotes between TABs are around cells: in most lines that have any."""
    quoted = [line for line in records if '"' in line]
    around = sum(bool(re.search(r'(?:^|\t)"(?:[^"]|"")*"(?:\t|$)', line)) for line in quoted)
    return around * 2 > len(quoted)
