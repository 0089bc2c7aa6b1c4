"""The operator, put together from its environment: the composition root. Runs until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
import socket
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from dcp_operator.apply import Applier
from dcp_operator.children.pace import Pace
from dcp_operator.children.remembered import Remembered
from dcp_operator.cluster.api import Api
from dcp_operator.cluster.dirty import DirtyKeys
from dcp_operator.cluster.lease import Leadership
from dcp_operator.cluster.part import Place
from dcp_operator.cluster.parts import Parts
from dcp_operator.cluster.pod_at import pod_at
from dcp_operator.cluster.secret_reader import SecretReader
from dcp_operator.cluster.store import Store
from dcp_operator.forgetting.forgetter import Forgetter
from dcp_operator.forgetting.waits import DeletionWaits
from dcp_operator.ground.kinds import TASK, TASK_CHILDREN, child_kinds
from dcp_operator.ground.names import TASKS_MANAGER
from dcp_operator.ground.settings import OperatorSettings, SettingInvalid, read_settings
from dcp_operator.ground.windows import seconds_until_open
from dcp_operator.reconcile import Reconciler
from dcp_operator.rounds import Rounds, run_scaler
from dcp_operator.scaling.queues import QueueReader
from dcp_operator.scaling.reach import Reach, domain_of
from dcp_operator.scaling.scaler import Scaler
from dcp_operator.scaling.targets import Targets
from dcp_operator.status.condition_gauges import ConditionGauges
from dcp_operator.status.events import Recorder
from dcp_operator.status.metrics import Metrics
from dcp_operator.status.renewing import Renewing
from dcp_operator.tasks.reconcile import TaskReconciler
from dcp_operator.tasks.turns import Turns
from dcp_operator.tasks.waits import NotBegun
from dcp_pipeline.observe.health import HealthServer
from dcp_pipeline.observe.logs import set_up_logs
from dcp_pipeline.observe.pulse import Pulse
from dcp_pipeline.process.api_server import log_in
from dcp_pipeline.process.exit_codes import INVALID

log = logging.getLogger(__name__)

TASKS_AT_ONCE = 4
"""Tasks reconciled at the same time: a step of one is a few calls, and pipelines are looked after beside them."""


def run_operator(environment: Mapping[str, str]) -> int:
    """The exit code; 2 for a setting that cannot be used, 1 when a loop has ended."""
    try:
        settings = read_settings(environment)
        set_up_logs(settings.log_level, settings.log_format, lambda text: text)
    except (SettingInvalid, ValueError) as error:
        print(f"dcp_operator: {error}", file=sys.stderr)  # noqa: T201
        return INVALID
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
    return asyncio.run(run(settings))


@dataclass
class Parties:
    """What the process is made of, put together by build()."""

    api: Api
    parts: Parts
    store: Store
    dirty: DirtyKeys
    rounds: Rounds
    scaler: Scaler
    tasks: Parts
    """Tasks and what belongs to them."""
    dirty_tasks: DirtyKeys
    task_rounds: Rounds
    leadership: Leadership | None
    """None: there is no other replica."""
    leading: Callable[[], bool]
    reader: QueueReader
    metrics: Metrics

    def close(self) -> None:
        """Nothing is looked at any more."""
        self.dirty.close()
        self.dirty_tasks.close()
        self.reader.close()

    def not_ready(self) -> str | None:
        """Why this replica cannot do its work, or take over."""
        if self.leadership is not None and self.leadership.problem:
            return f"the lease: {self.leadership.problem}"
        return None if self.parts.synced else "the cluster has not been listed yet"


async def run(settings: OperatorSettings, stop: asyncio.Event | None = None) -> int:
    """Put everything together, and run until a signal, `stop` or the end of a loop."""
    pulse = Pulse()
    with tempfile.TemporaryDirectory(prefix="dcp-") as folder:
        parties = build(settings, Path(folder), pulse)
        health = HealthServer(
            settings.health_host,
            settings.health_port,
            alive={"loops": lambda: "; ".join(pulse.stuck()) or None},
            ready={"synced": parties.not_ready},
            registry=parties.metrics.registry,
        )
        health.start()
        try:
            return await run_loops(settings, parties, pulse, stop or _stopped_by_signal())
        finally:
            parties.close()
            health.stop()
            await parties.api.close()


def build(settings: OperatorSettings, folder: Path, pulse: Pulse) -> Parties:
    """The composition of the operator's parts."""

    def now() -> datetime:
        return datetime.now(UTC)

    reach = Reach(settings.queue_hosts, settings.cluster_domain or _own_domain(), settings.api_server)
    metrics, store, dirty, targets = Metrics(), Store(), DirtyKeys(), Targets()
    task_store, dirty_tasks = Store(), DirtyKeys()
    elected: list[Leadership] = []

    def leading() -> bool:
        return all(each.leading for each in elected)

    def leads_now(is_leading: bool) -> None:
        metrics.leads(is_leading)
        pace.begin_anew()
        for of, marks in ((store, dirty), (task_store, dirty_tasks)):
            for key in of.pipelines():
                marks.mark(key)

    def failed(place: Place, error: Exception) -> None:
        metrics.error(f"list {place.kind.plural}", error)

    api = Api(log_in, metrics, lambda: min((each.seconds_left for each in elected), default=math.inf))
    reader = QueueReader(reach, time.monotonic, pod_at(api))
    if settings.lease is not None:
        identity = f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
        elected.append(Leadership(api, *settings.lease, identity, time.monotonic, now, leads_now))
    metrics.leads(leading())
    kinds = child_kinds(settings.pods.pod_monitors, settings.pods.keda)

    def seen(place: Place, is_seen: bool) -> None:
        metrics.unseen(place.namespace, place.kind, not is_seen)

    parts = Parts(
        api, store, dirty.mark, kinds, settings.scope, settings.resync_seconds, failed, seen, settings.instance
    )
    tasks = Parts(
        api, task_store, dirty_tasks.mark, TASK_CHILDREN, settings.scope, settings.resync_seconds, failed, seen,
        of=TASK, selector="", own=TASKS_MANAGER,
    )  # fmt: skip
    metrics.registry.register(ConditionGauges(store, leading))
    metrics.registry.register(ConditionGauges(task_store, leading, "task"))
    metrics.registry.register(NotBegun(task_store, leading))
    metrics.registry.register(DeletionWaits(store, leading))
    secrets = SecretReader(api, time.monotonic)
    recorder = Recorder(api, socket.gethostname(), time.monotonic, now)
    scaler = Scaler(targets, store, reader, api, recorder, metrics, dirty.mark, time.monotonic, now)
    renewing = Renewing(store, lambda: parts.synced, time.monotonic)
    pace = Pace(
        *settings.rollout, time.monotonic, dirty.mark_later, renewing,
        lambda: seconds_until_open(settings.rollout_windows, now()),
    )  # fmt: skip
    remembered = Remembered()
    turns = Turns(api)
    reconciler = Reconciler(
        store, api, secrets, Applier(api, store, metrics.refused), targets, scaler, recorder,
        settings.pods, time.monotonic, now, parts, pace, remembered,
        Forgetter(api, store, secrets, turns, recorder, metrics, settings.pods, now), leading, reach,
    )  # fmt: skip
    rounds = Rounds(dirty, reconciler, metrics)
    task_reconciler = TaskReconciler(
        task_store, store, api, secrets, Applier(api, task_store, metrics.refused), recorder, settings.pods, now,
        remembered, turns, settled=lambda namespace: parts.settled(namespace) and tasks.settled(namespace),
        mark=dirty_tasks.mark, leading=leading, instance=settings.instance,
    )  # fmt: skip
    task_rounds = Rounds(dirty_tasks, task_reconciler, metrics)
    return Parties(
        api,
        parts,
        store,
        dirty,
        rounds,
        scaler,
        tasks,
        dirty_tasks,
        task_rounds,
        elected[0] if elected else None,
        leading,
        reader,
        metrics,
    )


