"""Workbooks, Parquet and JSON from files to the table, as users start a run: the labels that the fetcher records are
those that a worker believes."""

from __future__ import annotations

import io
import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from support.dcp_process import dcp

SPEC: dict[str, Any] = {
    "apiVersion": "datacleaning.io/v1beta1",
    "kind": "DataCleaningPipeline",
    "metadata": {"name": "tables"},
    "spec": {
        "sources": [
            {"name": type_, "file": {"path": f"a.{type_}"}, "format": {"type": type_}}
            for type_ in ("xlsx", "parquet", "ndjson", "json")
        ],
        "cleaning": {
            "fields": [
                {"name": "id", "from": ["id", "ID"], "type": "decimal", "precision": 20, "scale": 0},
                {"name": "amount", "type": "decimal", "precision": 20, "scale": 2},
                {"name": "note"},
            ],
            "unique": ["id"],
        },
    },
}
IDS = [18446744073709551615, 1413617112501850121]


def write(folder: Path) -> None:
    book, sheet = openpyxl.Workbook(), io.BytesIO()
    for row in (["ID", "amount"], ["1", "=1/0"], ["2", "12345678901234567.89"], []):
        book.active.append(row)
    book.save(sheet)
    (folder / "a.xlsx").write_bytes(sheet.getvalue())
    amounts = pa.array([Decimal("12345678901234567.89"), Decimal("-0.10")], pa.decimal128(20, 2))
    pq.write_table(
        pa.table({"id": pa.array(IDS, pa.uint64()), "amount": amounts, "note": ["a", "b"]}), folder / "a.parquet"
    )
    (folder / "a.ndjson").write_text('{"id": 3, "amount": 1.10, "note": "c"}\n{"id": 3, "amount": 1, "note": "d"}\n')
    (folder / "a.json").write_text('[{"id": 9007199254740993, "amount": 90071992547409.93, "note": null}]')
    (folder / "spec.yaml").write_text(json.dumps(SPEC))


def test_tables_and_json_arrive_digit_for_digit(tmp_path: Path) -> None:
    write(tmp_path)
    code, process = dcp(tmp_path, "run", "spec.yaml", "--once", "-o", "json")
    assert code == 0, process.err()
    with sqlite3.connect(tmp_path / "tables.db") as connection:
        rows = set(connection.execute("SELECT id, amount, note FROM tables"))
    assert rows == {
        ("2", "12345678901234567.89", None),
        ("18446744073709551615", "12345678901234567.89", "a"),
        ("1413617112501850121", "-0.10", "b"),
        ("3", "1.10", "c"),
        ("9007199254740993", "90071992547409.93", None),
    }
    answer = process.answer()
    assert (answer["read"], answer["duplicates"], answer["rejected"]) == (7, 1, 1)
    remarks = [each["reason"] for each in answer["objects"] if each["uri"].endswith("xlsx")]
    assert remarks == ["labels that are not there, so that their fields are empty: note"]
    code, status = dcp(tmp_path, "status", "spec.yaml")
    assert "labels:" in status.out()
