"""Numbers as people write them: what stands around one, and what makes another number of it."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from dcp_worker.clean.types.types import parser
from support.batches import field_of


def number(text: str, **words: Any) -> float | None:
    field = field_of(**{"type": "number", "bareNumber": False, "groupChar": ",", **words})
    value: float | None = parser(field, "f")(pl.Series("v", [text])).item()
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(53,180.08)", -53180.08),
        ("GBP (53,180.08)", -53180.08),
        ("(USD 7)", -7.0),
        ("(7) EUR", -7.0),
        ("1,200.00-", -1200.0),
        ("5.00 -", -5.0),
        ("-$5.00", -5.0),
        ("- $5.00", -5.0),
        ("$-5.00", -5.0),
        ("\u22125.00", -5.0),
        ("\u20135.00 kn", -5.0),
        ("$ 1,234.50 CR", 1234.5),
        ("12.50 %", 12.5),
        ("-40 \u00b0C", -40.0),
        ("90 km/h", 90.0),
        ("12 m\u00b2", 12.0),
        ("Rs. 500", 500.0),
        ("+3 dB", 3.0),
        ("1e3 kg", 1000.0),
        ("\u20ac.5", 0.5),
    ],
)
def test_the_number_among_words_and_currencies_keeps_its_sign(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "<5", ">5", "~5", "\u2264 5", "\u00b15", "5\u00b11", "=5", "minus 5", "less than 5", "up to 5", "ca. 5", "max 5",
        "3 of 7", "10/4", "1.5-2.5", "v1.2.3", "2024-01-02", "1 234,50", "1,5", "(5", "5)", "(-5)", "-(5)", "--5", "-5-",
        "$1.2M", "1.2 million", "5 k", "3 Mrd EUR", "Rs.500", "USD.5", "EUR", "", "\u0663", "5:30", "#",
    ],
)  # fmt: skip
def test_what_is_another_number_or_none_is_rejected(text: str) -> None:
    assert number(text) is None


def test_units_and_signs_stand_around_groups_of_every_kind() -> None:
    assert number("(1.234,5 \u20ac)", groupChar=".", decimalChar=",") == -1234.5
    assert number("1\u202f234,5- CHF", groupChar=" ", decimalChar=",") == -1234.5
    assert number("(12 St\u00fcck)", type="integer") == -12
    assert number("1.2 St\u00fcck", type="integer") is None
