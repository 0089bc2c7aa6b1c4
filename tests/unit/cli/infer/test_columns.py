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
