"""Whether what became of an example is what it wants, in words."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from dcp_cli.examples.model import Example, Refused
from dcp_cli.examples.play import differences, same
from dcp_pipeline.ledger.model import Reject
from dcp_worker.clean.preview import PreviewRecord

ROW = PreviewRecord(1, 2, {}, {"a": 1, "b": None}, None)
REJECTED = PreviewRecord(1, 2, {}, None, Reject(1, 2, "type-error", "'x' is no integer", "a", 0, b"", 0, ""))
FILTERED = PreviewRecord(1, 2, {}, None, None, True)
DUPLICATE = PreviewRecord(2, 3, {}, None, None)


@pytest.mark.parametrize(
    ("example", "records", "told"),
    [
        (Example(given="", out={"a": 1}), [ROW], []),
        (Example(given="", out={"a": 1, "b": None}), [ROW], []),
        (Example(given="", out={"a": 2}), [ROW], ["a: wanted: 2; it is 1"]),
        (Example(given="", out={"b": "x"}), [ROW], ["b: wanted: x; it is null"]),
        (Example(given="", out={"a": 1}), [], ["there is no record in it"]),
        (
            Example(given="", out={"a": 1}),
            [REJECTED],
            ["record 1: wanted: a row; it is rejected (type-error in a: 'x' is no integer)"],
        ),
        (Example(given="", out=[{"a": 1}]), [ROW, ROW], ["wanted: 1 rows; there are 2"]),
        (Example(given="", out=[{"a": 1}, {"a": 3}]), [ROW, ROW], ["row 2: a: wanted: 3; it is 1"]),
        (Example(given="", reject=Refused()), [REJECTED], []),
        (Example(given="", reject=Refused(code="type-error", field="a", reason="no integer")), [REJECTED], []),
        (
            Example(given="", reject=Refused(code="constraint-error")),
            [REJECTED],
            ["code of the reject: wanted: constraint-error; it is type-error ('x' is no integer)"],
        ),
        (Example(given="", reject=Refused()), [ROW], ["wanted: a reject; it is a row: a=1, b=null"]),
        (Example(given="", dropped="duplicate"), [ROW, DUPLICATE], []),
        (Example(given="", dropped="filtered"), [FILTERED], []),
        (Example(given="", dropped="filtered"), [DUPLICATE], ["wanted: filtered; it is duplicate"]),
    ],
)
def test_what_is_not_as_wanted_is_told(example: Example, records: list[PreviewRecord], told: list[str]) -> None:
    assert list(differences(example, records)) == told


@pytest.mark.parametrize(
    ("have", "want", "equal"),
    [
        (Decimal("1.50"), "1.5", True),
        (Decimal("1.50"), 1.5, True),
        (5, "five", False),
        (datetime(2026, 10, 1, 10), "2026-10-01 10:00:00", True),
        (datetime(2026, 10, 1, 10), "2026-10-01T10:00:00Z", True),
        (datetime(2026, 10, 1, 10), "2026-10-01 10:00:01", False),
        (date(2026, 10, 1), "2026-10-01", True),
        (True, True, True),
        (True, "true", False),
        (1, True, False),
        (None, "", False),
        ("007", 7, False),
        ("2.50", 2.5, True),
        ("-0.00", 0, True),
        ("2.50", 2.51, False),
        ("é", "é", True),
    ],
)
def test_values_are_compared_as_yaml_writes_them(have: Any, want: Any, equal: bool) -> None:
    assert same(have, want) is equal
