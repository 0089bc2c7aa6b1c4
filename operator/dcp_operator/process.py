"""The operator, put together from its environment: the composition root. Runs until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import kopf

from dcp_operator.apply import Applier
from dcp_operator.cluster.api import Api, ApiError, ApiUnreachable, log_in
from dcp_operator.cluster.dirty import DirtyKeys
from dcp_operator.cluster.secret_reader import SecretReader
from dcp_operator.cluster.store import Store
from dcp_operator.cluster.watch import kopf_settings, watch
from dcp_operator.ground.kinds import PIPELINE, child_kinds
from dcp_operator.ground.settings import OperatorSettings, SettingInvalid, read_settings
from dcp_operator.reconcile import Reconciler
from dcp_operator.rounds import Rounds
from dcp_operator.scaling.queues import QueueReader
from dcp_operator.scaling.scaler import Scaler, Targets
from dcp_operator.status.events import Recorder
from dcp_operator.status.metrics import Metrics
from dcp_pipeline.exit_codes import INVALID
from dcp_pipeline.observe.health import HealthServer
from dcp_pipeline.observe.logs import set_up_logs
from dcp_pipeline.observe.pulse import Pulse

log = logging.getLogger(__name__)

CRD_WAIT_SECONDS = 5.0


def run_operator(environment: Mapping[str, str]) -> int:
    """The exit code; 2 for a setting that cannot be used, 1 when a loop has ended."""
    try:
        settings = read_settings(environment)
        set_up_logs(settings.log_level, settings.log_format, lambda text: text)
    except (SettingInvalid, ValueError) as error:
        print(f"dcp_operator: {error}", file=sys.stderr)  # noqa: T201
        return INVALID
    for noisy in ("kopf", "aiohttp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return asyncio.run(run(settings))


async def run(settings: OperatorSettings) -> int:
    """Put everything together, and run until kopf or a loop ends."""
    metrics, pulse, store, dirty = Metrics(), Pulse(), Store(), DirtyKeys()
    api = Api(log_in, metrics.wrote)
    with tempfile.TemporaryDirectory(prefix="dcp-") as folder:
        reader = QueueReader(Path(folder))
        rounds = build(settings, store, dirty, api, reader, metrics, pulse)
        health = HealthServer(
            settings.health_host,
            settings.health_port,
            alive={"loops": lambda: "; ".join(pulse.stuck()) or None},
            ready={"synced": lambda: None if rounds.synced else "the cluster has not been listed yet"},
            registry=metrics.registry,
        )
        health.start()
        try:
            pulse.beat("start", "waiting for the CRD", 3600)
            await _wait_for_crd(api, settings.namespaces)
            pulse.end("start")
            return await _run_loops(settings, rounds, store, dirty)
        finally:
            dirty.close()
            reader.close()
            health.stop()
            await api.close()


def build(
    settings: OperatorSettings,
    store: Store,
    dirty: DirtyKeys,
    api: Api,
    reader: QueueReader,
    metrics: Metrics,
    pulse: Pulse,
) -> Rounds:
    """The composition of the operator's parts, around a store that somebody feeds."""

    def now() -> datetime:
        return datetime.now(UTC)

    recorder = Recorder(api, socket.gethostname(), time.monotonic, now)
    targets = Targets()
    scaler = Scaler(targets, store, reader, api, recorder, metrics, dirty.mark, time.monotonic, now)
    reconciler = Reconciler(
        store,
        api,
        SecretReader(api, time.monotonic),
        Applier(api, store),
        targets,
        scaler,
        recorder,
        settings.pods,
        time.monotonic,
        now,
    )
    kinds = child_kinds(settings.pods.pod_monitors, settings.pods.keda)
    return Rounds(store, api, dirty, reconciler, scaler, metrics, pulse, kinds, settings.namespaces)


async def _run_loops(settings: OperatorSettings, rounds: Rounds, store: Store, dirty: DirtyKeys) -> int:
    """Until the first of them ends: kopf does on a signal, the others only by an error nobody foresaw."""
    watching = kopf_settings()
    registry = watch(store, dirty, child_kinds(settings.pods.pod_monitors, settings.pods.keda), watching)
    kopf_task = asyncio.create_task(
        kopf.operator(
            registry=registry,
            settings=watching,
            # Left to itself kopf asks for the user's name, and in a container the user has none.
            identity=cast(Any, socket.gethostname()),
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
        ),
        name="kopf",
    )
    loops = [
        asyncio.create_task(rounds.run_resync(settings.resync_seconds), name="resync"),
        asyncio.create_task(rounds.run_scaler(settings.sync_seconds), name="scaler"),
        *(asyncio.create_task(rounds.run_reconcile(), name=f"reconcile-{n}") for n in range(settings.concurrency)),
    ]
    log.info("operator starts", extra={"namespaces": list(settings.namespaces) or "all"})
    done, pending = await asyncio.wait([kopf_task, *loops], return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    failed = [task for task in done if not task.cancelled() and task.exception()]
    for task in failed:
        log.critical(
            "a loop has ended; the process ends too", exc_info=task.exception(), extra={"loop": task.get_name()}
        )
    return 1 if failed or kopf_task not in done else 0


async def _wait_for_crd(api: Api, namespaces: tuple[str, ...]) -> None:
    """Until the API server serves our kind: kopf looks only once for what there is to watch."""
    while True:
        try:
            await api.list(PIPELINE, namespaces[0] if namespaces else None)
            return
        except (ApiError, ApiUnreachable) as error:
            log.warning("waiting for the CRD to be served", extra={"error": str(error)})
        await asyncio.sleep(CRD_WAIT_SECONDS)
