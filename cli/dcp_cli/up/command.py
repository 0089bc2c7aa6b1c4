"""`dcp up`, put together: folder and lock, queue, page, warm-up, supervisor; taken down in the other order."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import secrets
import signal
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec.structs import replace

from dcp_cli.embedded import EmbeddedValkey
from dcp_cli.embedded.folder import NOTIFY, folders_of, make_folder, remove_folder
from dcp_cli.spec_files import none_in
from dcp_cli.up.children import fetch
from dcp_cli.up.handover import Handover, taken_over
from dcp_cli.up.neighbours import made_neighbours
from dcp_cli.up.notes import REQUESTS, UpFolder, folder_at
from dcp_cli.up.specs import SpecFolder, Wanted
from dcp_cli.up.supervisor import Supervisor, UpOptions
from dcp_pipeline.observe.logs import set_up_logs
from dcp_pipeline.process.allocators import share_one_arena
from dcp_pipeline.process.exit_codes import DONE, INTERRUPTED
from dcp_pipeline.queue.connection import connect
from dcp_pipeline.settings import with_redis_url
from dcp_pipeline.setup import load_setup, log_files_of

_LITTLE = """{apiVersion: datacleaning.io/v1beta1, kind: DataCleaningPipeline, metadata: {name: warm-up}, spec: {
sources: [{name: feed, file: {path: feed}}], cleaning: {fields: [{name: a}], unique: [a]}}}"""


def up(given: Sequence[Path], options: UpOptions) -> int:
    """Supervise; the exit code. Raises AlreadyRunning, CommandFailed."""
    folder = folder_at(given[0], os.environ)
    advice = f"supervises here ({given[0]}): it takes up changed files by itself, and `dcp down` ends it"
    share_one_arena()
    before = taken_over()
    with ExitStack() as stack:
        stack.enter_context(folder.state.alone("dcp up", advice))
        _clean(folder)
        specs = SpecFolder(given, lambda path: load_setup(path, os.environ, settings=options.settings))
        set_up_logs(
            os.environ.get("LOG_LEVEL") or "info",
            os.environ.get("LOG_FORMAT") or "",
            specs.redact,
            log_files_of(os.environ),
        )
        found = specs.look()
        if not found:
            raise none_in(given)
        inbox = stack.enter_context(_inbox(folder.path / "notify"))
        # There from the start, for specs may come that want it; it is 4 MB.
        queue = stack.enter_context(EmbeddedValkey(folder.state, running=_running(before)))
        _preload(found)
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
        warm_up(queue.url)
        with made_neighbours() as left_behind:
            warm_up(queue.url)
        supervisor = Supervisor(specs, folder, inbox, queue, options, os.environ)
        supervisor.take_over(before.workers if before else ())
        gc.collect()
        gc.freeze()  # a collection would write into pages that are shared with the processes
        supervisor.run()
        del left_behind  # kept until here
    return INTERRUPTED if supervisor.stopped_by == signal.SIGINT else DONE


def _running(before: Handover | None) -> tuple[int, Path] | None:
    return (before.queue_pid, Path(before.queue_folder)) if before else None


def _clean(folder: UpFolder) -> None:
    folder.logs.mkdir(parents=True, exist_ok=True)
    for left_over in (folder.path / REQUESTS).glob("*.json"):
        left_over.unlink(missing_ok=True)


@contextmanager
def _inbox(owner: Path) -> Iterator[socket.socket]:
    """Where the processes tell that they are ready."""
    for left_over in folders_of(owner):
        remove_folder(left_over, owner)
    folder = make_folder(owner)
    inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        inbox.bind(str(folder / NOTIFY))
        inbox.setblocking(False)
        yield inbox
    finally:
        inbox.close()
        remove_folder(folder, owner)


def _preload(found: Sequence[Wanted]) -> None:
    """What fetchers import, once for all of them: what each imports for itself it has for itself."""
    importlib.import_module("dcp_pipeline.observe.log_files")
    for wanted in found:
        if wanted.setup is not None:
            for source in wanted.setup.pipeline.spec.sources:
                importlib.import_module(f"dcp_fetcher.sites.kinds.{source.kind}")


def warm_up(redis: str) -> None:
    """One fetcher's whole way here, over one small file: what it leaves in memory the processes then share.

    Measured (ADR 130): 2.5 MiB less for each.
    """
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.WARNING)
    # A name that nobody else has: after an upgrade in place the queue holds what others wait for.
    own = f"warm-up-{secrets.token_hex(8)}"
    with tempfile.TemporaryDirectory(prefix="dcp-warm-up-") as name:
        spec = Path(name) / "spec.yaml"
        spec.write_text(_LITTLE.replace("warm-up", own))
        (Path(name) / "feed").mkdir()
        (Path(name) / "feed" / "a.csv").write_text("a\n1\n")
        setup = load_setup(spec, {})
        fetch(replace(setup, pipeline=with_redis_url(setup.pipeline, redis)), spec, None, once=True)
    logging.getLogger().setLevel(level)
    client = connect(redis)
    for key in client.scan_iter(f"*{own}*"):
        client.delete(key)
    client.close()
