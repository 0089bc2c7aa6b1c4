"""A schedule is a pure function of its seed, and the seeds of CI hold what CI has to show."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest

from chaos.faults.table import BY_NAME, FAULTS
from chaos.plan import How, plan_of
from dcp_pipeline.observe.phases import Phase

CI_SEEDS = range(19, 49)


def test_the_same_seed_gives_the_same_plan() -> None:
    assert plan_of(7) == plan_of(7)
    assert plan_of(7) != plan_of(8)


@pytest.mark.parametrize("seed", range(200))
def test_no_target_is_struck_twice_at_a_time(seed: int) -> None:
    for first, second in combinations(plan_of(seed).strikes, 2):
        assert first.target != second.target or second.at_seconds > first.at_seconds + first.seconds


def test_a_feed_that_takes_files_away_never_meets_a_queue_that_forgets() -> None:
    plans = [plan_of(seed) for seed in range(300)]
    assert any(each.withdraws for each in plans)
    assert not [each.seed for each in plans if each.withdraws and any(BY_NAME[s.fault].forgets for s in each.strikes)]


def test_ci_kills_between_insert_and_commit_and_between_commit_and_acknowledgement() -> None:
    dooms = [life.doom for seed in CI_SEEDS for role in plan_of(seed).roles for life in role.lives if life.doom]
    kills = Counter(doom.phase for doom in dooms if doom.how is How.KILL)
    assert kills[Phase.INSERTED] >= 15
    assert kills[Phase.COMMITTED] >= 15


def test_ci_meets_every_fault_of_the_table() -> None:
    struck = {strike.fault for seed in CI_SEEDS for strike in plan_of(seed).strikes}
    assert struck == {each.name for each in FAULTS}


def test_ci_kills_and_stops_at_every_phase() -> None:
    dooms = [life.doom for seed in CI_SEEDS for role in plan_of(seed).roles for life in role.lives if life.doom]
    assert {doom.phase for doom in dooms} == set(Phase)
    assert {doom.how for doom in dooms} == set(How)


def test_rows_expire_in_some_schedules_of_ci_and_in_all_where_it_is_asked_for() -> None:
    assert sum(plan_of(seed).expires for seed in CI_SEEDS) >= 4
    assert all("rows-expire" in plan_of(seed, expires=True).names for seed in CI_SEEDS)
    assert plan_of(6).strikes == plan_of(6, expires=True).strikes
