"""`make chaos SCHEDULES=3 SEED=7`: plays schedules, says what each brought; the exit code is the verdict.

python -m chaos run --schedules 30 --seed 1 --lanes 2     # a line per schedule, a last line over all
python -m chaos show --seed 7                             # what a seed's schedule does
"""

from __future__ import annotations

import argparse
import shutil
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from chaos.plan import plan_of
from chaos.report import line_of, summary, too_few
from chaos.schedule import UNPLAYABLE, Outcome, play, unplayable
from chaos.stage import Stage, stage

LOGS = Path("build/chaos")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="play schedules")
    run.add_argument("--schedules", type=int, default=3)
    run.add_argument("--seed", type=int, default=7, help="of the first schedule; the others follow")
    run.add_argument("--lanes", type=int, default=2, help="schedules side by side, each on servers of its own")
    run.add_argument("--least-kills", type=int, default=0, help="by INSERT and COMMIT, and by COMMIT and ack")
    show = commands.add_parser("show", help="say what a seed's schedule does")
    show.add_argument("--seed", type=int, required=True)
    options = parser.parse_args(arguments)
    if options.command == "show":
        print("\n".join(plan_of(options.seed).names))
        return 0
    return run_schedules(options.seed, options.schedules, options.lanes, options.least_kills)


def run_schedules(seed: int, schedules: int, lanes: int, least_kills: int) -> int:
    """Play the schedules of the seeds from `seed` on; 0 where all are good."""
    lanes = min(lanes, schedules)
    idle: SimpleQueue[Stage] = SimpleQueue()
    outcomes: list[Outcome] = []
    with ExitStack() as stack, ThreadPoolExecutor(lanes) as pool:
        for _ in range(lanes):
            idle.put(stack.enter_context(stage()))
        for outcome in pool.map(lambda number: _one(idle, number), range(seed, seed + schedules)):
            outcomes.append(outcome)
            print(line_of(outcome), flush=True)
    missing = too_few(outcomes, least_kills)
    for each in missing:
        print(f"chaos: {each}")
    print(summary(outcomes), flush=True)
    return 0 if not missing and all(each.verdict.good for each in outcomes) else 1


def _one(idle: SimpleQueue[Stage], seed: int) -> Outcome:
    """Play one schedule on a stage that is idle; its logs stay only where it failed."""
    folder = (LOGS / str(seed)).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mine = idle.get()
    plan = plan_of(seed)
    try:
        outcome = play(mine, plan, folder)
    except UNPLAYABLE:
        outcome = unplayable(plan, traceback.format_exc())
    finally:
        idle.put(mine)
    if outcome.verdict.good:
        shutil.rmtree(folder)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
