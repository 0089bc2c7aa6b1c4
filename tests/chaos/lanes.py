"""Plays plans, several side by side, each lane on servers of its own."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from chaos.outcome import Outcome, unplayable
from chaos.plan import Plan
from chaos.schedule import UNPLAYABLE, play
from chaos.stage import Stage, stage

LOGS = Path("build/chaos")


def play_all(plans: Sequence[Plan], lanes: int) -> Iterator[Outcome]:
    """The plans' outcomes, in the plans' order."""
    idle: SimpleQueue[Stage] = SimpleQueue()
    with ExitStack() as stack, ThreadPoolExecutor(lanes) as pool:
        for _ in range(min(lanes, len(plans))):
            idle.put(stack.enter_context(stage()))
        try:
            yield from pool.map(lambda plan: _one(idle, plan), plans)
        finally:
            # Who is asked to end finishes the schedules in hand, or servers and mounts would stay.
            pool.shutdown(cancel_futures=True)


def _one(idle: SimpleQueue[Stage], plan: Plan) -> Outcome:
    """Play one plan on a stage that is idle; its logs stay only where it failed."""
    folder = (LOGS / plan.label).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mine = idle.get()
    try:
        outcome = play(mine, plan, folder)
    except UNPLAYABLE:
        outcome = unplayable(plan, traceback.format_exc())
    finally:
        idle.put(mine)
    if outcome.verdict.good:
        shutil.rmtree(folder)
    return outcome
