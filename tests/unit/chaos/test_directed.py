"""The table of docs/faults.md has a row for every fault, and a row can be measured anew without the others."""

from __future__ import annotations

from chaos.directed import cases, row, with_rows
from chaos.faults.table import FAULTS
from chaos.outcome import Outcome
from chaos.verdict import Verdict

HEAD = "# Faults\n\n| fault | meanwhile | s | again | lost | doubled |\n|---|---|---|---|---|---|\n"


def test_every_fault_of_the_table_is_played_on_its_own() -> None:
    assert {each.name for each in FAULTS} <= {case.name for case in cases()}


def test_no_two_plans_share_a_folder() -> None:
    labels = [plan.label for case in cases() for plan in case.plans]
    assert len(labels) == len(set(labels))


def test_a_row_spans_the_plans_of_its_case() -> None:
    case = cases()[0]
    outcomes = [
        Outcome(case.plans[0], Verdict(lost=1), recovery_seconds=0.5),
        Outcome(case.plans[0], Verdict(), recovery_seconds=2.0, repeated=3),
    ]
    assert row(case, outcomes) == f"| `{case.name}` | {case.meanwhile} | 0.5-2.0 | 0-3 | 1 | 0 |"


def test_rows_that_are_measured_again_take_their_old_places() -> None:
    first, second, third = (case.name for case in cases()[:3])
    document = f"{HEAD}| `{first}` | old |\n| `{third}` | old |\n\nAfter it.\n"
    renewed = with_rows(document, {second: f"| `{second}` | new |", third: f"| `{third}` | new |"})
    assert renewed == f"{HEAD}| `{first}` | old |\n| `{second}` | new |\n| `{third}` | new |\n\nAfter it.\n"
