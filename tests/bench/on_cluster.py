"""What the benches of many objects on a cluster measure alike: what pods cost, who wrote, how soon a change is out."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubernetes import client, watch
from urllib3.exceptions import ProtocolError

from bench.usage import Steal
from e2e.operator.kube import Kube
from e2e.support.botnet import Document
from e2e.support.stage import wait_for

CHANGES_PER_SECOND = 4
SERVERS = ("kube-apiserver", "kube-controller-manager", "etcd")
"""Pods of kube-system whose work the contestants make."""


@dataclass(frozen=True)
class Sample:
    """A pod, as the kubelet counted it at a moment."""

    at: datetime
    cpu_seconds: float
    resident_bytes: int


def samples(kube: Kube) -> dict[str, Sample]:
    """NAMESPACE/POD -> what it cost so far."""
    core = client.CoreV1Api(kube.api)
    found: dict[str, Sample] = {}
    for node in core.list_node().items:
        summary = kube.read(f"/api/v1/nodes/{node.metadata.name}/proxy/stats/summary")
        for pod in summary["pods"]:
            if "usageCoreNanoSeconds" in pod.get("cpu", {}) and "rssBytes" in pod.get("memory", {}):
                found["{namespace}/{name}".format(**pod["podRef"])] = Sample(
                    datetime.fromisoformat(pod["cpu"]["time"]),
                    pod["cpu"]["usageCoreNanoSeconds"] / 1e9,
                    pod["memory"]["rssBytes"],
                )
    return found


@dataclass(frozen=True)
class Idle:
    """What a time cost in which nothing was asked for."""

    seconds: float
    before: dict[str, Sample]
    after: dict[str, Sample]
    writes: Counter[str]
    stolen: float

    def cost(self, beginning: str) -> str:
        """Of the pods whose NAMESPACE/NAME begins so, in words."""
        names = [name for name in self.after if name.startswith(beginning) and name in self.before]
        cores = sum(
            (self.after[name].cpu_seconds - self.before[name].cpu_seconds)
            / (self.after[name].at - self.before[name].at).total_seconds()
            for name in names
            if self.after[name].at > self.before[name].at
        )
        return (
            f"{100 * cores:.1f} % of a core, {sum(self.after[name].resident_bytes for name in names) / 2**20:.0f} MiB"
        )


def idle(kube: Kube, seconds: float, users: Iterable[str]) -> Idle:
    """Wait, and say what it cost. `users` are those whose writes count, as the audit log names them."""
    steal, before, begun, since = Steal(), samples(kube), time.monotonic(), datetime.now(UTC)
    wait_for(lambda: time.monotonic() - begun >= seconds, "the idle time", seconds + 60)
    until = datetime.now(UTC)
    return Idle(time.monotonic() - begun, before, samples(kube), writes(kube, users, since, until), steal.share())


def writes(kube: Kube, users: Iterable[str], since: datetime, until: datetime) -> Counter[str]:
    """VERB RESOURCE -> how often, by these; leases are not in the audit log."""
    wanted, found = tuple(users), Counter[str]()
    for entry in kube.writes() or ():
        at = datetime.fromisoformat(entry["requestReceivedTimestamp"])
        if since <= at <= until and entry["user"]["username"].startswith(wanted):
            where = entry.get("objectRef", {})
            found[f"{entry['verb']} {where.get('resource')}/{where.get('subresource', '')}".rstrip("/")] += 1
    return found


class Followed:
    """When each object of a kind first was as `so` says; by a watch, from now on."""

    def __init__(self, listed: Callable[..., Any], namespace: str, so: Callable[[Document], bool]) -> None:
        self.at: dict[str, float] = {}
        self._so, self._watch = so, watch.Watch()
        version = listed(namespace, limit=1).metadata.resource_version
        words = {"resource_version": version, "timeout_seconds": 3600}
        threading.Thread(target=self._follow, args=(listed, namespace, words), daemon=True).start()

    def _follow(self, listed: Callable[..., Any], namespace: str, words: dict[str, Any]) -> None:
        with suppress(ProtocolError):  # of a watch that is stopped while it waits
            for each in self._watch.stream(listed, namespace, **words):
                found = each["raw_object"]
                if self._so(found):
                    self.at.setdefault(found["metadata"]["name"], time.monotonic())

    def stop(self) -> None:
        self._watch.stop()


def spread_of(what: str, names: Sequence[str], change: Callable[[str], None], seen: Followed, named: str = "") -> str:
    """Change so many, a few each second, and say how long it took until each was followed by what is looked for.
    `named` is what the object that shows it is called beside the changed one's name."""
    asked: dict[str, float] = {}
    for each in names:
        asked[each] = time.monotonic()
        change(each)
        time.sleep(max(0.0, 1 / CHANGES_PER_SECOND - (time.monotonic() - asked[each])))
    shown = {each: named.format(each) if named else each for each in names}
    try:
        wait_for(lambda: all(shown[each] in seen.at for each in names), what, 180)
    finally:
        seen.stop()
    took = sorted(seen.at[shown[each]] - asked[each] for each in names)
    return (f"{what}, n={len(took)}: {took[len(took) // 2]:.2f} s in the middle, p95 {took[int(len(took) * 0.95)]:.2f} s, "
            f"at most {took[-1]:.2f} s")  # fmt: skip
