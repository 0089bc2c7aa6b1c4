"""A sheet of an Excel workbook (.xlsx) as ndjson: a row is a line, its cells by the labels of the first row.

A workbook is held in memory while it is read, hence the cap. Numbers without a fraction are written without one, dates
as ISO 8601.
"""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from python_calamine import CalamineError, CalamineWorkbook

from dcp_fetcher.cutting.header import HeaderError
from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.opening.decompress import Readable
from dcp_fetcher.opening.spool import Generated, spooled
from dcp_pipeline.spec.format import Format

LONGEST_BYTES = 64 << 20
LONGEST_UNPACKED_BYTES = 1 << 30
_ROWS_PER_PIECE = 500


def sheet_lines(stream: Readable, form: Format) -> Readable:
    """The rows of format.sheet. read() raises DamagedError where it is no workbook, or has no such sheet."""
    return Generated(lambda: _lines(stream, form))


def _lines(stream: Readable, form: Format) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    with spooled(stream, LONGEST_BYTES, "xlsx") as path:
        _check_size(path)
        rows = _rows(str(path), form)
    labels = _labels(rows, form)
    piece: list[bytes] = []
    for row in rows:
        record = _record(labels, row)
        piece.append(encoder.encode(record) if record else b"")
        if len(piece) == _ROWS_PER_PIECE:
            yield b"\n".join(piece) + b"\n"
            piece = []
    if piece:
        yield b"\n".join(piece) + b"\n"


def _check_size(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError) as error:
        raise DamagedError(f"it cannot be read as an Excel workbook (.xlsx): {error}") from error
    if unpacked > LONGEST_UNPACKED_BYTES:
        raise DamagedError(f"the workbook unpacks to {unpacked} bytes; {LONGEST_UNPACKED_BYTES} are read at most")


def _rows(path: str, form: Format) -> Iterator[list[Any]]:
    try:
        workbook = CalamineWorkbook.from_path(path)
        if form.sheet is not None and form.sheet not in workbook.sheet_names:
            raise DamagedError(f"there is no sheet {form.sheet!r}; there are: {', '.join(workbook.sheet_names)}")
        sheet = workbook.get_sheet_by_name(form.sheet) if form.sheet else workbook.get_sheet_by_index(0)
        table = sheet.to_python(skip_empty_area=False)
    except CalamineError as error:
        raise DamagedError(f"it cannot be read as an Excel workbook: {error}") from error
    return iter(_with_times(table[form.skip_rows :]))


def _with_times(table: list[list[Any]]) -> list[list[Any]]:
    """A column of moments, of which midnights come as dates, as moments all over."""
    moments = {
        number for row in table for number, cell in enumerate(row) if isinstance(cell, datetime.datetime)
    }  # fmt: skip
    for row in table:
        for number in moments.intersection(range(len(row))):
            cell = row[number]
            if isinstance(cell, datetime.date) and not isinstance(cell, datetime.datetime):
                row[number] = datetime.datetime.combine(cell, datetime.time())
    return table


def _labels(rows: Iterator[list[Any]], form: Format) -> Sequence[str]:
    """From the first row that has a value; where the format has no header, none of the rows is used up."""
    if not form.header:
        return form.labels
    for row in rows:
        labels = [str(_plain(cell) if cell != "" else "").strip() for cell in row]
        if any(labels):
            twice = {label for label in labels if label and labels.count(label) > 1}
            if twice:
                raise HeaderError(f"labels stand twice in the sheet's header: {', '.join(sorted(twice))}")
            return labels
    return ()


def _record(labels: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    """Cells by label, empty ones left out; those without label are colN."""
    cells = {}
    for number, cell in enumerate(row):
        label = labels[number] if number < len(labels) else ""
        if cell != "":
            cells[label or f"col{number + 1}"] = _plain(cell)
    return cells


def _plain(cell: Any) -> Any:
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, datetime.timedelta):
        return cell.total_seconds()
    return cell.isoformat() if isinstance(cell, datetime.date | datetime.time) else cell
