"""The ledger's words: objects, cuts, counts and rejects. Values only; tables.py holds how they are stored."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class ObjectState(StrEnum):
    """How far the fetcher is with an object."""

    CUTTING = "cutting"
    """Its bytes are being read; more cuts may follow."""
    CUT = "cut"
    """Read to its end (growth: append: to the last record that was complete)."""
    UNAVAILABLE = "unavailable"
    """Incomplete, and it cannot be completed: no longer served, changed, damaged, not what it should be."""
    HISTORY = "history"
    """Was unavailable; its source has it no more, or a person said to forget it: no failure any longer."""


class BatchState(StrEnum):
    """How far the workers are with a batch."""

    CUT = "cut"
    """Recorded by the fetcher, not yet in the sink."""
    DONE = "done"
    """Its rows, rejects and counts are in the sink, in one transaction."""
    DEAD = "dead"
    """Given up after its attempts, with the reason."""


class Standing(StrEnum):
    """How far the ledger is with a batch that somebody else has as dead."""

    CUT = BatchState.CUT
    REVIVED = "revived"
    """Pending again by `dcp dead requeue`, which may not have told the queue."""
    DONE = BatchState.DONE
    DEAD = BatchState.DEAD


class BatchKind(StrEnum):
    """Where a batch's records came from."""

    CUT = "cut"
    REPLAY = "replay"
    """Rejects that were tried again: reads 0, and written + duplicates + filtered + rejected = 0, the rejects
    that left (n) and those that came back (m) making `rejected` m - n."""


class SourceObject(msgspec.Struct, frozen=True):
    """One version of one file of a source. `version` is its token: ETag, size and mtime, or its digest."""

    id: str
    pipeline: str
    source: str
    uri: str
    version: str
    revision: str
    """Of the spec that all its records are read with."""
    state: ObjectState = ObjectState.CUTTING
    header: tuple[str, ...] | None = None
    header_end: int = 0
    """Bytes before the first record: byte order mark and header."""
    header_lines: int = 0
    etag: str | None = None
    last_modified: str | None = None
    size_bytes: int | None = None
    """Bytes the source served, compressed as they came; None until known."""
    reason: str | None = None


class Cut(msgspec.Struct, frozen=True):
    """A recorded range of an object's decompressed bytes. It is never cut again."""

    batch_id: str
    sequence: int
    start: int
    end: int
    records: int
    first_record: int
    first_line: int
    digest: str
    defect: str | None = None
    header: tuple[str, ...] | None = None
    """Its labels, where they are not its object's."""
    state: BatchState = BatchState.CUT


class Counts(msgspec.Struct, frozen=True):
    """What became of a batch's records. For a batch that was cut, read equals the sum of the others."""

    read: int
    written: int
    duplicates: int
    rejected: int
    filtered: int = 0
    expired: int = 0
    """Of `written`, those that are in the table no more, or were too old for it when they came."""

    @property
    def balanced(self) -> bool:
        return self.read == self.written + self.duplicates + self.rejected + self.filtered


class Reject(msgspec.Struct, frozen=True):
    """A record that was refused, with where it stands and why.

    `code` is one of Frictionless' error codes. `record` and `line` are 1-based and count from the object's
    start (the header is a line, not a record). `raw` is at most RAW_KEPT_BYTES of the record's bytes as they
    came; `raw_bytes` is its whole length and `raw_digest` is of the whole record.
    """

    record: int
    line: int
    code: str
    reason: str
    field: str | None
    start: int
    raw: bytes
    raw_bytes: int
    raw_digest: str


