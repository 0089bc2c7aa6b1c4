"""From a snapshot to what the picture of the way says. Pure."""

from __future__ import annotations

from dcp_pipeline.ledger.looking.overview import Totals
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.kubernetes.status import Records
from dcp_ui.drawing.way import Box, Part, SourceShown, Way
from dcp_ui.reading.snapshot import QueueSeen, Snapshot
from dcp_ui.words.language import Words

_BOOKS = ("written", "duplicates", "filtered", "rejected", "dead", "pending")


def way_of(setup: Setup, seen: Snapshot, words: Words) -> Way:
    """The picture's contents."""
    queue = seen.queue
    workers = queue.workers if queue else ()
    waiting, working, table = _queue(words, seen), _workers(words, queue), _table(words, setup, seen)
    sources = tuple(_source(words, each.name, each.interval.seconds, queue) for each in setup.pipeline.spec.sources)
    return Way(
        said=in_a_sentence(words, len(sources), waiting, working, table),
        sources_name=words("Sources"),
        sources=sources,
        more_sources=words("and {n} more", n=max(len(sources) - 5, 0)),
        queue=waiting,
        queue_parts=_queue_parts(words, queue),
        workers=working,
        workers_busy=tuple(each.vitals.busy for each in workers),
        table=table,
        books=books(words, seen.ledger.totals) if seen.ledger else (),
        flows=any(each.vitals.busy for each in workers),
    )


def in_a_sentence(words: Words, sources: int, queue: Box, workers: Box, table: Box) -> str:
    """The picture."""
    return words(
        "The way of the records: {sources} sources, queue: {queue}, workers: {workers}, table: {table}",
        sources=sources,
        queue=queue.figure,
        workers=workers.figure,
        table=table.figure,
    )


def books(words: Words, counts: Totals | Records) -> tuple[Part, ...]:
    """The parts of the table's bar."""
    return tuple(Part(words(name), f"s-{name}", getattr(counts, name)) for name in _BOOKS)


def queue_box(words: Words, batches: int, size_bytes: int, oldest_seconds: float, dead: int) -> Box:
    """A queue that was read."""
    figure = words("{n} batches", n=batches) if batches else words("empty")
    held = f"{words.size(size_bytes)} · {words('oldest {span}', span=words.span(oldest_seconds))}"
    lost = (words("{n} dead", n=dead),) if dead else ()
    return Box(words("Queue"), figure, ((held,) if batches else ()) + lost)


def _source(words: Words, name: str, interval_seconds: float, queue: QueueSeen | None) -> SourceShown:
    told = [report.sources for report in queue.reports.values() if name in report.sources] if queue else []
    if not told:
        return SourceShown(name, words("no fetcher tells of it"), "d-unknown")
    problem = next((each[name] for each in told if each[name]), None)
    if problem:
        return SourceShown(name, words("cannot be read"), "d-bad")
    return SourceShown(name, words("looked at every {span}", span=words.span(interval_seconds)), "d-ok")


def _queue(words: Words, seen: Snapshot) -> Box:
    if seen.queue is None:
        return Box(words("Queue"), "–", (words("none runs here") if seen.queue_absent else words("does not answer"),))
    stats = seen.queue.stats
    return queue_box(words, stats.backlog, stats.bytes, stats.oldest_age_seconds, stats.dead)


def _queue_parts(words: Words, queue: QueueSeen | None) -> tuple[Part, ...]:
    if queue is None:
        return ()
    stats = queue.stats
    return (
        Part(words("in flight"), "q-inflight", stats.inflight),
        Part(words("ready"), "q-ready", stats.ready),
        Part(words("put off"), "q-scheduled", stats.scheduled),
    )


def _workers(words: Words, queue: QueueSeen | None) -> Box:
    if queue is None:
        return Box(words("Workers"), "–", (words("not known without the queue"),))
    if not queue.workers:
        return Box(words("Workers"), words("none"), (words("nothing is cleaned now"),))
    busy = sum(each.vitals.busy for each in queue.workers)
    memory = sum(each.vitals.rss_bytes for each in queue.workers)
    line = f"{words('{n} busy', n=busy)} · {words.size(memory)}"
    return Box(words("Workers"), words("{n} alive", n=len(queue.workers)), (line,))


def _table(words: Words, setup: Setup, seen: Snapshot) -> Box:
    name = words("table {name}", name=setup.pipeline.table)
    if seen.ledger is None:
        return Box(words("Table"), "–", (name, words("none yet") if seen.ledger_absent else words("does not answer")))
    last = seen.ledger.last_settled
    age = words.age((seen.ledger.now - last).total_seconds()) if last else words("nothing yet")
    totals = seen.ledger.totals
    rows = words("{n} rows", n=words.short(totals.written - totals.expired))
    gone = (words("{n} expired", n=words.short(totals.expired)),) if totals.expired else ()
    return Box(words("Table"), rows, (name, words("last: {age}", age=age), *gone))
