"""The operator's loops around a cluster, queues and a clock in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from dcp_operator.apply import Applier
from dcp_operator.children.pace import Pace
from dcp_operator.children.remembered import Remembered
from dcp_operator.cluster.dirty import DirtyKeys
from dcp_operator.cluster.parts import Parts
from dcp_operator.cluster.secret_reader import SecretReader
from dcp_operator.cluster.store import Store
from dcp_operator.forgetting.forgetter import Forgetter
from dcp_operator.ground.kinds import DEPLOYMENT, PIPELINE, child_kinds
from dcp_operator.ground.names import PipelineKey
from dcp_operator.ground.scope import Scope
from dcp_operator.ground.settings import PodSettings
from dcp_operator.reconcile import Reconciler
from dcp_operator.rounds import Rounds
from dcp_operator.scaling.scaler import Scaler
from dcp_operator.scaling.server import Server
from dcp_operator.scaling.targets import Targets
from dcp_operator.status.events import Recorder
from dcp_operator.status.metrics import Metrics
from dcp_operator.status.seen import QueueSeen
from dcp_operator.tasks.turns import Turns
from dcp_pipeline.observe.report import Report
from dcp_pipeline.observe.scaling_note import ScalingNote
from dcp_pipeline.queue.model import QueueStats
from support.fake_cluster import FakeCluster
from support.pipelines import resource

KEY = PipelineKey("feeds", "botnet")
PODS = PodSettings("fetcher:1", "worker:1")


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 10, 5, tzinfo=UTC) + timedelta(seconds=self.seconds)


class FakeQueues:
    """Has QueueReader's methods."""

    def __init__(self) -> None:
        self.stats: QueueStats | None = QueueStats()
        self.held: dict[str, int] = {}
        self.leaving: list[str] = []
        self.notes: dict[str, ScalingNote] = {}
        self.reports: dict[str, Report] = {}
        self.anew = False
        """Whether each look has values of its own, as if every byte had changed."""

    async def read(self, server: Server, queues: Sequence[str]) -> dict[str, QueueSeen]:
        error = None if self.stats else "ConnectionError: refused"
        stats = copy(self.stats) if self.anew else self.stats
        return {queue: QueueSeen(stats, error, dict(self.reports)) for queue in queues}

    async def ask_to_go(self, server: Server, queue: str, processes: Sequence[str], count: int) -> dict[str, int]:
        self.leaving = sorted(processes, key=lambda name: self.held.get(name, 0))[:count]
        return {name: self.held.get(name, 0) for name in self.leaving}

    async def leave_notes(
        self, server: Server, notes: Mapping[str, ScalingNote], changed: Collection[str] = ()
    ) -> None:
        self.notes.update(notes)

    def keep(self, servers: set[Server]) -> None:
        pass


class Operator:
    """The parts, put together around the fakes."""

    def __init__(self, cluster: FakeCluster, pods: PodSettings = PODS) -> None:
        self.cluster, self.clock, self.queues, self.dirty = cluster, Clock(), FakeQueues(), DirtyKeys()
        api: Any = cluster
        reader: Any = self.queues
        store, metrics, targets = Store(), Metrics(), Targets()
        time = (self.clock.monotonic, self.clock.now)
        recorder = Recorder(api, "test", *time)
        self.scaler = Scaler(targets, store, reader, api, recorder, metrics, self.dirty.mark, *time)
        secrets = SecretReader(api, self.clock.monotonic)
        applier = Applier(api, store)
        kinds = child_kinds(False, pods.keda)
        self.parts = Parts(api, store, self.dirty.mark, kinds, Scope(), 30.0, lambda *_: None, lambda *_: None)
        pace = Pace(5, 0.0, self.clock.monotonic, self.dirty.mark_later)
        reconciler = Reconciler(
            store, api, secrets, applier, targets, self.scaler, recorder, pods, *time, self.parts, pace, Remembered(),
            Forgetter(api, store, secrets, Turns(api), recorder, metrics, pods, self.clock.now),
        )  # fmt: skip
        self.rounds = Rounds(self.dirty, reconciler, metrics)

    async def settle(self, seconds: float = 30.0) -> None:
        """A resync, and everything that follows from it."""
        self.clock.seconds += seconds
        await self.parts.list_once()
        await self.drain()
        await self.scaler.run_once()
        await self.drain()

    async def drain(self) -> None:
        """All that is marked."""
        while not self.dirty.idle:
            await self.rounds.reconcile_once()


def change(cluster: FakeCluster, spec: dict[str, Any] | None = None) -> None:
    before = cluster.find(PIPELINE, "botnet") or {}
    changed = resource(spec)["spec"]
    metadata = before["metadata"] | {"generation": before["metadata"]["generation"] + 1}
    cluster.put(PIPELINE, before | {"spec": changed, "metadata": metadata})


def condition(cluster: FakeCluster, name: str) -> tuple[str, str]:
    conditions = (cluster.find(PIPELINE, "botnet") or {})["status"]["conditions"]
    found = next(each for each in conditions if each["type"] == name)
    return found["status"], found["reason"]


def replicas(cluster: FakeCluster) -> int:
    return int((cluster.find(DEPLOYMENT, "botnet-worker") or {})["spec"]["replicas"])
