"""The sink: what comes out of a batch, into the table and the ledger in one transaction. Start at writer.py."""

from dcp_pipeline.database.errors import SinkUnavailable, TableMismatch
from dcp_worker.sink.counting import CountMismatch
from dcp_worker.sink.replaying.again import ReplayPlan
from dcp_worker.sink.replaying.replay import ReplayReport, replay
from dcp_worker.sink.writer import CommitKind, CommitOutcome, SinkWriter

__all__ = [
    "CommitKind",
    "CommitOutcome",
    "CountMismatch",
    "ReplayPlan",
    "ReplayReport",
    "SinkUnavailable",
    "SinkWriter",
    "TableMismatch",
    "replay",
]
