"""Tables by Rich: as wide as the terminal, or as they need to be where a program reads; colours on a terminal only."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dcp_pipeline.observe.printable import printable_cell, readable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_NO_TERMINAL_COLUMNS = 10_000
_BETWEEN = 2
"""Blanks between two columns."""
_FOLDED_COLUMNS = 24
"""To how few columns a long text is folded; addresses of files in fewer are unreadable."""


def show_table(rows: Sequence[Sequence[str]], header: Sequence[str], styles: Mapping[str, str] | None = None) -> None:
    """Print columns, numbers to the right; on a terminal that is too narrow for them each row as `narrow` has it.
    `styles`: of the cells that hold just this text, on a terminal.
    """
    from rich.table import Table
    from rich.text import Text

    where = console()
    if _least_width(rows, header) > where.width:
        for line in (line for row in rows for line in narrow(row, header, where.width)):
            text = Text(line)
            for word, style in (styles or {}).items():
                text.highlight_regex(rf"(?<!\S){re.escape(word)}(?!\S)", style)
            where.print(text, soft_wrap=True)
        return
    shown = Table(box=None, pad_edge=False, padding=(0, _BETWEEN, 0, 0), header_style="bold")
    for n, name in enumerate(header):
        numbers = bool(rows) and all(_is_number(row[n]) for row in rows)
        shown.add_column(name, justify="right" if numbers else "left", no_wrap=numbers, overflow="fold")
    for row in rows:
        shown.add_row(*(_cell(each, styles or {}) for each in row))
    where.print(shown)


def narrow(row: Sequence[str], header: Sequence[str], columns: int) -> Iterator[str]:
    """A row in as many lines as it needs: each cell behind its column's name, but the first; what is empty or 0 is left
    out. What is longer than a line has one of its own."""
    from rich.cells import cell_len

    named = zip(("", *header[1:]), (printable_cell(readable(cell)) for cell in row), strict=True)
    line = ""
    for piece in (f"{name} {cell}".strip() for name, cell in named if cell not in ("", "0")):
        if line and cell_len(line) + _BETWEEN + cell_len(piece) > columns:
            yield line
            line = " " * _BETWEEN + piece
        else:
            line = f"{line}{' ' * _BETWEEN}{piece}" if line else piece
    if line:
        yield line


def _least_width(rows: Sequence[Sequence[str]], header: Sequence[str]) -> int:
    """Below this a table is no more to be read: numbers are whole, and texts not folded smaller than they bear."""
    from rich.cells import cell_len

    widths = 0
    for n, name in enumerate(header):
        widest = max(cell_len(readable(each)) for each in (name, *(row[n] for row in rows)))
        widths += widest if all(_is_number(row[n]) for row in rows) else min(widest, _FOLDED_COLUMNS)
    return widths + _BETWEEN * (len(header) - 1)


def console(err: bool = False) -> Console:
    """Where people read. Rich leaves colours out where that is no terminal, or NO_COLOR is set."""
    from rich.console import Console

    class Ours(Console):
        def on_broken_pipe(self) -> None:
            """Rich would end the process with 1; whoever runs a command knows better (errors.pipe_closed)."""
            raise BrokenPipeError

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else _NO_TERMINAL_COLUMNS
    return Ours(file=stream, width=width, highlight=False, markup=False, emoji=False)


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