class ObjectBooks(msgspec.Struct, frozen=True):
    """The books of one object: read = written + duplicates + rejected + filtered + dead, once nothing is pending."""

    object_id: str
    source: str
    uri: str
    state: ObjectState
    reason: str | None
    read: int
    written: int
    duplicates: int
    rejected: int
    filtered: int
    dead: int
    pending: int
    """Records cut and not yet settled."""
    batches: int
    whole: bool = True
    """Whether no cut is missing before another."""
    read_at: datetime | None = None
    """When the fetcher last wrote something about it; UTC, without zone."""
    settled_at: datetime | None = None
    """When its last batch was settled."""
    expired: int = 0
    """Of `written`: what the spec's retention has taken out of the table."""

    @property
    def consistent(self) -> bool:
        """Whether what is settled adds up and no cut is missing, however much is pending."""
        settled = self.written + self.duplicates + self.rejected + self.filtered + self.dead
        return self.whole and self.read == settled + self.pending

    @property
    def balanced(self) -> bool:
        return self.pending == 0 and self.consistent


class Books(msgspec.Struct, frozen=True):
    """The books of a pipeline, over all its objects."""

    objects: tuple[ObjectBooks, ...] = msgspec.field(default=())
    rejected_by_code: tuple[tuple[str, int], ...] = ()

    def total(self, column: str) -> int:
        """The sum of one of the counts over all objects."""
        return sum(getattr(each, column) for each in self.objects)

    @property
    def consistent(self) -> bool:
        return all(each.consistent for each in self.objects)

    @property
    def balanced(self) -> bool:
        return all(each.balanced for each in self.objects)

    @property
    def complete(self) -> bool:
        """Whether they balance, and nothing is dead or unavailable: what `dcp verify` asks for."""
        return self.balanced and not self.total("dead") and not self.unavailable

    @property
    def unavailable(self) -> tuple[ObjectBooks, ...]:
        return tuple(each for each in self.objects if each.state is ObjectState.UNAVAILABLE)


class TaskState(StrEnum):
    """How far a task of the inbox is."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    TIMEOUT = "timeout"


class Task(msgspec.Struct, frozen=True):
    """A file that somebody asked for through the inbox. `raw` is what they wrote; times are UTC, without zone."""

    id: str
    raw: bytes
    url: str | None
    priority: int | None
    source: str | None
    state: TaskState
    attempts: int
    object_id: str | None
    reason: str | None
    created_at: datetime
    updated_at: datetime


class DeadBatch(msgspec.Struct, frozen=True):
    """A batch that was given up, with its range in its object."""

    batch_id: str
    object_id: str
    source: str
    uri: str
    sequence: int
    start: int
    end: int
    records: int
    first_record: int
    reason: str
    attempts: int
    died_at: datetime | None


class RejectState(StrEnum):
    """Whether a reject still stands."""

    OPEN = "open"
    REPLAYED = "replayed"
    """A replay took it: its record is a row now, or a reject of the replay's own."""


class RejectFilter(msgspec.Struct, frozen=True):
    """Which rejects; None means any."""

    source: str | None = None
    object_id: str | None = None
    code: str | None = None
    field: str | None = None
    state: RejectState | None = RejectState.OPEN
    newest_of: tuple[str, ...] = ()
    """Sources of whose objects only the version counts that no newer one, read to its end, has replaced."""


class StoredReject(msgspec.Struct, frozen=True):
    """A reject as the ledger keeps it. `raw` is None where the object's cap on kept bytes was reached."""

    batch_id: str
    object_id: str
    source: str
    uri: str
    record: int
    line: int
    start: int
    code: str
    field: str | None
    reason: str
    raw: bytes | None
    raw_bytes: int
    raw_digest: str
    state: RejectState
    header: tuple[str, ...] | None = None
    """Of its batch, where that is not its object's."""

    @property
    def complete(self) -> bool:
        """Whether all of the record's bytes are kept, so that it can be read again."""
        return self.raw is not None and len(self.raw) == self.raw_bytes


class ClaimKind(StrEnum):
    """What became of a worker's claim on a batch."""

    CLAIMED = "claimed"
    ALREADY_DONE = "already-done"
    DEAD = "dead"
    UNKNOWN = "unknown"
    """The ledger has no such batch of this pipeline."""
