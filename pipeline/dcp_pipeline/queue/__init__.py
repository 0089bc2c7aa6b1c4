"""The Redis queue between fetcher and workers. Read model.py for its words, client.py for what it does."""

from dcp_pipeline.queue.client import Queue
from dcp_pipeline.queue.connection import UNREACHABLE, check_server, connect, ping
from dcp_pipeline.queue.inbox import Inbox
from dcp_pipeline.queue.leases import LeaseKeeper
from dcp_pipeline.queue.leaving import ask_to_go
from dcp_pipeline.queue.model import (
    DeadLetter,
    Exchange,
    ForeignPipeline,
    Job,
    Lease,
    Mended,
    Progress,
    QueueError,
    QueueFull,
    QueueStats,
    RetryOutcome,
    RetryState,
    UnsupportedServer,
    WorkerReport,
    WorkerVitals,
)
from dcp_pipeline.queue.policy import RetryPolicy, backoff_seconds
from dcp_pipeline.queue.view import QueueView, read_stats

__all__ = [
    "UNREACHABLE",
    "DeadLetter",
    "Exchange",
    "ForeignPipeline",
    "Inbox",
    "Job",
    "Lease",
    "LeaseKeeper",
    "Mended",
    "Progress",
    "Queue",
    "QueueError",
    "QueueFull",
    "QueueStats",
    "QueueView",
    "RetryOutcome",
    "RetryPolicy",
    "RetryState",
    "UnsupportedServer",
    "WorkerReport",
    "WorkerVitals",
    "ask_to_go",
    "backoff_seconds",
    "check_server",
    "connect",
    "ping",
    "read_stats",
]
