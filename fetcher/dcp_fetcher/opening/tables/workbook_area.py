"""How large a workbook's sheets are, before a reader makes room for all that lies between their first and last cell.

One cell at XFD1048576 spans 17 milliards of them: the reader asks for 549 GB, and its process is ended.
"""

from __future__ import annotations

import errno
import re
import zipfile
import zlib
from pathlib import Path

from dcp_fetcher.ground.errors import CutOffError, DamagedError

LONGEST_UNPACKED_BYTES = 1 << 30
SPARSE_CELLS = 2_000_000
"""So many cells may be spanned by however few; a span of more has to be filled to a part."""
LEAST_FILLED = 20
"""One of so many cells of a large span has to be there."""
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,3})(\d{1,9})["']""")
_PIECE_BYTES = 1 << 20
_LONGEST_REFERENCE_BYTES = 64


_ZIP, _OLE = b"PK", b"\xd0\xcf\x11\xe0"
_SHOWN_BYTES = 16


def check_area(path: Path) -> None:
    """Raises DamagedError where it is no workbook, or it or what a sheet of it spans is too large to be held."""
    with path.open("rb") as file:
        _check_begin(file.read(_SHOWN_BYTES))
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            if unpacked > LONGEST_UNPACKED_BYTES:
                raise DamagedError(
                    f"the workbook unpacks to {unpacked} bytes; {LONGEST_UNPACKED_BYTES} are read at most"
                )
            for entry in entries:
                _check_entry(archive, entry)
    except OSError as error:
        if error.errno != errno.EINVAL:  # zipfile seeks to where the bytes say
            raise
        raise CutOffError(f"it cannot be read as an Excel workbook (.xlsx): {error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise CutOffError(f"it cannot be read as an Excel workbook (.xlsx): {error}") from error


def _check_begin(head: bytes) -> None:
    if head.startswith(_OLE):
        raise DamagedError(
            "it is an Excel workbook of the old format (.xls), or one with a password: have it saved as .xlsx without"
        )
    if head and head[: len(_ZIP)] not in (_ZIP, _ZIP[:1]):
        raise DamagedError(f"it is no Excel workbook (.xlsx): it begins with {head.decode(errors='replace')!r}")


def _check_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Reads it to its end: that its size is what it says, too, which the reader takes on trust."""
    sheet = "worksheets/" in entry.filename.lower() or "sheet" in entry.filename.lower().rpartition("/")[2]
    rows = columns = cells = 0
    held = b""
    with archive.open(entry) as file:
        while data := file.read(_PIECE_BYTES):
            if not sheet:
                continue
            found = _REFERENCE.findall(held + data)
            held = data[-_LONGEST_REFERENCE_BYTES:]
            cells += len(found)
            rows = max([rows, *map(int, {digits for _, digits in found})])
            columns = max([columns, *map(_column, {letters for letters, _ in found})])
    if rows * columns > max(SPARSE_CELLS, LEAST_FILLED * cells):
        raise DamagedError(
            f"{entry.filename} spans {rows:,} rows and {columns:,} columns, of which about {cells:,} cells are there: "
            "too large to be held; remove what lies far outside of the table"
        )


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number
