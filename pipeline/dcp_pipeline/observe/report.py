"""What fetcher and workers tell the operator through Redis: the books, and whether sources and sink answer.

The operator has no access to the sink (docs/adr/0011), so the pods, which have, publish what it shows. It is a
report and nothing more: the truth stays in the ledger, and a wiped Redis is told again within seconds.

reporter.py is the thread that publishes. Before it reads the ledger it takes the turn: so the books are summed up
once per period, however many workers there are. All calls let redis' errors through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Protocol

import msgspec
import redis
from msgspec import Meta

from dcp_pipeline.queue.keys import Keys
from dcp_pipeline.texts import storable

PERIOD_SECONDS = 5.0
KEPT_SECONDS = 3600
"""A report that nobody renews is forgotten: a pipeline that is gone leaves no key behind."""
COMPONENTS = ("fetcher", "worker")
MOST_BYTES = 64 * 1024
"""Of one report. What is read of it is kept for each pipeline, and comes from wherever a spec leads."""
_TEXT_CHARS = 1000


Count = Annotated[int, Meta(ge=0)]


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The books over all objects, in records: Books.total of each column."""

    read: Count
    written: Count
    duplicates: Count
    rejected: Count
    filtered: Count
    dead: Count
    pending: Count


class Expectation(msgspec.Struct, frozen=True):
    """One thing that the spec expects, as judged by the ledger."""

    about: str
    met: bool
    reason: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one process found. None in place of a problem: all is well. `at` is in seconds since the epoch."""

    at: float
    totals: Totals | None = None
    """None where the ledger could not be read."""
    sources: Annotated[Mapping[str, str | None], Meta(max_length=100)] = {}
    """Source's name -> its problem; only the fetcher knows."""
    labels: Annotated[Mapping[str, str | None], Meta(max_length=100)] = {}
    """Source's name -> what is missing or new among its latest object's labels; only the fetcher knows."""
    sink: str | None = None
    """The sink's problem."""
    expected: Annotated[tuple[Expectation, ...], Meta(max_length=1000)] | None = None
    """What the spec expects; None where it is not judged, only the fetcher does."""


def take_turn(client: redis.Redis, queue: str, component: str, period_seconds: float) -> bool:
    """Whether it is this caller's turn to publish: true for one process of a component per period."""
    return bool(client.set(_turn(queue, component), b"1", nx=True, px=int(period_seconds * 1000)))


def keep_turn(client: redis.Redis, queue: str, component: str, seconds: float) -> None:
    """Have the turn last for `seconds` from now: the books were long in the summing up."""
    client.pexpire(_turn(queue, component), int(seconds * 1000))


def publish(client: redis.Redis, queue: str, component: str, report: Report) -> None:
    """Replace what `component` (fetcher or worker) said before."""
    pipeline = client.pipeline(transaction=False)
    pipeline.hset(report_key(queue), component, written(report))
    pipeline.expire(report_key(queue), KEPT_SECONDS)
    pipeline.execute()


def written(report: Report) -> bytes:
    """As it is published: what cannot be written of its texts is replaced, and they are cut where it is longer than is
    read."""
    try:
        text = msgspec.json.encode(report)
    except UnicodeEncodeError:  # of a name that is no UTF-8
        report = with_texts(report, storable)
        text = msgspec.json.encode(report)
    chars = _TEXT_CHARS
    while len(text) > MOST_BYTES and chars:
        text, chars = msgspec.json.encode(with_texts(report, partial(_first, chars))), chars // 2
    return text


def _first(chars: int, text: str) -> str:
    return text[:chars]


def with_texts(report: Report, change: Callable[[str], str]) -> Report:
    """What it says in words, changed; the names of sources stay."""

    def changed(texts: Mapping[str, str | None]) -> dict[str, str | None]:
        return {name: text and change(text) for name, text in texts.items()}

    return msgspec.structs.replace(
        report,
        sources=changed(report.sources),
        labels=changed(report.labels),
        sink=report.sink and change(report.sink),
        expected=report.expected
        and tuple(Expectation(change(each.about), each.met, change(each.reason)) for each in report.expected),
    )


def read_reports(client: redis.Redis, queue: str) -> dict[str, Report]:
    """Component -> its last report."""
    return reports_of(client.hgetall(report_key(queue)))  # type: ignore[arg-type]


def reports_of(reply: Mapping[bytes, bytes]) -> dict[str, Report]:
    """Component -> its last report, from the hash's fields. What another release wrote is left out, and what is longer
    than any of ours."""
    found: dict[str, Report] = {}
    for component in COMPONENTS:
        text = reply.get(component.encode())
        if text is None or len(text) > MOST_BYTES:
            continue
        try:
            found[component] = msgspec.json.decode(text, type=Report)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return found


def report_key(queue: str) -> str:
    """The hash of a queue's reports."""
    return Keys(queue).prefix + "report"


def report_keys(queue: str) -> tuple[str, ...]:
    """The keys that reports of a queue, and whose turn it is to report, are in."""
    return report_key(queue), *(_turn(queue, component) for component in COMPONENTS)


def _turn(queue: str, component: str) -> str:
    return f"{report_key(queue)}:turn:{component}"


class Books(Protocol):
    """The ledger's sums (not imported here: they would bring SQLAlchemy into the operator)."""

    def total(self, column: str, /) -> int: ...


def totals_of(books: Books) -> Totals:
    """What is published of the ledger's sums."""
    return Totals(**{column: books.total(column) for column in Totals.__struct_fields__})
