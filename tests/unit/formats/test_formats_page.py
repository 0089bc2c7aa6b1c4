"""Every example of docs/formats.md does what the page says."""

from __future__ import annotations

import csv
import io
import re
import tarfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.csv
import pyarrow.parquet
import pytest
import yaml

from dcp_pipeline.spec.words.format import FormatType
from support.batches import format_of
from support.reading import read_file

PAGE = (Path(__file__).parents[3] / "docs" / "formats.md").read_text()
EXAMPLES: list[tuple[str, str, str, str, str]] = re.findall(
    r"```yaml format\n(.*?)```\s+```\w+ in(?: as )?([^\n]*)\n(.*?)```\s+```csv out([^\n]*)\n(.*?)```", PAGE, re.DOTALL
)


def as_workbook(text: str) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in csv.reader(text.splitlines()):
        book.active.append([_typed(cell) for cell in row])
    book.save(out)
    return out.getvalue()


def _typed(cell: str) -> Any:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", cell):
        return date.fromisoformat(cell)
    return int(cell) if cell.isdigit() else cell


def as_parquet(text: str) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(io.BytesIO(text.encode())), out)
    return out.getvalue()


def as_archive(text: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in (("README", "read me"), ("a.csv", text)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
    return out.getvalue()


PACK: dict[str, Callable[[str], bytes]] = {
    "": str.encode, "xlsx": as_workbook, "parquet": as_parquet, "tar.gz": as_archive,
}  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=[each[0].strip() for each in EXAMPLES])
def test_an_example_does_what_it_says(example: tuple[str, str, str, str, str]) -> None:
    words, packing, given, counts, wanted = example
    labels, *rows = csv.reader(wanted.splitlines())
    result = read_file(PACK[packing](given), format_of(**yaml.safe_load(words)), *labels)
    assert [[cell or "" for cell in row] for row in result.values] == rows
    assert len(result.rejects) == int(counts.strip().removeprefix("rejected=") or 0)


def test_every_type_has_an_example() -> None:
    shown = {yaml.safe_load(words)["type"] for words, *_ in EXAMPLES}
    assert shown == set(FormatType.__args__)  # type: ignore[attr-defined]
