"""Amounts and ids as Python's csv and decimal modules read them, beside what a run has in its table: digit for digit."""

from __future__ import annotations

import csv
import json
import sqlite3
from decimal import Decimal, InvalidOperation, localcontext
from pathlib import Path
from random import Random

from support.dcp_process import dcp

SCALE, DIGITS = 4, 25
SPEC = {
    "apiVersion": "datacleaning.io/v1beta1",
    "kind": "DataCleaningPipeline",
    "metadata": {"name": "amounts"},
    "spec": {
        "sources": [{"name": "f", "file": {"path": "in.csv"}}],
        "cleaning": {
            "fields": [
                {"name": "n", "type": "integer"},
                {"name": "amount", "type": "decimal", "precision": DIGITS, "scale": SCALE},
            ],
            "unique": ["amount"],
        },
    },
}


def written(random: Random) -> str:
    """An amount as somebody might write it, and now and then none."""
    digits = "".join(random.choice("0123456789") for _ in range(random.randint(1, 24)))
    sign = random.choice(["", "", "-", "+"])
    point = random.randint(0, len(digits))
    shapes = [
        digits,
        f"{digits[:point]}.{digits[point:]}",
        f"{digits[:8]}e{random.randint(-6, 9)}",
        f"00{digits}.0",
        "n/a",
        "--1",
    ]
    return sign + random.choice(shapes)


def expected(cells: list[str]) -> tuple[set[str], int, int]:
    """(amounts in the table, records rejected, duplicates); read by rules of docs/cleaning.md alone."""
    seen: set[Decimal] = set()
    rejected = duplicates = 0
    for cell in cells:
        try:
            amount = Decimal(cell)
        except InvalidOperation:
            rejected += 1
            continue
        with localcontext() as context:
            context.prec = 100
            scaled = amount.scaleb(SCALE)
            fits = scaled == scaled.to_integral_value() and abs(amount) < 10 ** (DIGITS - SCALE)
        if not fits:
            rejected += 1
        elif amount in seen:
            duplicates += 1
        else:
            seen.add(amount)
    return {format(abs(each) if each == 0 else each, f".{SCALE}f") for each in seen}, rejected, duplicates


def test_amounts_are_those_that_the_decimal_module_reads(tmp_path: Path) -> None:
    random = Random(20261129)
    cells = [written(random) for _ in range(1_000)]
    cells += cells[:50]
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("n", "amount"), *enumerate(cells)])
    (tmp_path / "spec.yaml").write_text(json.dumps(SPEC))
    code, process = dcp(tmp_path, "run", "spec.yaml", "--once", "-o", "json")
    assert code == 0, process.err()
    with sqlite3.connect(tmp_path / "amounts.db") as connection:
        stored = [amount for (amount,) in connection.execute("SELECT amount FROM amounts")]
    amounts, rejected, duplicates = expected(cells)
    answer = process.answer()
    assert (set(stored), len(stored)) == (amounts, len(amounts))
    assert (answer["rejected"], answer["duplicates"]) == (rejected, duplicates)
