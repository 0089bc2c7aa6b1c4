"""The guards stand where the mutations look for them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chaos.guards.guard import SEEDS_TRIED, Catcher, Mutation
from chaos.mutations import MUTATIONS, ROOT, TRIES, mutated, notices
from chaos.outcome import UNPLAYED, Outcome, exit_code, unplayable
from chaos.plan import plan_of
from chaos.verdict import Verdict

BAD, GOOD = Outcome(plan_of(1), Verdict(findings=["a row is lost"])), Outcome(plan_of(1), Verdict())
STARVED = unplayable(plan_of(1), "its database did not start")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name.split(":")[0])
def test_each_guard_can_be_taken_out_and_has_someone_to_notice(mutation: Mutation, tmp_path: Path) -> None:
    environment = mutated(mutation, tmp_path)
    assert environment["PYTHONPATH"].startswith(str(tmp_path))
    catchers = list(mutation.catchers())
    assert 1 <= len(catchers) <= SEEDS_TRIED
    assert all((ROOT / word).exists() for each in catchers for word in each.arguments if word.endswith(".py"))


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [([GOOD], 0), ([GOOD, BAD], 1), ([STARVED, GOOD], UNPLAYED), ([STARVED, BAD], 1)],
    ids=["good", "bad", "unplayable", "both"],
)
def test_a_schedule_that_could_not_be_played_is_no_verdict(outcomes: list[Outcome], code: int) -> None:
    assert exit_code(outcomes) == code


@pytest.mark.parametrize(
    ("code", "noticed", "times"), [(0, False, 1), (1, True, 1), (UNPLAYED, False, TRIES), (4, False, 1), (5, False, 1)]
)
def test_only_a_bad_verdict_or_a_failed_test_notices_that_a_guard_is_missing(
    code: int, noticed: bool, times: int, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    program = f"import sys; open({str(count)!r}, 'a').write('x'); sys.exit({code})"
    assert notices(Catcher("a catcher", ("-c", program)), os.environ) is noticed
    assert count.read_text() == times * "x"
