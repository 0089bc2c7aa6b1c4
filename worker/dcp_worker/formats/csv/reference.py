"""Python's csv reader, with a limit of its own on the length of a cell.

`csv.field_size_limit` is one setting for the whole process, 131,072 characters by default, which is less than
a record may have. A second instance of the `_csv` extension has a second setting, so nobody else's csv changes.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Protocol, cast

LONGEST_CELL_CHARS = 2**31 - 1


class CsvRows(Protocol):
    """What csv.reader returns."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


@cache
def _private_csv() -> Any:
    spec = importlib.util.find_spec("_csv")
    if spec is None or spec.loader is None:
        raise ImportError("this Python has no _csv module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.field_size_limit(LONGEST_CELL_CHARS)
    return module


def csv_rows(lines: Iterable[str], delimiter: str) -> CsvRows:
    """Rows of lines that keep their terminators; quotes as docs/formats.md says (strict=False)."""
    return cast(CsvRows, _private_csv().reader(lines, delimiter=delimiter))


def dialect_rows(lines: Iterable[str], words: Mapping[str, Any]) -> CsvRows:
    """Rows of any dialect, in the words of the csv module."""
    return cast(CsvRows, _private_csv().reader(lines, **words))
