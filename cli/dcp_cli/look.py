"""`dcp status` and `dcp queue`: what is going on, from the ledger and the queue. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import redis
from sqlalchemy import Engine

from dcp_cli.errors import CommandFailed
from dcp_cli.options import print_json
from dcp_cli.shown.expectations import as_json
from dcp_cli.shown.say import say
from dcp_cli.shown.status import LAST_OBJECTS, object_header, object_rows, sums_row, wrong
from dcp_cli.shown.summary import IN_JSON, expired, object_as_json, objects_as_json, remarks, verdict
from dcp_cli.shown.tables import show_table
from dcp_pipeline.connect import open_engine, open_queue, open_redis
from dcp_pipeline.dialects import facts_of
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.looking.overview import LATEST, Overview
from dcp_pipeline.ledger.looking.view import LedgerView
from dcp_pipeline.ledger.model import ObjectBooks, ObjectState
from dcp_pipeline.observe.report import Report, read_reports
from dcp_pipeline.observe.scaling_note import ScalingNote, read_note
from dcp_pipeline.process.exit_codes import DONE, FAILED
from dcp_pipeline.queue import Inbox, QueueStats, WorkerReport
from dcp_pipeline.setup import Setup

RECENT_SECONDS = 300


def client_of(setup: Setup, stack: ExitStack) -> redis.Redis:
    """A client of the pipeline's server, the one inside a `dcp run` that goes on here included.

    Raises CommandFailed where there is none.
    """
    from dcp_cli.embedded import StateFolder

    embedded = StateFolder(setup.state_folder).url()
    if setup.pipeline.spec.queue.redis is None and embedded is None:
        raise CommandFailed(
            "no queue to look at: spec.queue.redis is not set and no `dcp run` of this pipeline goes on here "
            "(another folder? see DCP_STATE_DIR); name a server with --redis URL"
        )
    client = open_redis(setup, embedded)
    stack.callback(client.close)
    return client


def ledger_of(setup: Setup, stack: ExitStack) -> Ledger:
    """The pipeline's ledger.

    Raises CommandFailed where nothing has run here yet.
    """
    ledger = Ledger(engine_of(setup, stack), setup.pipeline.key)
    ledger.check()
    return ledger


def engine_of(setup: Setup, stack: ExitStack) -> Engine:
    """An engine on the pipeline's database.

    Raises CommandFailed where it is a file that is not there: to look at it would make it.
    """
    facts = facts_of(setup.sink_url)
    path = facts.path_in(setup.sink_url) if facts else None
    if path and not Path(path).is_file():
        what = "is no file" if Path(path).exists() else "is not there"
        raise CommandFailed(f"the sink {path} {what}: nothing has run into it yet; `dcp run` makes it")
    engine = open_engine(setup, pool_size=2)
    stack.callback(engine.dispose)
    return engine


def show_status(setup: Setup, spec: str, output: str, every: bool = False) -> int:
    """Print books, what is wrong, queue and workers; the last objects, or all. 1 where something is unavailable or dead
    or does not add up.
    """
    with ExitStack() as stack:
        ledger = ledger_of(setup, stack)
        books, recent = ledger.overview(), ledger.rows_written_since(RECENT_SECONDS)
        expected = ledger.expectations(setup.pipeline.spec)
        stats: QueueStats | None = None
        workers: list[WorkerReport] = []
        note: ScalingNote | None = None
        reports: dict[str, Report] = {}
        trouble = ""
        try:
            client = client_of(setup, stack)
            queue = open_queue(setup, client)
            stats, workers, note = queue.stats(), queue.workers(), read_note(client, queue.name)
            reports = read_reports(client, queue.name)
        except (CommandFailed, redis.RedisError) as error:
            trouble = str(error)
        code = FAILED if _is_broken(books) or not all(e.met for e in expected) else DONE
        if output == "json":
            found: dict[str, Any] = {
                "wrong": wrong(books, reports, spec, every=True),
                "expectations": as_json(expected),
            }
            if every:
                found["objects"] = [object_as_json(each) for page in pages_of(ledger) for each in page]
            print_json(_status_json(books, recent, stats, workers, note) | found)
            return code
        say(f"pipeline {setup.pipeline.key}, table {setup.pipeline.table} in {setup.sink_url}\n")
        _show_objects(ledger, books, spec, every)
    for line in wrong(books, reports, spec, every):
        say(f"WRONG    {line}")
    for each in expected:
        say(f"{'met    ' if each.met else 'NOT MET'}  {each.about}: {each.reason}")
    say(f"rows written in the last 5 minutes: {recent:,}")
    say(_queue_line(stats) if stats else f"queue: {trouble}")
    if note:
        say(f"scaling: {note.replicas} workers ({note.cause}): {note.reason}")
    if workers:
        say("")
        _show_workers(workers)
    elif stats:
        say("no worker is alive")
    return code


def pages_of(
    ledger: Ledger, state: ObjectState | None = None, source: str | None = None
) -> Iterator[tuple[ObjectBooks, ...]]:
    """All objects, oldest first, a page at a time."""
    view, after = LedgerView(ledger.engine, ledger.pipeline), 0
    while True:
        page = view.objects_page(newer_than=after, state=state, source=source, limit=LATEST)
        if page.objects:
            yield tuple(each.books for each in reversed(page.objects))
        if page.newer is None:
            return
        after = page.newer


def _is_broken(books: Overview) -> bool:
    totals = books.totals
    return not totals.consistent or bool(totals.dead or totals.in_state(ObjectState.UNAVAILABLE))


def _show_objects(ledger: Ledger, books: Overview, spec: str, every: bool) -> None:
    if not books.totals.count:
        return
    styles = {"unavailable": "red", "cutting": "yellow"}
    shown = books.latest[-LAST_OBJECTS:]
    if every:
        shown = ()
        for page in pages_of(ledger):
            if shown:
                show_table(object_rows(shown), object_header(), styles)
            shown = page
    elif books.totals.count > LAST_OBJECTS:
        say(f"the last {LAST_OBJECTS} objects; all: dcp status {spec} --all")
    show_table([*object_rows(shown), sums_row(books.totals)], object_header(), styles)
    say("\n".join(["", *remarks(books), *expired(books.totals), verdict(books)]))


def _status_json(
    books: Overview,
    recent: int,
    stats: QueueStats | None,
    workers: list[WorkerReport],
    note: ScalingNote | None,
) -> dict[str, Any]:
    return {
        **{name: books.totals.total(name) for name in IN_JSON},
        "pending": books.totals.pending,
        "balanced": books.totals.complete,
        "rows_written_last_5_minutes": recent,
        **objects_as_json(books),
        "queue": _stats_json(stats) if stats else None,
        "scaling": msgspec.to_builtins(note) if note else None,
        "workers": [_worker_json(each) for each in workers],
    }


def _stats_json(stats: QueueStats) -> dict[str, Any]:
    names = ("ready", "scheduled", "inflight", "dead", "bytes", "oldest_age_seconds")
    return {name: getattr(stats, name) for name in names}


def _worker_json(report: WorkerReport) -> dict[str, Any]:
    vitals = report.vitals
    return {
        "worker": report.worker,
        "host": vitals.host,
        "pid": vitals.pid,
        "uptime_seconds": round(_uptime(report)),
        "tasks_done": vitals.tasks_done,
        "records": vitals.records,
        "cpu_seconds": vitals.cpu_seconds,
        "cpu_percent": round(100 * vitals.cpu_seconds / max(_uptime(report), 1e-9), 1),
        "rss_bytes": vitals.rss_bytes,
        "busy": vitals.busy,
    }


def _uptime(report: WorkerReport) -> float:
    return (datetime.now(UTC) - report.vitals.started_at).total_seconds()


def _queue_line(stats: QueueStats) -> str:
    return (
        f"queue: {stats.ready:,} ready, {stats.scheduled:,} scheduled, {stats.inflight:,} in flight, "
        f"{stats.dead:,} dead; {stats.bytes / 2**20:,.1f} MiB, oldest {stats.oldest_age_seconds:,.0f} s"
    )


def _show_workers(workers: list[WorkerReport]) -> None:
    rows = []
    for each in workers:
        facts = _worker_json(each)
        uptime = f"{facts['uptime_seconds'] // 60} min {facts['uptime_seconds'] % 60} s"
        done = [f"{facts['tasks_done']:,}", f"{facts['records']:,}"]
        cost = [f"{facts['cpu_percent']:.0f} %", f"{facts['rss_bytes'] / 2**20:,.0f} MiB"]
        rows.append([each.worker, uptime, *done, *cost, "busy" if facts["busy"] else "idle"])
    show_table(rows, ["worker", "uptime", "batches", "records", "cpu", "memory", ""])


def show_queue(setup: Setup, output: str) -> int:
    """Print what queue and inbox hold."""
    with ExitStack() as stack:
        client = client_of(setup, stack)
        queue, inbox = open_queue(setup, client), Inbox(client, setup.pipeline.queue_name)
        stats, priorities, waiting = queue.stats(), queue.ready_by_priority(), inbox.length()
        tasks = [inbox.task(task_id) | {"id": task_id} for task_id in inbox.task_ids(20)]
    if output == "json":
        print_json(
            {
                "name": setup.pipeline.queue_name,
                **_stats_json(stats),
                "ready_by_priority": priorities,
                "inbox": waiting,
                "tasks": tasks,
            }
        )
        return DONE
    say(f"{setup.pipeline.queue_name}\n{_queue_line(stats)}")
    for priority, count in priorities.items():
        say(f"  priority {priority}: {count:,} ready")
    say(f"inbox: {waiting:,} tasks wait (redis-cli LLEN {setup.pipeline.queue_name})")
    for task in tasks:
        say("  " + " ".join(f"{key}={value}" for key, value in sorted(task.items())))
    return DONE
