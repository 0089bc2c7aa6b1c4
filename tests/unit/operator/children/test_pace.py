"""At which pace a release of the operator renews pipelines' pods."""

from __future__ import annotations

from dcp_operator.children.pace import PLACE_SECONDS, Pace
from dcp_operator.ground.names import PipelineKey

A, B, C, D = (PipelineKey("n", name) for name in "abcd")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.called: list[tuple[PipelineKey, float]] = []

    def pace(self, at_once: int, delay: float = 0.0) -> Pace:
        return Pace(at_once, delay, lambda: self.now, lambda key, seconds: self.called.append((key, seconds)))


def test_so_many_at_once_and_then_the_next_in_the_order_of_asking() -> None:
    clock = Clock()
    pace = clock.pace(2)
    assert [pace.may(each) for each in (A, B, C, D, A)] == [True, True, False, False, True]
    assert (pace.waits(C), pace.waits(A)) == (True, False)
    pace.wants_none(B, out=False)
    assert not pace.may(D)
    pace.wants_none(B, out=True)
    assert clock.called == [(C, 0.0)]
    assert (pace.may(C), pace.may(D)) == (True, False)
    assert not pace.waits(C)


def test_outside_of_the_windows_nobody_begins_and_who_has_begun_goes_on() -> None:
    clock, closed = Clock(), [0.0]
    pace = Pace(
        2, 0.0, lambda: clock.now, lambda key, seconds: clock.called.append((key, seconds)), opens_in=lambda: closed[0]
    )
    assert pace.may(A)
    closed[0] = 60.0
    assert (pace.may(A), pace.may(B)) == (True, False)
    assert pace.waits(B)
    assert clock.called == [(B, 60.0)]
    closed[0] = 0.0
    assert pace.may(B)


def test_a_place_stays_empty_for_the_delay() -> None:
    clock = Clock()
    pace = clock.pace(1, delay=30.0)
    assert (pace.may(A), pace.may(B)) == (True, False)
    pace.wants_none(A, out=True)
    assert clock.called == [(B, 30.0)]
    assert not pace.may(B)
    clock.now += 30.0
    assert pace.may(B)


def test_one_whose_pods_never_come_up_has_its_place_for_a_while_only() -> None:
    clock = Clock()
    pace = clock.pace(1)
    assert (pace.may(A), pace.may(B)) == (True, False)
    clock.now += PLACE_SECONDS
    assert pace.may(B)


def test_one_that_is_gone_or_that_people_change_waits_no_longer_and_gives_its_place_away() -> None:
    clock = Clock()
    pace = clock.pace(1)
    assert [pace.may(each) for each in (A, B, C)] == [True, False, False]
    pace.wants_none(B, out=False)
    pace.done(A)
    assert clock.called == [(C, 0.0)]
    assert not pace.waits(B)


def test_who_begins_to_lead_goes_on_from_what_the_cluster_shows() -> None:
    clock, shown = Clock(), [A, B]
    pace = Pace(2, 0.0, lambda: clock.now, lambda key, seconds: clock.called.append((key, seconds)), lambda: shown)
    assert (pace.may(C), pace.may(A)) == (False, True), "two are on their way, and one of them has yet another change"
    pace.wants_none(B, out=True)
    assert clock.called == [(C, 0.0)]
    assert (pace.may(C), pace.may(D)) == (True, False)
    shown = [D]
    pace.begin_anew()
    assert (pace.waits(D), pace.may(A), pace.may(B)) == (False, True, False)


def test_who_has_a_place_by_what_the_cluster_shows_loses_it_in_time_too() -> None:
    clock = Clock()
    pace = Pace(1, 0.0, lambda: clock.now, lambda key, seconds: None, lambda: [A, B, C])
    assert not pace.may(D)
    clock.now += PLACE_SECONDS + 1
    assert pace.may(D)


def test_before_it_is_known_who_is_on_the_way_nobody_goes() -> None:
    clock = Clock()
    known: list[list[PipelineKey] | None] = [None]
    pace = Pace(1, 0.0, lambda: clock.now, lambda key, seconds: clock.called.append((key, seconds)), lambda: known[0])
    assert not pace.may(A)
    assert pace.waits(A)
    assert [key for key, seconds in clock.called if seconds > 0] == [A], "it is asked again"
    known[0] = []
    assert pace.may(A)
