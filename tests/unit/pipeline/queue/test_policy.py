from __future__ import annotations

import random

import pytest

from dcp_pipeline.queue import Job, RetryPolicy, backoff_seconds


class Highest(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return b


@pytest.mark.parametrize(("failures", "ceiling_seconds"), [(1, 5), (2, 10), (3, 20), (6, 160), (7, 300), (5000, 300)])
def test_the_ceiling_of_the_delay_doubles_up_to_the_longest(failures: int, ceiling_seconds: float) -> None:
    assert backoff_seconds(RetryPolicy(), failures, Highest()) == ceiling_seconds


def test_the_delay_is_anywhere_below_its_ceiling() -> None:
    rng = random.Random(7)
    delays = [backoff_seconds(RetryPolicy(), 3, rng) for _ in range(1000)]
    assert min(delays) < 1
    assert max(delays) > 19
    assert all(0 <= delay <= 20 for delay in delays)


@pytest.mark.parametrize(
    "settings", [{"max_attempts": 0}, {"max_crashes": 0}, {"base_delay_seconds": -1}, {"max_delay_seconds": -1}]
)
def test_a_policy_that_makes_no_sense_is_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"max_attempts|delays"):
        RetryPolicy(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(("job_id", "priority"), [("", 0), ("a", -1), ("a", 2**21)])
def test_a_job_needs_an_id_and_a_priority_that_a_score_can_hold(job_id: str, priority: int) -> None:
    with pytest.raises(ValueError, match="job"):
        Job(job_id, b"", priority)
