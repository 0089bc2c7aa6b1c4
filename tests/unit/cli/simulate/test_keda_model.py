"""The model of KEDA and the HPA: golden traces for the corner cases of their formulas, and what was measured of them."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import mean

import pytest

from dcp_cli.simulate.autoscaler import Phases, phases
from dcp_cli.simulate.keda import Hpa, Keda, KedaSettings
from dcp_cli.simulate.play import Played, play
from dcp_cli.simulate.trace import load_trace
from dcp_cli.simulate.world import Physics, Seen
from dcp_pipeline.scaling.model import Bounds

BOUNDS = Bounds(least=0, most=10, fallback=0)
WITH_BEHAVIOR = KedaSettings(down_window_seconds=300.0)
MEASURED = Physics(service_seconds=1.0, startup_seconds=1.2, stop_seconds=0.5)
"""As on the real cluster: KEDA 2.21 on Kubernetes 1.34, 200 batches of one second at 0 replicas."""


def hpa(settings: KedaSettings, metrics: Iterable[int], current: int, bounds: Bounds = BOUNDS) -> list[int]:
    """What the HPA says at one sync after the other, each 15 s after the last, for these queue lengths."""
    model, numbers = Hpa(settings, bounds), []
    for index, metric in enumerate(metrics):
        current = model.decide(15.0 * index, metric, current)
        numbers.append(current)
    return numbers


@pytest.mark.parametrize(
    ("settings", "metrics", "current", "numbers"),
    [
        pytest.param(KedaSettings(), [200] * 4, 1, [4, 8, 10, 10], id="without behavior: 4, or twice as many"),
        pytest.param(WITH_BEHAVIOR, [200] * 3, 1, [5, 10, 10], id="with behavior: 4 pods or 100 % in 15 s"),
        pytest.param(WITH_BEHAVIOR, [200] * 3, 6, [10, 10, 10], id="and never above the maximum"),
        pytest.param(KedaSettings(), [55, 45], 10, [10, 10], id="a ratio of 1.1 or 0.9 is within tolerance"),
        pytest.param(KedaSettings(), [22], 4, [4], id="exactly on the tolerance"),
        pytest.param(KedaSettings(), [23], 4, [5], id="just above it"),
        pytest.param(KedaSettings(), [0], 0, [0], id="at 0 the HPA is off"),
        pytest.param(KedaSettings(), [0] * 22, 3, [3] * 20 + [1, 1], id="the first number seen holds for 300 s"),
        pytest.param(KedaSettings(), [30] + [0] * 21, 3, [6] * 20 + [1, 1], id="the greatest wish"),
        pytest.param(KedaSettings(down_window_seconds=30.0), [50, 0, 0, 0], 10, [10, 10, 1, 1], id="a window of 30 s"),
        pytest.param(KedaSettings(down_window_seconds=0.0), [50, 15, 0], 10, [10, 3, 1], id="no window: at once"),
        pytest.param(KedaSettings(), [0], 12, [10], id="above the maximum: to it, without asking the queue"),
    ],
)
def test_the_hpa_follows_its_formulas(
    settings: KedaSettings, metrics: list[int], current: int, numbers: list[int]
) -> None:
    assert hpa(settings, metrics, current) == numbers


def seen(waiting: int, wanted: int) -> Seen:
    return Seen(waiting, 0, 0, wanted, wanted)


def test_keda_brings_the_first_pod_at_a_poll_and_leaves_the_others_to_the_hpa() -> None:
    keda = Keda(KedaSettings(), BOUNDS, Phases(0.0, 0.5))
    assert (keda.due(), keda.act(0.0, seen(0, 0))) == (0.0, 0)
    assert (keda.due(), keda.act(7.5, seen(200, 0))) == (7.5, 0), "a sync at 0 changes nothing"
    assert keda.act(22.5, seen(200, 0)) == 0
    assert (keda.due(), keda.act(30.0, seen(200, 0))) == (30.0, 1)
    assert (keda.due(), keda.act(37.5, seen(200, 1))) == (37.5, 4)


def test_keda_takes_the_last_pods_once_the_cooldown_is_over_straight_to_0() -> None:
    keda = Keda(KedaSettings(polling_seconds=10.0, cooldown_seconds=20.0), BOUNDS, Phases(0.0, 0.999))
    wanted = [keda.act(now, seen(waiting, 4)) for now, waiting in ((0.0, 1), (10.0, 0), (14.985, 0), (20.0, 0))]
    assert wanted == [4, 4, 4, 4], "20 s are not more than 20 s"
    keda.act(29.985, seen(0, 4))
    assert keda.act(30.0, seen(0, 4)) == 0


def burst(settings: KedaSettings) -> list[Played]:
    return [play(load_trace("burst"), Keda(settings, BOUNDS, each), MEASURED) for each in phases(16)]


def test_the_model_with_defaults_agrees_with_what_was_measured_on_a_cluster() -> None:
    played = burst(KedaSettings())
    assert mean(each.tally.pod_seconds for each in played) == pytest.approx(3119, rel=0.1)
    assert 37.5 <= mean(each.tally.last_done - 60 for each in played) <= 74.1, "the range of ten runs"
    assert 34.8 <= mean(reached(each, 10) for each in played) <= 72.7
    assert mean(each.tally.gone_at - 60 for each in played) == pytest.approx(342.9, rel=0.1)


def test_the_tuned_model_agrees_with_what_was_measured_on_a_cluster() -> None:
    played = burst(KedaSettings(5, polling_seconds=2.0, cooldown_seconds=30.0, down_window_seconds=30.0))
    assert mean(each.tally.pod_seconds for each in played) == pytest.approx(396, rel=0.1)
    assert 30.9 <= mean(each.tally.last_done - 60 for each in played) <= 40.7, "the range of ten runs"
    assert 17.3 <= mean(reached(each, 10) for each in played) <= 28.8
    assert mean(each.tally.gone_at - 60 for each in played) == pytest.approx(65.3, rel=0.1)


def reached(played: Played, pods: int) -> float:
    """Seconds from the burst until so many were wanted."""
    return next(at for at, wanted in played.tally.changes if wanted >= pods) - 60
