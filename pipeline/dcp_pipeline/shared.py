"""What the parts of one process share: built once by its composition root, passed to each."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec
import redis
from sqlalchemy import Engine

from dcp_pipeline.ledger import Ledger
from dcp_pipeline.observe.metrics import Metrics
from dcp_pipeline.observe.phases import Observer, Phase, unobserved
from dcp_pipeline.observe.pulse import Pulse
from dcp_pipeline.observe.tracing import UNTRACED, Traces
from dcp_pipeline.queue import Queue

log = logging.getLogger(__name__)


class Shared(msgspec.Struct, frozen=True):
    """Connections, and who is told what happens."""

    client: redis.Redis
    queue: Queue
    engine: Engine
    ledger: Ledger
    metrics: Metrics
    pulse: Pulse
    observer: Observer = unobserved
    traces: Traces = UNTRACED
    redact: Callable[[str], str] = str
    """Hides secrets, which a server may repeat."""

    def observe(self, phase: Phase, batch_id: str) -> None:
        """An observer that tells the metrics and whoever else asked."""
        self.metrics(phase, batch_id)
        if batch_id:
            self.traces(phase, batch_id)
        if batch_id and log.isEnabledFor(logging.DEBUG):
            log.debug("batch %s", phase.value, extra={"batch": batch_id})
        self.observer(phase, batch_id)

    def stuck(self) -> str | None:
        """For /healthz: the loops that fell silent."""
        return "; ".join(self.pulse.stuck()) or None

    def close(self) -> None:
        """Close the connections; what is left of the traces is sent."""
        self.traces.close()
        self.engine.dispose()
        self.client.close()