async def run_loops(settings: OperatorSettings, parties: Parties, pulse: Pulse, stop: asyncio.Event) -> int:
    """Until the first of them ends: waiting for a stop does, the others only by an error nobody foresaw."""
    rounds, leadership = parties.rounds, parties.leadership
    stopping = asyncio.create_task(stop.wait(), name="stop")
    loops = [
        asyncio.create_task(parties.parts.run(), name="watch"),
        asyncio.create_task(run_scaler(parties.scaler, pulse, settings.sync_seconds, parties.leading), name="scaler"),
        *(asyncio.create_task(rounds.run_reconcile(), name=f"reconcile-{n}") for n in range(settings.concurrency)),
        asyncio.create_task(parties.tasks.run(), name="watch-tasks"),
        *(asyncio.create_task(parties.task_rounds.run_reconcile(), name=f"tasks-{n}") for n in range(TASKS_AT_ONCE)),
    ]
    if leadership is not None:
        beat = partial(pulse.beat, "lease", "electing", 60)
        loops.append(asyncio.create_task(leadership.run(beat), name="lease"))
    scope = settings.scope
    log.info("operator starts", extra={"namespaces": list(scope.names) or scope.selector or "all"})
    done, pending = await asyncio.wait([stopping, *loops], return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    if leadership is not None:
        await leadership.release()
    failed = [task for task in done if not task.cancelled() and task.exception()]
    for task in failed:
        log.critical(
            "a loop has ended; the process ends too", exc_info=task.exception(), extra={"loop": task.get_name()}
        )
    return 1 if failed or stopping not in done else 0


def _own_domain() -> str:
    """The cluster's domain, as a pod is told."""
    try:
        return domain_of(Path("/etc/resolv.conf").read_text(errors="replace"))
    except OSError:
        return domain_of("")


def _stopped_by_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    return stop
