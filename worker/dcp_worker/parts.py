"""What all internal workers of a process share."""

from __future__ import annotations

import msgspec

from dcp_pipeline.observe.phases import Observer
from dcp_pipeline.observe.pulse import Pulse
from dcp_pipeline.observe.tracing import UNTRACED, Traces
from dcp_worker.ports import DeadLedger, Leases, Plans, Settled, Sink, WorkQueue
from dcp_worker.trouble import Trouble
from dcp_worker.verdicts import Tally


class Parts(msgspec.Struct, frozen=True):
    """Put together by process.py."""

    pipeline: str
    worker_id: str
    queue: WorkQueue
    leases: Leases
    ledger: DeadLedger
    plans: Plans
    sink: Sink
    metrics: Settled
    observer: Observer
    pulse: Pulse
    trouble: Trouble
    tally: Tally
    batch_timeout_seconds: float
    queue_timeout_seconds: float = 1.0
    traces: Traces = UNTRACED
