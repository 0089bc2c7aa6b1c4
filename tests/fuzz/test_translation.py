"""Files that are made into lines before they are cut (JSON arrays, tables, other encodings): lines, or DamagedError."""

from __future__ import annotations

import io
import json

import openpyxl
import polars as pl
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.opening.as_lines import as_lines
from dcp_fetcher.opening.decompress import Peekable
from dcp_pipeline.spec.model import Format
from fuzz.mutations import damaged
from fuzz.records import CLEANING, outcome_of, size
from fuzz.test_decompression import Arriving, lengths_of_reads
from support.batches import format_of

RECORDS = [{"a": "one", "b": 1, "x": {"y": 1.5}}, {"a": "é\n", "b": None}, {"b": 2**40, "f": True}]


def workbook() -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in (["a", "b", "d"], ["one", 1, 2.5], [None, True, "2026-11-22"], ["=1+1", "", None]):
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def parquet() -> bytes:
    out = io.BytesIO()
    pl.DataFrame({"a": ["one", None, "three"], "b": [1, 2, 3], "e": [[1], [], None]}).write_parquet(out)
    return out.getvalue()


LISTED = json.dumps(RECORDS, indent=1).encode()
CORPORA: dict[str, tuple[Format, list[bytes]]] = {
    "json": (format_of("json"), [LISTED, json.dumps(RECORDS).encode(), b"[" * 5000, b"[]", b"", b'[{}, {"a": 1e999}]']),
    "json below a path": (format_of("json", items="x.y"), [b'{"z": [1, {}], "x": {"y": ' + LISTED + b"}}", LISTED]),
    "xlsx": (format_of("xlsx"), [workbook(), b"PK\x03\x04"]),
    "parquet": (format_of("parquet"), [parquet(), b"PAR1PAR1"]),
    "utf-16": (format_of("csv", encoding="utf-16"), ["a,b\né,1\n\U0001f600,2\n".encode("utf-16"), b"\xff\xfea\0"]),
    "utf-32": (format_of("csv", encoding="utf-32"), ["a,b\né,1\n".encode("utf-32"), b"\xff\xfe\0\0a"]),
    "auto": (format_of("csv", encoding="auto"), ["a,b\né,1\n".encode(each) for each in ("utf-8", "utf-16", "cp1252")]),
}


def lines_of(raw: bytes, form: Format, lengths: list[int]) -> bytes | None:
    """The lines; None where the file is refused."""
    try:
        lines = as_lines(Peekable(Arriving(raw, lengths)), form)
        return b"".join(iter(lambda: lines.read(1 << 16), b""))
    except DamagedError:
        return None


@pytest.mark.parametrize("name", CORPORA)
@given(st.data(), lengths_of_reads)
def test_damaged_files_become_lines_or_are_refused_however_they_arrive(
    name: str, data: st.DataObject, lengths: list[int]
) -> None:
    form, corpus = CORPORA[name]
    raw = data.draw(damaged(corpus))
    whole = lines_of(raw, form, [1 << 20])
    event("refused" if whole is None else "lines")
    assert lines_of(raw, form, lengths) == whole
    if whole is not None:
        try:
            outcome = outcome_of(whole, form, size(2, 50), CLEANING)
        except DamagedError:
            return
        assert outcome.read == len(outcome.rows) + len(outcome.rejects)


@pytest.mark.parametrize("name", CORPORA)
def test_the_corpus_has_files_that_are_read(name: str) -> None:
    form, corpus = CORPORA[name]
    assert lines_of(corpus[0], form, [7])
