"""`make chaos-cluster`: rounds of faults on the cluster, each on a stage of its own; the exit code is the verdict.

Nobody else should use the cluster meanwhile: a drain closes its node.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from kubernetes import config

from chaos.verdict import Verdict
from e2e.chaos.plan import strikes_of
from e2e.chaos.play import Outcome, last_line, play
from e2e.chaos.scene import Scene, scene_on
from e2e.cluster import settings
from e2e.operator.kube import Kube
from e2e.support.forward import kubectl
from e2e.support.stage import staged

STORIES = Path(__file__).parents[3] / "build" / "e2e-chaos"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="e2e.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="of the first round; the others follow")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    kubeconfig = Path(os.environ.get("KUBECONFIG") or settings.read().kubeconfig)
    cluster = Kube(config.new_client_from_config(str(kubeconfig)), "default")
    outcomes = []
    for seed in range(options.seed, options.seed + options.rounds):
        print(f"seed {seed}: {', '.join(each.fault for each in strikes_of(seed))}", flush=True)
        outcomes.append(one_round(cluster, kubectl(kubeconfig), seed))
    print(last_line(outcomes), flush=True)
    return 0 if all(each.verdict.good for each in outcomes) else 1


def played(scene: Scene, seed: int) -> Outcome:
    """Play it; where it fails, what went on is kept."""
    try:
        outcome = play(scene, seed)
    except AssertionError as unplayable:
        outcome = Outcome(seed, (), Verdict(findings=[f"could not be played: {unplayable}"]), 0.0)
    if not outcome.verdict.good:
        STORIES.mkdir(parents=True, exist_ok=True)
        (STORIES / f"{seed}.txt").write_text(scene.stage.story())
    return outcome


def one_round(cluster: Kube, command: list[str], seed: int) -> Outcome:
    """Play it on a fresh stage. Where it fails: what was found, and how to play it again."""
    with tempfile.TemporaryDirectory() as folder, staged(cluster, command, "chaos") as stage:
        try:
            with scene_on(stage, Path(folder), cordons=True) as scene:
                outcome = played(scene, seed)
        except AssertionError as unplayable:
            outcome = Outcome(seed, (), Verdict(findings=[f"there was no scene: {unplayable}"]), 0.0)
    for each in outcome.verdict.findings:
        print(f"  - {each}")
    if not outcome.verdict.good:
        print(f"  again: make chaos-cluster ROUNDS=1 SEED={seed}; what went on: build/e2e-chaos/{seed}.txt")
    told = "ok" if outcome.verdict.good else "FAILED"
    print(f"seed {seed}: {told}, {outcome.verdict.records:,} records, {outcome.seconds:.0f} s", flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
