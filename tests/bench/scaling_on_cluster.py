"""`make bench-scaling`: this operator and KEDA, each scaling the same workers on the same burst, on a real cluster.

    PYTHONPATH=tests python -m bench.scaling_on_cluster [--rounds 10] [--contestants ours keda-default keda-tuned]

The cluster is that of `make cluster-up`, with `make images images-load`. KEDA is built from its Go module (15 minutes,
once) and installed beside. Workers, queue and batches are the same for all (e2e/support/timed_items.py says how a batch
takes a second). For KEDA our operator is stopped, and a ScaledObject in KEDA's own words is put on the index of all
batches that are not done: a plain list would not show KEDA what is in flight. Prints a table, writes
build/bench-scaling.json.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from statistics import median
from typing import Any

from kubernetes import config

from bench.burst import Figures, burst
from bench.keda_scaling import keda_installed, keda_scales
from bench.outage import Outage, outage
from bench.usage import Steal
from e2e.cluster import settings
from e2e.operator.kube import Kube
from e2e.support.botnet import Document
from e2e.support.forward import kubectl
from e2e.support.stage import Stage, staged, wait_for
from e2e.support.timed_items import Items, items_of, prepare, slow_pipeline

CONTESTANTS = ("ours", "keda-default", "keda-tuned")
RESULT = Path(__file__).parents[2] / "build" / "bench-scaling.json"
OUTAGE_FLOOR = 4
Rows = dict[str, list[dict[str, Any]]]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=1.0, help="that each item takes")
    parser.add_argument("--long-items", type=int, default=50, help="of 40 s, in one more round; 0: none")
    parser.add_argument("--most", type=int, default=10, help="workers")
    parser.add_argument("--outage", type=float, default=60.0, help="seconds that Redis' port is closed; 0: none")
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=CONTESTANTS)
    options = parser.parse_args(arguments)
    here = settings.read()
    command = kubectl(here.kubeconfig)
    cluster = Kube(config.new_client_from_config(str(here.kubeconfig)), "default")
    if any(each.startswith("keda") for each in options.contestants):
        keda_installed(here, cluster, command)
    results: dict[str, Any] = {"options": vars(options)}
    with staged(cluster, command, "bench-scaling") as stage:
        document = slow_pipeline(stage.kube.namespace, scaling={"minReplicas": 0, "maxReplicas": options.most})
        document["spec"]["scaling"]["fallback"] = {"replicas": OUTAGE_FLOOR}
        prepare(stage)
        stage.start(document)
        with items_of(stage, document) as items:
            for name in options.contestants:
                with _scaled_by(name, stage, document):
                    results[name] = _measured(name, stage, items, options)
                RESULT.parent.mkdir(exist_ok=True)
                RESULT.write_text(json.dumps(results, indent=1))
    return 0


def _measured(name: str, stage: Stage, items: Items, options: argparse.Namespace) -> Rows:
    rows: list[Figures] = []
    for number in range(options.rounds):
        steal = Steal()
        rows.append(burst(stage, items, options.items, options.seconds, options.most))
        stolen = f"{steal.share():.0%} of the machine's CPU time stolen"
        print(f"{name} {number + 1}/{options.rounds}: {_line(rows[-1])} ({stolen})", flush=True)
    print(as_text(f"{name}: {options.items} items of {options.seconds:g} s, most {options.most}", rows), flush=True)
    long_rows: list[Figures] = []
    if options.long_items:
        long_rows = [burst(stage, items, options.long_items, 40.0, options.most)]
        print(as_text(f"{name}: {options.long_items} items of 40 s", long_rows), flush=True)
    outages: list[Outage] = []
    if options.outage:
        outages = outage(stage, items, options.outage, lambda: _run(name, stage, 0), lambda: _run(name, stage, 1))
        for each in outages:
            print(f"{name}: {each}", flush=True)
    return {"burst": _dicts(rows), "long": _dicts(long_rows), "outage": [asdict(each) for each in outages]}


@contextmanager
def _scaled_by(name: str, stage: Stage, document: Document) -> Iterator[None]:
    """The workers in the hands of one contestant, beginning with none of them."""
    if name == "ours":
        wait_for(lambda: stage.replicas() == 0, "no worker", 120)
        yield
        return
    stage.run_operators(0)
    stage.kube.patch("Deployment", "botnet-worker", {"spec": {"replicas": 0}})
    with keda_scales(stage.kube, document, tuned=name == "keda-tuned"):
        yield
    stage.kube.patch("Deployment", "botnet-worker", {"spec": {"replicas": 0}})
    stage.run_operators(1)


def _run(name: str, stage: Stage, count: int) -> None:
    """The contestant's own process, so that work can be put that nobody sees."""
    if name == "ours":
        stage.run_operators(count)
        return
    kube = stage.kube.in_namespace("keda")
    kube.patch("Deployment", "keda-operator", {"spec": {"replicas": count}})
    wait_for(lambda: (kube.get("Deployment", "keda-operator") or {})["status"].get("replicas", 0) == count, "KEDA", 120)


def as_text(title: str, rows: Sequence[Figures]) -> str:
    """A table: median, 95th percentile, least and greatest of each figure."""
    lines = [title, f"{'':18}{'median':>10}{'95 %':>10}{'least':>10}{'greatest':>10}"]
    for each in fields(Figures):
        values = sorted(value for row in rows if (value := getattr(row, each.name)) is not None)
        shown = [median(values), _percentile(values, 0.95), values[0], values[-1]] if values else []
        missing = f"  ({len(rows) - len(values)} never)" if len(values) < len(rows) else ""
        lines.append(f"{each.name:18}" + "".join(f"{value:10.1f}" for value in shown) + missing)
    return "\n".join(lines)


def _percentile(values: Sequence[float], share: float) -> float:
    """The least value that so many do not exceed."""
    return values[math.ceil(len(values) * share) - 1]


def _line(row: Figures) -> str:
    return " ".join(f"{name}={value:.1f}" for name, value in asdict(row).items() if value is not None)


def _dicts(rows: Sequence[Figures]) -> list[dict[str, Any]]:
    return [asdict(each) for each in rows]


if __name__ == "__main__":
    sys.exit(main())
