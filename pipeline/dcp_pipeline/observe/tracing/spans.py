"""Spans as values, from what fetcher and worker tell. No OpenTelemetry in here: otlp.py makes its spans of these."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec

from dcp_pipeline.batch import Batch
from dcp_pipeline.ledger.model import Cut, SourceObject
from dcp_pipeline.observe.phases import Phase

_MOST_HELD = 1024
"""Batches that a process remembers: of those that it handed back it hears no more."""
_ID = re.compile("[0-9a-f]{32}")
_STEPS = {Phase.CLEANED: "clean", Phase.INSERTED: "insert", Phase.COMMITTED: "commit"}
"""What has just ended, and what it was."""


class Made(msgspec.Struct, frozen=True):
    """A span that is over. Ids as in OpenTelemetry, times in nanoseconds since the epoch."""

    name: str
    trace_id: int
    span_id: int
    parent_id: int
    start: int
    end: int
    attributes: dict[str, str | int]
    kind: str = "internal"
    problem: str | None = None


def trace_of(object_id: str) -> int:
    """The trace of an object: its id, which is as long."""
    return int(object_id, 16)


def span_of(named: str) -> int:
    """The span of an object or of a batch's cut: the beginning of its id."""
    return int(named[:16], 16)


class _Held(msgspec.Struct):
    """A batch in a worker's hands."""

    claimed: int
    batch: Batch | None = None
    steps: list[tuple[str, int]] = msgspec.field(default_factory=list)


class SpanMaker:
    """Thread-safe; `emit` is given each span, and must not block."""

    def __init__(
        self,
        emit: Callable[[Made], None],
        redact: Callable[[str], str] = str,
        now: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._emit, self._redact, self._now, self._monotonic = emit, redact, now, monotonic
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, phase: Phase, batch_id: str) -> None:
        with self._lock:
            if phase is Phase.CLAIMED:
                self._held[batch_id] = _Held(self._now())
                self._held.move_to_end(batch_id)
                while len(self._held) > _MOST_HELD:
                    self._held.popitem(last=False)
            elif (step := _STEPS.get(phase)) and (held := self._held.get(batch_id)) is not None:
                held.steps.append((step, self._now()))

    def cut(self, of: SourceObject, cuts: Sequence[Cut], began: float) -> None:
        """A span for each, by which its batch's are found."""
        start, end = self._since(began), self._now()
        for cut in cuts:
            attributes: dict[str, str | int] = {
                "dcp.batch": cut.batch_id, "dcp.uri": of.uri, "dcp.sequence": cut.sequence, "dcp.records": cut.records,
                "dcp.bytes": cut.end - cut.start,
            }  # fmt: skip
            trace, span = trace_of(of.id), span_of(cut.batch_id)
            self._emit(Made("cut", trace, span, span_of(of.id), start, end, attributes, "producer"))

    def read(self, of: SourceObject, began: float) -> None:
        """The trace's root."""
        attributes: dict[str, str | int] = {
            "dcp.pipeline": of.pipeline, "dcp.source": of.source, "dcp.object": of.id, "dcp.uri": of.uri
        }  # fmt: skip
        self._emit(
            Made("object", trace_of(of.id), span_of(of.id), 0, self._since(began), self._now(), attributes, "consumer")
        )

    def holds(self, batch: Batch) -> None:
        """Only now its trace is known. Whoever writes to the queue may name an object as they like."""
        if not (_ID.fullmatch(batch.object_id) and _ID.fullmatch(batch.id)):
            return
        with self._lock:
            if (held := self._held.get(batch.id)) is not None:
                held.batch = batch

    def ended(self, batch_id: str, problem: str | None) -> None:
        """The attempt, and in it what it did. Of what was none of ours (a forged batch) there is no trace."""
        with self._lock:
            held = self._held.pop(batch_id, None)
        if held is None or held.batch is None:
            return
        batch, trace = held.batch, trace_of(held.batch.object_id)
        attributes: dict[str, str | int] = {
            "dcp.pipeline": batch.pipeline, "dcp.source": batch.source, "dcp.batch": batch.id, "dcp.uri": batch.uri,
            "dcp.records": batch.records,
        }  # fmt: skip
        attempt = new_span()
        start = held.claimed
        for step, at in held.steps:
            self._emit(Made(step, trace, new_span(), attempt, start, at, {"dcp.batch": batch.id}))
            start = at
        told = self._redact(problem) if problem is not None else None
        parent = span_of(batch.id)
        self._emit(
            Made("batch", trace, attempt, parent, held.claimed, self._now(), attributes, "consumer", problem=told)
        )

    def _since(self, began: float) -> int:
        return self._now() - int((self._monotonic() - began) * 1e9)


def new_span() -> int:
    """An id that no other span has; never 0, which is none."""
    return secrets.randbits(64) or 1
