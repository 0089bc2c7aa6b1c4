"""What `dcp up` does next for one pipeline."""

from __future__ import annotations

import pytest

from dcp_cli.up.steps import (
    Accept,
    Role,
    Seen,
    Standing,
    Start,
    Step,
    Stop,
    crashes_in_a_row,
    next_steps,
    pause_seconds,
)

FETCHER, WORKER = Role.FETCHER, Role.WORKER


def fetcher(pid: int = 1, generation: int = 1, stopping: bool = False) -> Seen:
    return Seen(pid, FETCHER, generation, True, stopping)


def worker(pid: int, generation: int = 1, ready: bool = True, stopping: bool = False) -> Seen:
    return Seen(pid, WORKER, generation, ready, stopping)


@pytest.mark.parametrize(
    ("standing", "steps"),
    [
        (Standing((), 1, None, 0), [Start(FETCHER, 1)]),
        (Standing((fetcher(),), 1, None, 0), []),
        (Standing((fetcher(),), 1, None, 1), [Start(WORKER, 1)]),
        (Standing((fetcher(), worker(2)), 1, None, 0), [Stop(2)]),
        (Standing((), 1, None, 1, may_start=frozenset()), []),
        # One that is stopping has the pipeline still.
        (Standing((fetcher(stopping=True),), 1, None, 0), []),
        # A change is tried beside what runs, and what runs is kept up.
        (Standing((fetcher(),), 1, 2, 0), [Start(WORKER, 2)]),
        (Standing((fetcher(), worker(3, 2, ready=False)), 1, 2, 0), []),
        (Standing((worker(3, 2, ready=False),), 1, 2, 0), [Start(FETCHER, 1)]),
        (Standing((fetcher(), worker(3, 2)), 1, 2, 0), [Accept(2)]),
        # Of a change that was refused, or overtaken by the next one.
        (Standing((fetcher(), worker(3, 2, ready=False)), 1, None, 0), [Stop(3)]),
        (Standing((fetcher(), worker(3, 2), worker(4, 3, ready=False)), 1, 3, 0), [Stop(3)]),
        # It holds: the fetcher goes, and of the workers one, beside its successor.
        (Standing((fetcher(), worker(2), worker(3), worker(4, 2)), 2, None, 2), [Stop(1), Stop(2)]),
        (
            Standing((fetcher(stopping=True), worker(2, stopping=True), worker(3), worker(4, 2)), 2, None, 2),
            [Start(WORKER, 2)],
        ),
        (Standing((fetcher(9, 2), worker(3), worker(4, 2), worker(5, 2, ready=False)), 2, None, 2), []),
        (Standing((fetcher(9, 2), worker(3), worker(4, 2), worker(5, 2)), 2, None, 2), [Stop(3)]),
        # Of no use any more.
        (Standing((fetcher(), worker(2), worker(3, stopping=True)), 1, None, 2, gone=True), [Stop(1), Stop(2)]),
    ],
)
def test_the_next_steps(standing: Standing, steps: list[Step]) -> None:
    assert next_steps(standing) == steps


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_however_many_workers_there_are_a_change_never_leaves_fewer_that_are_ready(workers: int) -> None:
    children = [fetcher(), *(worker(pid) for pid in range(10, 10 + workers))]
    current, trial, next_pid = 1, 2, 100
    for _ in range(20 * workers):
        steps = next_steps(Standing(tuple(children), current, trial, workers))
        for step in steps:
            match step:
                case Accept(generation):
                    current, trial = generation, None
                case Stop(pid):
                    children = [each for each in children if each.pid != pid]
                case Start(role, generation):
                    children.append(Seen(next_pid, role, generation, False, False))
                    next_pid += 1
        going = [each for each in children if each.role is WORKER]
        assert sum(each.ready for each in going) >= workers
        assert len(going) <= workers + 1
        if not steps:
            children = [Seen(each.pid, each.role, each.generation, True, False) for each in children]
    assert {each.generation for each in children} == {2}
    assert len(children) == workers + 1


def test_a_start_after_a_crash_waits_longer_each_time_and_a_sound_life_begins_anew() -> None:
    assert [pause_seconds(n) for n in (0, 1, 2, 3, 7, 500)] == [0, 1, 2, 4, 60, 60]
    assert crashes_in_a_row(4, lived_seconds=3) == 5
    assert crashes_in_a_row(4, lived_seconds=3600) == 1
