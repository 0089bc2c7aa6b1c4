"""Traces (object -> batch -> clean, insert, commit), where OTEL_EXPORTER_OTLP_ENDPOINT asks for them: what fetcher and
worker tell here spans.py makes spans of, and otlp.py sends. Where nobody asks nothing is imported.

The trace's context travels with each batch without a byte more: an object's id is its trace's id, and a batch's and an
object's ids begin with those of their spans (docs/adr/0134). So batches of every release have one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from dcp_pipeline.batch import Batch
from dcp_pipeline.ledger.model import Cut, SourceObject
from dcp_pipeline.observe.phases import Phase
from dcp_pipeline.observe.tracing.settings import asked_for

log = logging.getLogger(__name__)


class Traces(Protocol):
    """Told what happens, by all threads. Must not raise and must not block. Times `began` are monotonic seconds."""

    def __call__(self, phase: Phase, batch_id: str) -> None:
        """An Observer."""

    def cut(self, of: SourceObject, cuts: Sequence[Cut], began: float) -> None:
        """These were read, cut and enqueued, from `began` on."""

    def read(self, of: SourceObject, began: float) -> None:
        """It was read to its end."""

    def holds(self, batch: Batch) -> None:
        """A worker that claimed it knows now what it is."""

    def ended(self, batch_id: str, problem: str | None) -> None:
        """A worker is done with it; `problem`: why it was not settled."""

    def close(self) -> None:
        """Send what is left, within seconds."""


class _Untraced:
    def __call__(self, phase: Phase, batch_id: str) -> None: ...
    def cut(self, of: SourceObject, cuts: Sequence[Cut], began: float) -> None: ...
    def read(self, of: SourceObject, began: float) -> None: ...
    def holds(self, batch: Batch) -> None: ...
    def ended(self, batch_id: str, problem: str | None) -> None: ...
    def close(self) -> None: ...


UNTRACED: Traces = _Untraced()


def traces_of(
    environment: Mapping[str, str], pipeline: str, instance: str, redact: Callable[[str], str] = str
) -> Traces:
    """What the environment asks for: by OpenTelemetry's own variables."""
    if not asked_for(environment):
        return UNTRACED
    try:
        from dcp_pipeline.observe.tracing.otlp import Sent

        return Sent(environment, pipeline, instance, redact)
    except ImportError as error:
        # Those variables may be meant for every program of this machine: no reason not to run.
        log.warning("traces are asked for and cannot be sent: %s; pip install '.[tracing]'", error)
    except OSError as error:
        log.warning("traces cannot be sent: OTEL_EXPORTER_OTLP_CERTIFICATE cannot be used: %s", error)
    return UNTRACED
