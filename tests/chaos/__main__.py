"""`make chaos`: plays schedules of faults and says what each brought; the exit code is the verdict.

run: the schedules of seeds. show: what a seed's schedule does. faults: each fault on its own, for docs/faults.md.
mutations: takes each guard out of a copy of the packages, to see who notices.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from chaos.directed import cases, row, with_rows
from chaos.lanes import play_all
from chaos.mutations import run_mutations
from chaos.outcome import Outcome, exit_code
from chaos.plan import Plan, plan_of
from chaos.report import line_of, summary, too_few


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="play schedules")
    run.add_argument("--schedules", type=int, default=3)
    run.add_argument("--seed", type=int, default=7, help="of the first schedule; the others follow")
    run.add_argument("--lanes", type=int, default=2, help="schedules side by side, each on servers of its own")
    run.add_argument("--certain", default="", help="faults, with commas: one of them strikes in each schedule")
    run.add_argument("--long", action="store_true", help="that one for up to minutes")
    run.add_argument("--expires", action="store_true", help="rows expire in every schedule, not in each sixth only")
    run.add_argument("--least-kills", type=int, default=0, help="by INSERT and COMMIT, and by COMMIT and ack")
    show = commands.add_parser("show", help="say what a seed's schedule does")
    show.add_argument("--seed", type=int, required=True)
    faults = commands.add_parser("faults", help="measure each fault on its own")
    faults.add_argument("--only", default="", help="those whose name has this in it")
    faults.add_argument("--lanes", type=int, default=2)
    faults.add_argument("--write", type=Path, help="put the table into this document")
    mutations = commands.add_parser("mutations", help="take out each guard and see who notices")
    mutations.add_argument("--only", default="", help="those whose name has this in it")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if options.command == "mutations":
        return run_mutations(options.only)
    if options.command == "faults":
        return measure(options.only, options.lanes, options.write)
    if options.command == "show":
        print("\n".join(plan_of(options.seed).names))
        return 0
    certain = tuple(each for each in options.certain.split(",") if each)
    seeds = range(options.seed, options.seed + options.schedules)
    plans = [plan_of(each, certain, options.long, options.expires) for each in seeds]
    return run_schedules(plans, options.lanes, options.least_kills)


def run_schedules(plans: Sequence[Plan], lanes: int, least_kills: int) -> int:
    """Play them; the exit code is that of outcome.py, or 1 where too few were killed."""
    outcomes: list[Outcome] = []
    try:
        for outcome in play_all(plans, lanes):
            outcomes.append(outcome)
            print(line_of(outcome), flush=True)
    except SystemExit:  # asked to end before all were played
        print(summary(outcomes), flush=True)
        raise
    missing = too_few(outcomes, least_kills)
    for each in missing:
        print(f"chaos: {each}")
    print(summary(outcomes), flush=True)
    return 1 if missing else exit_code(outcomes)


def measure(only: str, lanes: int, document: Path | None) -> int:
    """Play each fault on its own, print the rows of the table, and write them. The exit code is that of outcome.py, or
    1 where a batch was taken from a worker that lived."""
    wanted = [case for case in cases() if any(only in plan.label for plan in case.plans)]
    outcomes = {}
    for outcome in play_all([plan for case in wanted for plan in case.plans if only in plan.label], lanes):
        outcomes[outcome.plan.label] = outcome
        print(line_of(outcome), flush=True)
    rows = {
        case.name: row(case, [outcomes[plan.label] for plan in case.plans if plan.label in outcomes]) for case in wanted
    }
    print("\n".join(rows.values()))
    if document is not None:
        document.write_text(with_rows(document.read_text(), rows))
    taken = any(each.unexplained for each in outcomes.values())
    return 1 if taken else exit_code(outcomes.values())


if __name__ == "__main__":
    sys.exit(main())
