"""Tests lie as the product does: tests/unit/<component>/<wing>, tests/integration/<component>/<wing>."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WINGS = sorted(
    (part.parent.name, wing.parent.name) for part in ROOT.glob("*/dcp_*") for wing in part.glob("*/__init__.py")
)
ELSEWHERE = {
    "cli/backup": "integration/backup",
    "cli/commands": "integration/cli",
    "cli/dialects": "integration/doctor",
    "cli/doctor": "integration/doctor",
    "cli/ledger": "integration/cli/test_objects.py",
    "cli/page": "integration/ui",
    "fetcher/gauges": "integration/fetcher/test_labels.py",
    "fetcher/publishing": "integration/fetcher/test_recovery.py",
    "operator/forgetting": "faults/test_deletion.py",
    "operator/cluster": "unit/operator/test_operator.py",
    "operator/ground": "unit/operator/test_parts.py",
    "pipeline/verify": "integration/pipeline/ledger/test_verify.py",
    "ui/drawing": "unit/ui",
    "ui/ground": "unit/ui",
    "ui/guard": "unit/ui",
    "ui/pages": "unit/ui",
    "ui/reading": "unit/ui",
    "ui/words": "unit/ui",
}
"""Wings that are tried with others: by whole commands, whole looks, a cluster or a database."""


def folder_of(component: str, wing: str) -> list[Path]:
    found = [ROOT / "tests" / kind / component / wing for kind in ("unit", "integration")]
    return [each for each in found if list(each.glob("test_*.py"))]


@pytest.mark.parametrize(("component", "wing"), WINGS)
def test_each_wing_has_tests_where_they_are_looked_for(component: str, wing: str) -> None:
    named = ELSEWHERE.get(f"{component}/{wing}")
    assert (ROOT / "tests" / named).exists() if named else folder_of(component, wing)


def test_nothing_is_named_elsewhere_that_is_not_there_or_has_a_folder() -> None:
    wings = {f"{component}/{wing}" for component, wing in WINGS}
    assert set(ELSEWHERE) <= wings
    assert [each for each in ELSEWHERE if folder_of(*each.split("/"))] == []
