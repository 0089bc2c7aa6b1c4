"""Tables by Rich: as wide as the terminal, or as they need to be where a program reads; colours on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dcp_pipeline.observe.printable import printable_cell, readable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_NO_TERMINAL_COLUMNS = 10_000


def show_table(rows: Sequence[Sequence[str]], header: Sequence[str], styles: Mapping[str, str] | None = None) -> None:
    """Print columns, numbers to the right. `styles`: of the cells that hold just this text, on a terminal."""
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for n, name in enumerate(header):
        numbers = bool(rows) and all(_is_number(row[n]) for row in rows)
        shown.add_column(name, justify="right" if numbers else "left", no_wrap=numbers, overflow="fold")
    for row in rows:
        shown.add_row(*(_cell(each, styles or {}) for each in row))
    console().print(shown)


def console(err: bool = False) -> Console:
    """Where people read. Rich leaves colours out where that is no terminal, or NO_COLOR is set."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else _NO_TERMINAL_COLUMNS
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def _cell(text: str, styles: Mapping[str, str]) -> Text:
    from rich.text import Text

    return Text(printable_cell(readable(text)), style=styles.get(text, ""))


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Columns as text, aligned, numbers to the right: for what is more than a table."""
    lines = [[printable_cell(readable(cell)) for cell in line] for line in (header, *rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(header))]
    right = [bool(rows) and all(_is_number(row[n]) for row in rows) for n in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").replace("-", "").replace("%", "").isdigit() or cell == ""
