"""What a run came to: for people, and as the one JSON object that scripts read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dcp_cli.expectations import as_json
from dcp_cli.shown.tables import table
from dcp_pipeline.ledger.looking.expectations import Verdict
from dcp_pipeline.ledger.model import Books, ObjectBooks, ObjectState
from dcp_pipeline.spec.wanted_labels import remark_in

MOST_REMARKS = 5
_MOST_NAMED = 3
COUNTS = ("read", "written", "duplicates", "rejected", "filtered", "dead")


@dataclass(frozen=True)
class RunSummary:
    """The books after a run, and what this run added to them."""

    spec: str
    sink: str
    table: str
    before: Books
    after: Books
    elapsed_seconds: float
    failures: tuple[str, ...]
    """Objects or sources that could not be read, and why."""
    expected: tuple[Verdict, ...] = ()
    """What the spec expects, and whether it is met."""

    @property
    def added(self) -> Mapping[str, int]:
        """What this run added to each count."""
        return {name: self.after.total(name) - self.before.total(name) for name in COUNTS}

    @property
    def other_failures(self) -> tuple[str, ...]:
        """Those that the ledger does not tell of its objects as well."""
        told = {f"{each.uri}: {each.reason}" for each in self.after.unavailable}
        return tuple(each for each in self.failures if each not in told)

    @property
    def errors(self) -> int:
        """What could not be read: sources, objects."""
        return len(self.other_failures) + len(self.after.unavailable)

    @property
    def succeeded(self) -> bool:
        """Balanced books, nothing dead, nothing unavailable, nothing failed, and all as expected."""
        return self.after.complete and not self.errors and all(each.met for each in self.expected)

    def as_json(self) -> dict[str, object]:
        """The object that `-o json` prints."""
        return {
            **{name: self.after.total(name) for name in COUNTS},
            "elapsed_seconds": round(self.elapsed_seconds, 3),
            "records_per_second": round(self.added["read"] / max(self.elapsed_seconds, 1e-9)),
            "errors": self.errors,
            "balanced": self.after.complete,
            "rejected_by_code": dict(self.after.rejected_by_code),
            "this_run": dict(self.added),
            "objects": [object_as_json(each) for each in self.after.objects],
            "expectations": as_json(self.expected),
            "failures": list(self.failures),
            "sink": self.sink,
            "table": self.table,
        }

    def as_text(self) -> str:
        """The summary that people read."""
        added = self.added
        rate = added["read"] / max(self.elapsed_seconds, 1e-9)
        rows = [[name, f"{added[name]:,}", f"{self.after.total(name):,}"] for name in COUNTS]
        lines = [
            table(rows, ["", "this run", "in the ledger"]),
            "",
            f"{len(self.after.objects)} objects, {self.errors} errors, {self.elapsed_seconds:.1f} s, "
            f"{rate:,.0f} records/s",
            *_codes(self.after),
            *_troubles(self),
            *remarks(self.after),
            *(f"NOT MET: {each.about}: {each.reason}" for each in self.expected if not each.met),
            verdict(self.after),
            f"rows:    table {self.table} in {self.sink}",
            f"next:    dcp verify {self.spec}" + (f" · dcp rejects ls {self.spec}" if added["rejected"] else ""),
        ]
        return "\n".join(lines)


def object_as_json(each: ObjectBooks) -> dict[str, object]:
    """One object's books."""
    return {
        "id": each.object_id,
        "source": each.source,
        "uri": each.uri,
        "state": each.state.value,
        "reason": each.reason,
        **{name: getattr(each, name) for name in COUNTS},
        "pending": each.pending,
        "batches": each.batches,
        "balanced": each.balanced,
        "read_at": each.read_at.isoformat() if each.read_at else None,
        "settled_at": each.settled_at.isoformat() if each.settled_at else None,
    }


def _codes(books: Books) -> list[str]:
    if not books.rejected_by_code:
        return []
    return ["rejected: " + ", ".join(f"{count:,} {code}" for code, count in books.rejected_by_code)]


def _troubles(summary: RunSummary) -> list[str]:
    unavailable = [f"unavailable: {each.uri}: {each.reason}" for each in summary.after.unavailable]
    past = sum(each.state is ObjectState.HISTORY for each in summary.after.objects)
    history = [f"history: {past} objects could not be read and are there no more (dcp objects ls)"] if past else []
    return unavailable + [f"failed: {each}" for each in summary.other_failures] + history


def remarks(books: Books) -> list[str]:
    """What was said of objects that were read: labels that are missing or new; of the latest ones."""
    said = [f"labels:  {each.uri}: {remark}" for each in books.objects if (remark := remark_in(each.reason))]
    more = [f"labels:  and {len(said) - MOST_REMARKS} objects before"] if len(said) > MOST_REMARKS else []
    return more + said[-MOST_REMARKS:]


def verdict(books: Books) -> str:
    """Whether the books balance and are complete, in one line that says what `dcp verify` says."""
    if books.complete:
        return "books:   balanced: read = written + duplicates + rejected + filtered + dead"
    bad = [each for each in books.objects if not each.balanced]
    gaps = sum(not each.whole for each in bad)
    counted = [
        (sum(each.pending for each in bad), "records pending"),
        (books.total("dead"), "records dead"),
        (len(books.unavailable), "objects unavailable"),
        (gaps, "objects miss cuts"),
        (sum(each.whole and not each.consistent for each in bad), "objects do not add up"),
    ]
    why = ", ".join(f"{count:,} {what}" for count, what in counted if count)
    objects = [each for each in books.objects if not each.balanced or each.dead or each in books.unavailable]
    more = f" and {len(objects) - _MOST_NAMED} more" if len(objects) > _MOST_NAMED else ""
    return (
        f"books:   NOT balanced ({why}): {', '.join(each.uri for each in objects[:_MOST_NAMED])}{more}; see dcp verify"
    )
