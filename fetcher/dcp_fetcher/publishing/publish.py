"""From cuts to the queue, in the order that loses nothing: recorded in the ledger first, enqueued after.

A crash in between leaves a recorded cut that the queue does not know; reading.py then enqueues it again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from dcp_fetcher.cutting.header import Header
from dcp_fetcher.cutting.split import RawCut
from dcp_fetcher.ground.patience import POLL_SECONDS, Patience, Stop
from dcp_fetcher.ground.ports import Ledger, Queue
from dcp_fetcher.ground.progress import Progress
from dcp_fetcher.ground.vitals import Vitals
from dcp_fetcher.publishing.cuts import batch_of, cut_of
from dcp_fetcher.publishing.done import DoneLog
from dcp_fetcher.publishing.labels_judged import ObjectLabels
from dcp_fetcher.sites.versions import generation_of
from dcp_pipeline.batch import encode_batch
from dcp_pipeline.ledger.model import Cut, ObjectState, SourceObject
from dcp_pipeline.observe.phases import Observer, Phase
from dcp_pipeline.observe.tracing import UNTRACED, Traces
from dcp_pipeline.queue.model import Job
from dcp_pipeline.spec.wanted_labels import remark_in

GROUP_BATCHES = 4


@dataclass(frozen=True)
class Outlet:
    """Where batches go, and who is told. Shared by all objects of a fetcher."""

    ledger: Ledger
    queue: Queue
    max_queue_bytes: int
    patience: Patience
    stop: Stop
    progress: Progress
    observer: Observer
    vitals: Vitals
    """Told what is done, or waited for, each time it goes on."""
    done: DoneLog
    traces: Traces = UNTRACED

    def read(self, count: int) -> None:
        """So many bytes came of an object. Raises Stopped: of an archive of empty files nothing comes that anything
        else would stop at."""
        self.stop.check()
        self.progress.count(bytes_read=count)
        self.vitals.alive("reads")
        self.observer(Phase.FETCHING, "")

    def wait_for_room(self) -> None:
        """Return once the queue holds no more than its share. Raises Stopped."""
        waited = False
        while (held := self.patience(self.queue.stats).bytes) > self.max_queue_bytes:
            waited = True
            self.progress.waiting(f"the queue holds {held:,} bytes, more than queue.maxBytes")
            self.vitals.alive("waits for room in the queue")
            self.stop.wait(POLL_SECONDS)
        if waited:
            self.progress.waiting(None)

    def lost(self) -> frozenset[str]:
        """The objects of which the queue does not know a pending batch: two questions, however many wait, and two more
        where something seems lost: what was committed and acknowledged between the first two is not."""
        lost = self._seem_lost()
        return lost & self._seem_lost() if lost else lost

    def _seem_lost(self) -> frozenset[str]:
        pending = self.patience(self.ledger.pending_ids)
        present = self.patience(lambda: self.queue.present([batch_id for _, batch_id in pending])) if pending else ()
        return frozenset(object_id for object_id, batch_id in pending if batch_id not in present)

    def missing(self, cuts: Sequence[Cut]) -> frozenset[str]:
        """The pending ones among these that the queue does not know."""
        pending = [cut.batch_id for cut in cuts if cut.state == "cut"]
        return frozenset(pending) - self.patience(lambda: self.queue.present(pending)) if pending else frozenset()


class Publisher:
    """Publishes one object's cuts, in groups: one commit and one call for several.

    What it remembers of the object it says with each commit: a ledger that has gone back refuses (LedgerWentBack).
    """

    def __init__(
        self, outlet: Outlet, recorded: SourceObject, priority: int, cuts: int = 0, labels: ObjectLabels | None = None
    ) -> None:
        self._outlet, self.object, self._priority, self._labels = outlet, recorded, priority, labels
        self.recorded = cuts
        """How many cuts of it are in the ledger, as far as is known here."""
        self._began = self._group_began = time.monotonic()
        self._new = not cuts
        """Nothing of it was known: this reading is its trace's root."""
        self._cuts: list[Cut] = []
        self._jobs: list[Job] = []

    def begin(self, header: Header | None, cuts: Sequence[RawCut]) -> None:
        """Record what stands before the first record, once it is known. Raises LabelsRefused before anything of the
        object is published."""
        if self.object.header is not None or self.object.header_end:
            return
        if self.recorded or self._cuts:  # what was cut without labels, by an older release too, would look forged
            return
        labels = self._labels.known(header, cuts) if self._labels else None
        if self._labels and labels is not None:
            self._labels.check(labels, self.object.uri)
        if header is not None and (header.end or header.labels):
            self.update(header=header.labels, header_end=header.end, header_lines=header.lines)
        elif labels is not None:
            self.update(header=labels)

    def add(self, raw: RawCut) -> None:
        """A new cut."""
        cut = cut_of(self.object, raw)
        self._cuts.append(cut)
        self.again(cut, raw.raw)

    def again(self, cut: Cut, raw: bytes) -> None:
        """A batch for the queue: of a new cut, or of a recorded one that the queue has lost."""
        payload = encode_batch(batch_of(self.object, cut, raw))
        self._jobs.append(Job(cut.batch_id, payload, self._priority, self.object.pipeline))
        if len(self._jobs) >= GROUP_BATCHES:
            self.flush()

    def flush(self) -> None:
        """Record, enqueue, then wait until there is room for more. Raises Stopped, LedgerConflict, LedgerWentBack."""
        if not self._jobs:
            return
        outlet, cuts, jobs, opened = self._outlet, self._cuts, self._jobs, self.object
        if cuts:
            outlet.patience(lambda: outlet.ledger.record_cuts(opened.id, cuts, opened))
            self.object, self.recorded = replace(opened, state=ObjectState.CUTTING), cuts[-1].sequence + 1
            for cut in cuts:
                outlet.observer(Phase.CUT, cut.batch_id)
            outlet.progress.count(records_cut=sum(cut.records for cut in cuts))
            outlet.progress.brought_news(opened.source)
        self._cuts, self._jobs = [], []
        outlet.patience(lambda: outlet.queue.enqueue(jobs))
        for job in jobs:
            outlet.observer(Phase.ENQUEUED, job.id)
        outlet.traces.cut(opened, cuts, self._group_began)
        outlet.vitals.alive("enqueued")
        outlet.wait_for_room()
        self._group_began = time.monotonic()

    def close(self, reason: str = "", **changes: object) -> None:
        """The object was read to its end, with as many cuts as were recorded here. Raises LedgerWentBack."""
        changes |= {"state": ObjectState.CUT}
        reason = self.with_remark(reason)
        news = any(getattr(self.object, name) != value for name, value in changes.items() if value)
        if news or (self.object.reason or "") != reason:
            self.update(reason=reason, having_cuts=self.recorded, **changes)
        if self._new and self.recorded:
            self._outlet.traces.read(self.object, self._began)
        self._outlet.done.cut(self.object.id, self._began, growing=generation_of(self.object.version) is not None)

    def with_remark(self, reason: str) -> str:
        """The reason, and what there is to be said of the object's labels."""
        remark = self._labels.remark(self.object) if self._labels else remark_in(self.object.reason)
        return "; ".join(filter(None, (reason, remark)))

    def update(self, **changes: object) -> None:
        """Change what the ledger says about the object."""
        ledger, object_id = self._outlet.ledger, self.object.id
        self._outlet.patience(lambda: ledger.update_object(object_id, **changes))  # type: ignore[arg-type]
        given = {name: value for name, value in changes.items() if value is not None and name != "having_cuts"}
        self.object = replace(self.object, **given)
