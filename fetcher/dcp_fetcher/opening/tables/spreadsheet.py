"""A sheet of an Excel workbook (.xlsx) as ndjson: a row is a line, its cells by the labels of the first row.

A workbook is held in memory while it is read, hence the cap. Numbers without a fraction are written without one, dates
as ISO 8601; errors (`#N/A`) and formulas without a value as text (workbook_cells.py finds them).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from python_calamine import CalamineError, CalamineWorkbook, SheetMetadata, SheetTypeEnum, SheetVisibleEnum

from dcp_fetcher.cutting.header import HeaderError
from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.ground.labels_met import LabelsMet
from dcp_fetcher.opening.decompress import Readable
from dcp_fetcher.opening.spool import Generated, spooled
from dcp_fetcher.opening.tables.workbook_area import check_area
from dcp_fetcher.opening.tables.workbook_cells import Place, Told, has_values, odd_cells
from dcp_pipeline.spec.formats.xlsx import Xlsx
from dcp_pipeline.spec.words.format import Format

LONGEST_BYTES = 64 << 20
_ROWS_PER_PIECE = 500
_SHEETS_TOLD = 5
_MOMENTS = (datetime.date, datetime.time)
_LONGEST_WHOLE = 1e21
"""Greater numbers are written with an exponent."""


def sheet_lines(stream: Readable, form: Format, met: LabelsMet) -> Readable:
    """The rows of format.sheet. read() raises DamagedError where it is no workbook, or has no such sheet."""
    return Generated(lambda: _lines(stream, form, met))


def _lines(stream: Readable, form: Format, met: LabelsMet) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    with spooled(stream, LONGEST_BYTES, "xlsx") as path:
        check_area(path)
        rows = _rows(path, form, met)
    labels = _labels(rows, form, met)
    piece: list[bytes] = []
    for row in rows:
        record = _record(labels, row)
        piece.append(encoder.encode(record) if record else b"")
        if len(piece) == _ROWS_PER_PIECE:
            yield b"\n".join(piece) + b"\n"
            piece = []
    if piece:
        yield b"\n".join(piece) + b"\n"


def _rows(path: Path, form: Format, met: LabelsMet) -> Iterator[list[Any]]:
    try:
        workbook = CalamineWorkbook.from_path(str(path))
        wanted = form.own(Xlsx).sheet
        if wanted is not None and wanted not in workbook.sheet_names:
            raise DamagedError(f"there is no sheet {wanted!r}; there are: {', '.join(workbook.sheet_names)}")
        sheet = workbook.get_sheet_by_name(wanted or _first(workbook.sheets_metadata, path, met))
        table = sheet.to_python(skip_empty_area=False)
    except CalamineError as error:
        raise DamagedError(f"it cannot be read as an Excel workbook: {error}") from error
    return iter(_with_times(_with_odd(table, odd_cells(path, sheet.name, _has_no_moments(table)))[form.skip_rows :]))


def _first(sheets: Sequence[SheetMetadata], path: Path, met: LabelsMet) -> str:
    """The first sheet that is shown, where there is one; that others with values are not read is told."""
    tables = [each for each in sheets if each.typ == SheetTypeEnum.WorkSheet] or list(sheets)
    shown = [each.name for each in tables if each.visible == SheetVisibleEnum.Visible]
    name, *others = shown or [each.name for each in tables]
    if not_read := [each for each in others if has_values(path, each)]:
        named = ", ".join(not_read[:_SHEETS_TOLD])
        met.told.append(
            f"only its sheet {name!r} is read, of {1 + len(not_read)} with values: format.sheet; not {named}"
        )
    return name


def _with_odd(table: list[list[Any]], odd: Mapping[Place, Told]) -> list[list[Any]]:
    """The table with what its reader has left out or rounded. Dates are numbers too: those stay."""
    for (row, column), told in odd.items():
        while len(table) <= row:
            table.append([])
        cells = table[row]
        cells += [""] * (column + 1 - len(cells))
        if told.number and (type(cells[column]) in (int, float) or (told.moment and _is_no_moment(cells[column]))):
            cells[column] = msgspec.Raw(told.text.encode())
        elif not told.number and cells[column] == "":
            cells[column] = told.text
    return table


def _has_no_moments(table: list[list[Any]]) -> bool:
    return any(_is_no_moment(cell) for row in table for cell in row if isinstance(cell, _MOMENTS))


def _is_no_moment(cell: Any) -> bool:
    """May it be what the reader makes of a number that is no moment? Of those before 1900 it makes a time of day."""
    return isinstance(cell, datetime.time) or (
        isinstance(cell, datetime.date) and (cell.year, cell.month, cell.day) == (1900, 2, 28)
    )


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


def _labels(rows: Iterator[list[Any]], form: Format, met: LabelsMet) -> Sequence[str]:
    """From the first row that has a value; where the format has no header, none of the rows is used up.

    Of a label that stands there twice, and that nobody wants, the later ones are colN.
    """
    if not form.header:
        return form.labels
    for row in rows:
        labels = [_label(cell) for cell in row]
        if any(labels):
            named = [label for number, label in enumerate(labels) if label not in labels[:number]]
            twice = {label for label in named if label and labels.count(label) > 1 and met.wants(label)}
            if twice:
                raise HeaderError(f"labels stand twice in the sheet's header: {', '.join(sorted(twice))}")
            met.meet(tuple(filter(None, named)))
            return ["" if label in labels[:number] else label for number, label in enumerate(labels)]
    return ()


def _label(cell: Any) -> str:
    plain = _plain(cell) if cell != "" else ""
    return (bytes(plain).decode() if isinstance(plain, msgspec.Raw) else str(plain)).strip()


def _record(labels: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    """Cells by label, empty ones left out; those without label are colN."""
    cells = {}
    for number, cell in enumerate(row):
        label = labels[number] if number < len(labels) else ""
        if cell != "":
            cells[label or f"col{number + 1}"] = _plain(cell)
    return cells


def _plain(cell: Any) -> Any:
    if isinstance(cell, datetime.timedelta):
        return _plain(cell.total_seconds())
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _LONGEST_WHOLE:
        return int(Decimal(repr(cell)))  # its own digits: int() would tell those of the binary fraction
    return cell.isoformat() if isinstance(cell, datetime.date | datetime.time) else cell
