"""The independent oracle: what rows and rejects the botnet example must give, by plain Python.

It shares no code with the product and takes its rules from the documentation alone (docs/formats.md, the example's
YAML written out by hand below). Slow and simple on purpose.
"""

from __future__ import annotations

import gzip
import ipaddress
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import maxminddb

from oracle.quotes import records

MISSING = {"", "-", "NULL"}
Row = tuple[str, str, int | None, str | None, str, str | None]
"""seen_at, src_ip, src_port, dst_ip, family, src_country."""
Identity = tuple[str, str, str | None, str]
Outcome = Row | str
"""The row that a record gives, or the code of its reject."""


@dataclass
class Expected:
    """What must come out."""

    read: int = 0
    rejects: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    """(file name, record number from 1, code)."""
    candidates: dict[Identity, set[Row]] = field(default_factory=lambda: defaultdict(set))
    valid: int = 0

    def add(self, name: str, number: int, outcome: Outcome) -> None:
        """Count a record of a file, by its number from 1."""
        self.read += 1
        if isinstance(outcome, str):
            self.rejects[name, number, outcome] += 1
        else:
            self.valid += 1
            self.candidates[outcome[0], outcome[1], outcome[3], outcome[4]].add(outcome)

    @property
    def written(self) -> int:
        return len(self.candidates)

    @property
    def duplicates(self) -> int:
        return self.valid - self.written

    @property
    def rejected(self) -> int:
        return sum(self.rejects.values())


def expect(paths: list[Path], country_database: Path) -> Expected:
    """Read the files one by one, whole, and say what must come of them."""
    expected = Expected()
    with maxminddb.open_database(str(country_database)) as countries:
        for path in paths:
            raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            for number, outcome in enumerate(outcomes(raw, countries), start=1):
                expected.add(path.name, number, outcome)
    return expected


def outcomes(raw: bytes, countries: maxminddb.Reader) -> Iterator[Outcome]:
    """What must become of each record of a file, in their order."""
    found = records(raw.decode("latin-1"))
    header = next(found).cells
    assert header is not None
    for each in found:
        yield "row-error" if each.cells is None else _record(header, each.cells, countries)


def _record(header: list[str], cells: list[str], countries: maxminddb.Reader) -> Outcome:
    """The row, or the code of the reject."""
    try:
        cells = [cell.encode("latin-1").decode("utf-8") for cell in cells]
    except UnicodeDecodeError:
        return "encoding-error"
    if any("\0" in cell for cell in cells):
        return "encoding-error"
    if not any(cells):
        return "blank-row"
    if len(cells) != len(header):
        return "missing-cell" if len(cells) < len(header) else "extra-cell"
    record = dict(zip(header, cells, strict=True))
    try:
        seen_at = _needed(_moment(_value(record["timestamp"].strip())))
        src_ip = _needed(_address(_value(record["src_ip"].strip())))
        src_port = _port(_value(record["src_port"].strip()))
        dst_ip = _address(_value(record["dst_ip"].strip()))
        family = _needed(_value(record["infection"].strip().lower() if record["infection"] not in MISSING else ""))
    except TypeError:
        return "type-error"
    except ValueError:
        return "constraint-error"
    if len(family) > 100:
        return "constraint-error"
    found = countries.get(src_ip)
    return seen_at, src_ip, src_port, dst_ip, family, found["country_code"] if found else None


def _value(cell: str) -> str | None:
    return None if cell in MISSING else cell


def _needed(value: str | None) -> str:
    """A required value: absent is a broken constraint (ValueError)."""
    if value is None:
        raise ValueError
    return value


def _moment(cell: str | None) -> str | None:
    if cell is None:
        return None
    try:
        return datetime.strptime(cell, "%Y-%m-%d %H:%M:%S").isoformat(" ")
    except ValueError as error:
        raise TypeError from error


def _address(cell: str | None) -> str | None:
    if cell is None:
        return None
    try:
        return str(ipaddress.ip_address(cell))
    except ValueError as error:
        raise TypeError from error


def _port(cell: str | None) -> int | None:
    if cell is None:
        return None
    if not cell.lstrip("+-").isdecimal():
        raise TypeError
    if not 0 <= int(cell) <= 65535:
        raise ValueError
    return int(cell)
