"""One burst on a cluster, watched: when there are how many workers, when the queue is empty, and what it cost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from kubernetes import client, watch

from e2e.operator.kube import Kube
from e2e.support.botnet import NAME, WORKERS
from e2e.support.stage import Stage, wait_for
from e2e.support.stopped import Watched, events, watched
from e2e.support.timed_items import Items

POLL_SECONDS = 0.05
LONGEST_SECONDS = 900.0


@dataclass
class Curve:
    """spec.replicas and ready pods over time, as (monotonic seconds, number)."""

    wanted: list[tuple[float, int]] = field(default_factory=list)
    ready: list[tuple[float, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Figures:
    """Seconds after the burst; None where it did not come to that."""

    scale_written: float | None
    first_ready: float | None
    at_most: float | None
    """Until as many workers were wanted as there may be."""
    queue_empty: float | None
    back_at_none: float | None
    pod_seconds: float
    """spec.replicas over time, until it is back at 0."""
    stopped_holding: int
    """Pods that were told to end while they held a batch."""
    unfair: int
    """Those of them beside which an idle one stood."""
    not_done: int
    """Batches that are dead or still there."""


def burst(stage: Stage, items: Items, count: int, seconds: float, most: int) -> Figures:
    """Put the items, and watch until there is no worker any more. There must be none at the beginning."""
    with _curve(stage.kube) as curve, watched(stage.kube, items) as seen:
        wait_for(lambda: curve.wanted and curve.wanted[-1][1] == 0, "the watch, and no worker")
        items.put([seconds] * count)
        begun = time.monotonic()
        empty = _until(lambda: items.queue.stats().backlog == 0)
        back = _until(lambda: curve.wanted[-1][1] == 0)
        left = items.queue.stats()
        wait_for(lambda: not stage.kube.list("Pod", WORKERS), "the last pod's end", 120)
    return _figures(curve, seen, begun, most, empty, back, left.backlog + left.dead)


def _until(condition: Callable[[], bool]) -> float | None:
    """When it came about; None when it has not within LONGEST_SECONDS."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        if condition():
            return time.monotonic()
        time.sleep(POLL_SECONDS)
    return None


def _figures(
    curve: Curve, seen: Watched, begun: float, most: int, empty: float | None, back: float | None, not_done: int
) -> Figures:
    def first(points: list[tuple[float, int]], least: int) -> float | None:
        return next((at - begun for at, number in points if at >= begun and number >= least), None)

    end = back if back is not None else time.monotonic()
    points = [each for each in curve.wanted if begun <= each[0] <= end] + [(end, 0)]
    held = [each for each in seen.stops if each.held]
    return Figures(
        scale_written=first(curve.wanted, 1),
        first_ready=first(curve.ready, 1),
        at_most=first(curve.wanted, most),
        queue_empty=empty - begun if empty is not None else None,
        back_at_none=back - begun if back is not None else None,
        pod_seconds=sum(number * (later - at) for (at, number), (later, _) in pairwise(points)),
        stopped_holding=len(held),
        unfair=len(seen.unfair),
        not_done=not_done,
    )


@contextmanager
def _curve(kube: Kube) -> Iterator[Curve]:
    """The workers' Deployment, watched until the block ends."""
    curve, over, stream = Curve(), threading.Event(), watch.Watch()

    def follow() -> None:
        apps, selected = client.AppsV1Api(kube.api), f"metadata.name={NAME}-worker"
        for event in events(stream, over, apps.list_namespaced_deployment, kube.namespace, field_selector=selected):
            now, found = time.monotonic(), event["raw_object"]
            curve.wanted.append((now, int(found["spec"].get("replicas", 1))))
            curve.ready.append((now, int(found.get("status", {}).get("readyReplicas", 0))))

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield curve
    finally:
        over.set()
        stream.stop()
        thread.join(15)
