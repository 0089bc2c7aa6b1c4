"""The processes of `dcp up`: forks of the supervisor, which has the fetcher loaded, so that they share its memory.

Each leads a session of its own (Ctrl-C is the supervisor's), writes a log of its own, and is told to stop by the kernel
when the supervisor is gone, however it went.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

import redis
from msgspec.structs import replace

from dcp_cli.embedded import StateFolder
from dcp_cli.errors import exits
from dcp_fetcher.gauges import gauges_of
from dcp_fetcher.ground.errors import Stopped
from dcp_fetcher.process import build_fetcher, prepare, problems_by_source, telling_of_sources
from dcp_pipeline.connect import open_shared
from dcp_pipeline.observe.logs import set_up_logs
from dcp_pipeline.observe.metrics import Gauges
from dcp_pipeline.observe.readiness import METRICS, NOTIFY_SOCKET, READY, tell_manager
from dcp_pipeline.observe.report import read_reports
from dcp_pipeline.process.exit_codes import DONE, FAILED
from dcp_pipeline.process.stopping import told_to_stop
from dcp_pipeline.queue import Queue
from dcp_pipeline.settings import with_redis_url
from dcp_pipeline.setup import Setup
from dcp_pipeline.shared import Shared

log = logging.getLogger(__name__)

WORK = "X_WORK="
"""How many batches wait or are in hand: a fetcher tells it to the supervisor."""
_LOOK_SECONDS = 0.5
_PR_SET_PDEATHSIG = 1
_FIRST_FREE, _LAST = 3, 65_536
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)


def fork(run: Callable[[], int], log_file: Path, manager: str) -> int:
    """The new process's id: it does `run`, and ends with what that returns. Its stderr goes into its log."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = FAILED
    try:
        _stand_alone(parent, log_file)
        os.environ[NOTIFY_SOCKET] = manager
        exits(run)()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else FAILED
    except BaseException as error:  # noqa: BLE001  (the end of this process: nobody is left to raise it to)
        sys.excepthook(type(error), error, error.__traceback__)  # without secrets, once logs are set up
    finally:
        logging.shutdown()
        os._exit(code)


def _stand_alone(parent: int, log_file: Path) -> None:
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it went before the kernel was asked
        os._exit(FAILED)
    # The supervisor's locks would be held by its children, too, once it is gone.
    os.closerange(_FIRST_FREE, _LAST)
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard, descriptor in ((0, nothing), (1, written), (2, written)):
        os.dup2(descriptor, standard)
    os.closerange(_FIRST_FREE, written + 1)


def begin(setup: Setup, log_file: Path, embedded: str, name: str) -> Setup:
    """The setup of a process that has just been forked, with its log open."""
    # Errors go into the one file that is asked for, by whichever process: each bears that another rotates it.
    files = replace(setup.log_files, path=log_file)
    set_up_logs(setup.log_level, setup.log_format or "console", setup.secrets.redact, files)
    if setup.pipeline.spec.queue.redis is None:
        setup = replace(setup, pipeline=with_redis_url(setup.pipeline, embedded))
    given = os.environ.get("WORKER_ID")
    return replace(setup, worker_id=f"{given}-{name}" if given else f"{socket.gethostname()}-{os.getpid()}")


def fetch(
    setup: Setup,
    spec: Path,
    shared_queue: Path | None,
    once: bool = False,
    metrics: bool = False,
    together: Path | None = None,
) -> int:
    """The fetcher of one pipeline, until it is told to stop; the pipeline's only one here. It looks for whom the spec's
    `notify` names, too."""
    state = StateFolder(setup.state_folder)
    with state.alone(), ExitStack() as stack, _telling(setup, spec, together):
        state.note_shared(shared_queue)
        shared = open_shared(setup, pool_size=6, metrics_read=metrics)
        stack.callback(shared.close)
        loop = build_fetcher(setup, shared)
        with told_to_stop(lambda _: loop.request_stop()):
            try:
                if not once:
                    # First: a sink that is away at the start is waited for, and told.
                    _look(stack, setup, spec, shared, lambda: problems_by_source(loop), metrics, together)
                prepare(loop, shared, once=False)
                log.info("fetcher starts", extra={"pipeline": setup.pipeline.key})
                tell_manager(READY)
                stack.enter_context(telling_of_sources(loop, shared))
                if once:
                    shared.queue.stats()  # the warm-up is to have done what a fetcher does between two looks, too
                else:
                    _tell_of_work(shared.queue)
                    if metrics:
                        _serve_metrics(stack, shared, lambda: gauges_of(loop.progress.snapshot()))
                report = asyncio.run(loop.run(once))
            except Stopped:
                return DONE
        log.info("fetcher ends: %s", report.figures.text)
    return DONE


def _telling(setup: Setup, spec: Path, together: Path | None) -> AbstractContextManager[None]:
    if not setup.pipeline.spec.notify:
        return nullcontext()
    # Here and below: few name anybody, and all would hold it in memory.
    from dcp_cli.notify.beside import telling_of_the_sink

    return telling_of_the_sink(setup, str(spec), together)


def _look(
    stack: ExitStack,
    setup: Setup,
    spec: Path,
    shared: Shared,
    sources: Callable[[], Mapping[str, str | None]],
    metrics: bool,
    together: Path | None,
) -> None:
    if setup.pipeline.spec.notify or metrics:
        from dcp_cli.notify.beside import Beside

        beside = Beside(setup, str(spec), shared.ledger, lambda: sink_of_workers(shared), sources, together)
        beside.start(stack, shared.metrics if metrics else None, True)


def sink_of_workers(shared: Shared) -> str | None:
    """What workers met at the sink last, as they report it: a table may refuse them while the ledger answers."""
    try:
        reports = read_reports(shared.client, shared.queue.name)
    except redis.RedisError:
        return None
    return next((each.sink for each in reports.values() if each.sink), None)


def _serve_metrics(stack: ExitStack, shared: Shared, gauges: Callable[[], Gauges]) -> None:
    from dcp_pipeline.observe.gauges import queue_gauges
    from dcp_pipeline.observe.health import HealthServer

    shared.metrics.add_gauges(gauges)
    shared.metrics.add_gauges(queue_gauges(shared.queue))
    server = HealthServer("127.0.0.1", 0, alive={"loops": shared.stuck}, ready={}, registry=shared.metrics.registry)
    server.start()
    stack.callback(server.stop)
    tell_manager(f"{METRICS}{server.port}")


def work(setup: Setup) -> int:
    """A worker process. It alone has the libraries that clean: they cost more than all of an idle pipeline."""
    from dcp_pipeline.process.allocators import keep_memory_at_hand

    keep_memory_at_hand(setup.pipeline.spec.worker.concurrency)
    from dcp_worker.process import run_worker

    return run_worker(setup, "127.0.0.1", 0)


def _tell_of_work(queue: Queue) -> None:
    def look() -> None:
        while True:
            try:
                tell_manager(f"{WORK}{queue.stats().backlog}")
            except redis.RedisError as error:
                log.debug("the queue cannot be asked", extra={"error": str(error)})
            never.wait(_LOOK_SECONDS)

    never = threading.Event()
    threading.Thread(target=look, name="lookout", daemon=True).start()
