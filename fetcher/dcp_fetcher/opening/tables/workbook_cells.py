"""Cells of a sheet that the reader of workbooks has no value for, or only a rounded one, from the sheet's own XML.

An error (`#N/A`) and a formula without a cached value come as nothing from it, a number of 19 digits as a float. Most
sheets have none of these: then looking for them is one pass of a pattern over the bytes.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree
from xml.parsers import expat

import msgspec

from dcp_fetcher.ground.errors import DamagedError

_PIECE_BYTES = 1 << 18
_OVERLAP_BYTES = 512
_FLOAT_DIGITS = 15
_ODD = re.compile(rb"""\bt\s*=\s*["']e["']|<(?:\w+:)?f[\s/>]|>[^<]{0,200}[0-9.]{%d}""" % (_FLOAT_DIGITS + 1))
_VALUE = re.compile(rb"<(?:\w+:)?(?:v|is)[\s>]")
_ODD_MOMENT = re.compile(rb"%b|<(?:\w+:)?v>\s*(?:-|60\b)" % _ODD.pattern)
"""Before 1900, and the day that Excel has and the calendar has not."""
_RELATIONS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_PLACE = re.compile(r"([A-Z]+)([0-9]+)")
_LONGEST_PLAIN_EXPONENT = 40
_DIGITS_OF_A_FLOAT, _DIGITS_SHOWN = 17, 15
"""A float is written with so many to be read as itself again; a spreadsheet shows, and takes, so many."""

Place = tuple[int, int]
"""Row and column, from 0."""


class Told(msgspec.Struct, frozen=True):
    """What stands in a cell. `number`: it is one, to be written with all its digits; else it is a text."""

    text: str
    number: bool = False
    moment: bool = False
    """A number that is no moment, whatever its format."""


def odd_cells(path: Path, sheet: str, moments: bool = False) -> Mapping[Place, Told]:
    """Those cells of a sheet; with `moments` also numbers that are none of a calendar.

    Raises DamagedError where the workbook is not what it should be.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            name = _part_of(archive, sheet)
            if name is None or not _finds(archive, name, _ODD_MOMENT if moments else _ODD):
                return {}
            return _Sheet().read(archive, name)
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, expat.ExpatError, ValueError, OSError) as error:
        raise DamagedError(f"it cannot be read as an Excel workbook: {error}") from error


def has_values(path: Path, sheet: str) -> bool:
    """Whether a cell of the sheet has one. Raises DamagedError where the workbook is not what it should be."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = _part_of(archive, sheet)
            return name is not None and _finds(archive, name, _VALUE)
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, expat.ExpatError, ValueError, OSError) as error:
        raise DamagedError(f"it cannot be read as an Excel workbook: {error}") from error


def plain_number(written: str) -> str | None:
    """A number with all its digits, as JSON may have it; None where it is none.

    A fraction that is written with the 16 or 17 digits of a float (702981.94 as 702981.93999999994, by Excel) is that
    number of at most 15 digits which the same float is.
    """
    try:
        number = Decimal(written.strip())
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    if abs(number.adjusted()) > _LONGEST_PLAIN_EXPONENT:
        return str(number)
    digits = format(_shortest(number), "f")
    return digits.rstrip("0").removesuffix(".") if "." in digits else digits


def _shortest(number: Decimal) -> Decimal:
    if number == number.to_integral_value() or len(number.as_tuple().digits) > _DIGITS_OF_A_FLOAT:
        return number
    shortest = Decimal(repr(float(number)))
    return shortest if len(shortest.as_tuple().digits) <= _DIGITS_SHOWN else number


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """The sheet's file in the workbook."""
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 (expat expands no bombs)
    ids = [each.get(_RELATIONS) for each in book.iter() if _local(each.tag) == "sheet" and each.get("name") == sheet]
    relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    targets = {each.get("Id"): each.get("Target") or "" for each in relations}
    target = targets.get(ids[0]) if ids else None
    if not target:
        return None
    return target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)


def _finds(archive: zipfile.ZipFile, name: str, pattern: re.Pattern[bytes]) -> bool:
    before = b""
    with archive.open(name) as file:
        while piece := file.read(_PIECE_BYTES):
            if pattern.search(before + piece):
                return True
            before = piece[-_OVERLAP_BYTES:]
    return False


class _Sheet:
    """One pass over a sheet's XML."""

    def __init__(self) -> None:
        self._found: dict[Place, Told] = {}
        self._row = self._column = -1
        self._type = ""
        self._formula: list[str] | None = None
        self._value: list[str] | None = None
        self._text: list[str] | None = None

    def read(self, archive: zipfile.ZipFile, name: str) -> Mapping[Place, Told]:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        with archive.open(name) as file:
            while piece := file.read(_PIECE_BYTES):
                parser.Parse(piece, False)
        parser.Parse(b"", True)
        return self._found

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        match _local(tag):
            case "row":
                self._row = int(attributes.get("r", self._row + 2)) - 1
                self._column = -1
            case "c":
                self._column += 1
                place = _PLACE.fullmatch(attributes.get("r", ""))
                if place:
                    self._row, self._column = int(place[2]) - 1, _column(place[1])
                self._type, self._formula, self._value = attributes.get("t", "n"), None, None
            case "f":
                self._formula = self._text = []
            case "v":
                self._value = self._text = []

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _end(self, tag: str) -> None:
        match _local(tag):
            case "f" | "v":
                self._text = None
            case "c":
                told = self._told(None if self._value is None else "".join(self._value))
                if told is not None:
                    self._found[self._row, self._column] = told

    def _told(self, value: str | None) -> Told | None:
        if self._type == "e":
            return Told(value or "#ERROR!")
        if self._formula is not None and not value and (value is None or self._type == "n"):
            return Told("=" + "".join(self._formula))
        if self._type == "n" and value and (value.startswith("-") or value.partition(".")[0] == "60"):
            number = plain_number(value)
            return None if number is None else Told(number, number=True, moment=True)
        if self._type == "n" and value and sum(map(str.isdigit, value)) > _FLOAT_DIGITS:
            number = plain_number(value)
            return None if number is None else Told(number, number=True)
        return None


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _local(tag: str) -> str:
    return tag.rpartition("}")[2].rpartition(":")[2]
