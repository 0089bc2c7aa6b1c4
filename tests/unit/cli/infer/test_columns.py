"""Columns whose values a hasty look would change: long numbers, and codes that are words for nothing elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from dcp_cli.infer.columns import guess


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["1413617112501850121", "9223372036854775807"], {"type": "integer"}),
        (["1", "9223372036854775808"], {"type": "string"}),
        (["0.1", "0.30000000000000004"], {"type": "number"}),
        (["1.5", "12345678901234567.89"], {"type": "decimal", "precision": 38, "scale": 2}),
        (["1.234.567", "12"], {"type": "integer", "groupChar": ".", "decimalChar": ","}),
        (["1.234.567,5", "0,25"], {"type": "number", "groupChar": ".", "decimalChar": ","}),
        (["1,5", "2", "-0,125"], {"type": "number", "decimalChar": ","}),
        (["1,234", "5,678"], {"type": "integer", "groupChar": ","}),
        (["192.000.002.001", "192.168.001.255"], {"type": "string"}),
        (["012,345", "1,234"], {"type": "string"}),
        (["1e10", "2e05"], {"type": "string"}),
        (["1e-5", "2.5E+3"], {"type": "number"}),
    ],
)
def test_numbers_are_drafted_so_that_none_is_changed(values: list[str], words: dict[str, Any]) -> None:
    assert guess("v", values, ("",)).words == words


def test_na_among_codes_of_two_letters_is_a_code() -> None:
    country = guess("country", ["FR", "NA", "DE", "", "-"], ("", "-", "NA"))
    assert country.words == {"type": "string", "missingValues": ["", "-"]}
    assert country.values == ("FR", "NA", "DE", None, None)
    assert guess("name", ["Ann", "NA", "Bo"], ("", "NA")).values == ("Ann", None, "Bo")
    assert guess("n", ["1", "NA", "2"], ("", "NA")).words == {"type": "integer"}


@pytest.mark.parametrize(
    ("values", "type_", "words"),
    [
        (["1", "#N/A", "3", "", "#DIV/0!"], "integer", ["", "#N/A", "#DIV/0!"]),
        (["1.5", "#REF!", "-2.25"], "number", ["", "#REF!"]),
        (["2024-02-29", " #VALUE! ", "2024-03-01"], "date", ["", "#VALUE!"]),
    ],
)
def test_a_spreadsheets_errors_among_values_of_a_type_are_missing_there(
    values: list[str], type_: str, words: list[str]
) -> None:
    found = guess("v", values, ("",))
    assert (found.words["type"], found.words["missingValues"]) == (type_, words)
    assert f"{words[-1]} taken for missing here" in found.seen


def test_a_word_of_errors_among_texts_is_a_text() -> None:
    assert guess("note", ["see #N/A", "#N/A", "fine"], ("",)).words == {"type": "string"}
    assert guess("v", ["#N/A", "#N/A"], ("",)).words == {"type": "string"}


def test_a_texts_length_is_told_with_the_blanks_that_are_read_too() -> None:
    assert "of up to 7 with the blanks" in guess("note", ["  ab   ", "abc"], ("",)).seen
    assert "blanks" not in guess("note", ["ab", "abc"], ("",)).seen


@pytest.mark.parametrize(
    ("values", "odd", "type_"),
    [
        ([str(n) for n in range(60)], "unknown", "integer"),
        ([f"{n}.5" for n in range(60)], "siehe Anhang", "number"),
        ([f"{n},{n:03}" for n in range(1, 60)], "many", "integer"),
        ([f"{n}%" for n in range(60)], "?", "number"),
        (["12345678901234567.89"] * 60, "tbd", "decimal"),
    ],
)
def test_a_word_among_many_numbers_does_not_make_texts_of_them(values: list[str], odd: str, type_: str) -> None:
    found = guess("v", [*values, odd], ("",))
    assert found.words["type"] == type_
    assert f"of them: not {odd!r}" in found.seen
    assert guess("v", values, ("",)).words == found.words


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["1", "2", "3", "unknown"], "75.0% of them are numbers, not 'unknown'"),
        (
            [*(str(n) for n in range(98)), "12a"],
            "99.0% of them are numbers, not '12a'",
        ),  # a digit too much to be a word
        (["192.0.2.1", "192.0.2.2", "2001:db8::1", "host"], "75.0% of them are addresses, not 'host'"),
        (["29.02.2024", "01.03.2024", "heute", "02.03.2024"], "75.0% of them are dates, not 'heute'"),
        (["02134", "10001", "90210", "94105", "x"], None),  # codes: a number would lose the 0
        (["a", "b", "1", "2"], None),
        (["1", "x"], None),
    ],
)
def test_a_text_that_would_be_of_another_type_but_for_a_few_values_is_told(values: list[str], told: str | None) -> None:
    found = guess("v", values, ("",))
    assert found.words["type"] == "string"
    assert (f"; CHECK: {told}" in found.seen) if told else "CHECK" not in found.seen


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([f"=B{n}*2" for n in range(2, 42)], True),
        (["=SUM(A1:A9)", "=-A1", "=$A$1", "=(A1)"], True),
        ([*(f"=B{n}" for n in range(39)), "Summe"], True),
        (["=====", "=B2", "text", "more"], False),
        (["= nothing", "=9", "=?utf-8?q?x?="], False),
    ],
)
def test_formulas_that_nobody_has_calculated_are_told(values: list[str], told: bool) -> None:
    made = guess("sum", values, ("",))
    assert made.words == {"type": "string"}
    assert ("CHECK" in made.seen and "formulas" in made.seen) == told
