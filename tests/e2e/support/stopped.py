"""Who was stopped, and what they were doing: watches workers' pods and the queue beside each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import ProtocolError

from dcp_operator.ground.names import DELETION_COST_ANNOTATION
from e2e.operator.kube import Kube
from e2e.support.botnet import NAME, WORKERS, Document
from e2e.support.stage import is_ready
from e2e.support.timed_items import Items


@dataclass(frozen=True)
class Stop:
    """A pod that was told to end, and who held a batch at that moment."""

    pod: str
    held: bool
    ready: bool
    cost: str
    """Its deletion cost, as text; empty without one."""
    idle_standing: frozenset[str]
    """Pods that were ready, held nothing, and were not told to end."""


@dataclass
class Watched:
    """What was seen so far. Written by two threads, read when they are done or by whoever waits for a count."""

    stops: list[Stop] = field(default_factory=list)
    scale_ins: int = 0
    """How often spec.replicas became less."""

    @property
    def unfair(self) -> list[Stop]:
        """Busy pods that were stopped while an idle one stood."""
        return [each for each in self.stops if each.held and each.idle_standing]


@contextmanager
def watched(kube: Kube, items: Items) -> Iterator[Watched]:
    """Watch until the block ends."""
    seen, over = Watched(), threading.Event()
    watches = [watch.Watch(), watch.Watch()]
    threads = [
        threading.Thread(target=_pods, args=(watches[0], kube, items, seen, over), daemon=True),
        threading.Thread(target=_replicas, args=(watches[1], kube, seen, over), daemon=True),
    ]
    for each in threads:
        each.start()
    try:
        yield seen
    finally:
        over.set()
        for each in watches:
            each.stop()
        for thread in threads:
            thread.join(15)


def _pods(stream: watch.Watch, kube: Kube, items: Items, seen: Watched, over: threading.Event) -> None:
    standing: dict[str, bool] = {}
    core = client.CoreV1Api(kube.api)
    for event in events(stream, over, core.list_namespaced_pod, kube.namespace, label_selector=WORKERS):
        pod = event["raw_object"]
        name = pod["metadata"]["name"]
        if event["type"] == "DELETED":
            standing.pop(name, None)
        elif "deletionTimestamp" not in pod["metadata"]:
            standing[name] = is_ready(pod)
        elif standing.pop(name, None) is not None:
            holders = items.holders()
            idle = frozenset(other for other, ready in standing.items() if ready and other not in holders)
            seen.stops.append(Stop(name, name in holders, is_ready(pod), _cost(pod), idle))


def _cost(pod: Document) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(DELETION_COST_ANNOTATION, ""))


def _replicas(stream: watch.Watch, kube: Kube, seen: Watched, over: threading.Event) -> None:
    before, apps = 0, client.AppsV1Api(kube.api)
    selected = f"metadata.name={NAME}-worker"
    for event in events(stream, over, apps.list_namespaced_deployment, kube.namespace, field_selector=selected):
        now = int(event["raw_object"]["spec"].get("replicas", 1))
        seen.scale_ins += now < before
        before = now


def events(stream: watch.Watch, over: threading.Event, *call: Any, **selected: str) -> Iterator[Document]:
    """What is watched, opened anew as often as the server ends it, until it is over."""
    while not over.is_set():
        try:
            yield from stream.stream(*call, timeout_seconds=10, **selected)
        except ProtocolError:
            continue  # stop() hangs up in the middle of an answer
        except ApiException as refused:
            if refused.status not in (410, 429, 500, 503, 504):
                raise  # the others are what a busy API server ends a watch with
