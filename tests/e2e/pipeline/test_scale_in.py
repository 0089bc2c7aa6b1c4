"""Scaling in, over and over while there is work: who works is not stopped while somebody idle stands."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

from e2e.support.stage import Stage, wait_for
from e2e.support.stopped import watched
from e2e.support.timed_items import items_of, prepare, slow_pipeline

SCALE_INS = 50
MOST = 4
SCALING = {
    "minReplicas": 1,
    "maxReplicas": MOST,
    "backlogPerWorker": 1,
    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
}


@pytest.mark.timeout(1500)
def test_over_fifty_scale_ins_under_load_no_busy_worker_is_stopped_while_an_idle_one_stands(
    stage: Stage, tmp_path: Path
) -> None:
    prepare(stage)
    document = slow_pipeline(stage.kube.namespace, SCALING)
    stage.start(document)
    chance = random.Random(7)
    put = 0
    with items_of(stage, document) as items, watched(stage.kube, items) as seen:
        for wave in itertools.count():
            if seen.scale_ins >= SCALE_INS:
                break
            # One long batch in each wave: somebody works all the time, while the others run out of work.
            seconds = [6.0, *(chance.choice((0.2, 0.5, 1.0)) for _ in range(MOST))]
            items.put(seconds)
            put += len(seconds)
            wait_for(lambda: items.queue.stats().backlog <= 1, f"wave {wave} to be worked off", 120)
        wait_for(lambda: items.queue.stats().backlog == 0, "the rest", 60)
        stats = items.queue.stats()
    held = [each for each in seen.stops if each.held]
    print(
        f"{seen.scale_ins} scale-ins, {len(seen.stops)} pods stopped, {len(held)} of them while holding a batch, "
        f"{len(seen.unfair)} of those while an idle one stood"
    )
    assert seen.stops
    assert seen.unfair == []
    assert (stats.dead, stats.done) == (0, put)
    books = stage.dcp("verify", document, tmp_path)
    assert (books["findings"], books["written"]) == ([], put)
