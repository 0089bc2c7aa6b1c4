"""A pipeline at a moment, from its ledger and its queue. Either may be away: the other is shown all the same."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from dcp_pipeline.connect import open_queue
from dcp_pipeline.errors import in_words
from dcp_pipeline.ledger.holding import HeldObject
from dcp_pipeline.ledger.looking.expectations import Verdict
from dcp_pipeline.ledger.looking.over_time import Flow, Step
from dcp_pipeline.ledger.looking.overview import Totals
from dcp_pipeline.observe.report import Report, read_reports
from dcp_pipeline.observe.scaling_note import ScalingNote, read_note
from dcp_pipeline.queue import QueueStats, WorkerReport
from dcp_pipeline.setup import Setup
from dcp_ui.ground.looks import EXPECTED
from dcp_ui.ground.servers import NothingYet, Servers

HOURS = 24


class LedgerSeen(msgspec.Struct, frozen=True):
    """What the ledger says. Times are UTC, without zone, by the database's clock."""

    now: datetime
    totals: Totals
    last_settled: datetime | None
    hours: tuple[Flow, ...]
    """Of the last HOURS hours."""
    expected: tuple[Verdict, ...] = ()
    """What the spec expects, and whether it is met."""
    held: tuple[HeldObject, ...] = ()
    """Objects that wait for a person, since too much of them is rejected."""


class QueueSeen(msgspec.Struct, frozen=True):
    """What Redis says."""

    stats: QueueStats
    workers: tuple[WorkerReport, ...]
    reports: Mapping[str, Report]
    note: ScalingNote | None


class Snapshot(msgspec.Struct, frozen=True):
    """Both; what is away says why. `*_absent`: nothing runs yet, which is no trouble."""

    taken_at: float
    ledger: LedgerSeen | None = None
    ledger_trouble: str | None = None
    ledger_absent: bool = False
    queue: QueueSeen | None = None
    queue_trouble: str | None = None
    queue_absent: bool = False


def take(setup: Setup, servers: Servers, embedded_url: str | None) -> Snapshot:
    """Look once."""
    seen = Snapshot(taken_at=time.time())
    try:
        seen = msgspec.structs.replace(seen, ledger=_ledger(setup, servers))
    except NothingYet as error:
        seen = msgspec.structs.replace(seen, ledger_trouble=str(error), ledger_absent=True)
    except EXPECTED as error:
        seen = msgspec.structs.replace(seen, ledger_trouble=setup.secrets.redact(in_words(error)))
    try:
        return msgspec.structs.replace(seen, queue=_queue(setup, servers, embedded_url))
    except NothingYet as error:
        return msgspec.structs.replace(seen, queue_trouble=str(error), queue_absent=True)
    except EXPECTED as error:
        return msgspec.structs.replace(seen, queue_trouble=setup.secrets.redact(in_words(error)))


def _ledger(setup: Setup, servers: Servers) -> LedgerSeen:
    with servers.ledger(setup) as ledger:
        now, totals = ledger.now(), ledger.totals()
        return LedgerSeen(
            now=now,
            totals=totals,
            held=ledger.held() if totals.dead else (),
            last_settled=ledger.last_settled(),
            hours=tuple(ledger.flow(Step.HOUR.floor(now) - timedelta(hours=HOURS - 1), Step.HOUR)),
            expected=ledger.expectations(setup.pipeline.spec),
        )


def _queue(setup: Setup, servers: Servers, embedded_url: str | None) -> QueueSeen:
    client = servers.redis(setup, embedded_url)
    queue = open_queue(setup, client)
    return QueueSeen(
        stats=queue.stats(),
        workers=tuple(queue.workers()),
        reports=read_reports(client, queue.name),
        note=read_note(client, queue.name),
    )
