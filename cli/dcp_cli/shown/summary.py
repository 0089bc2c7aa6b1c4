"""What a run came to: for people, and as the one JSON object that scripts read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dcp_cli.shown.expectations import as_json
from dcp_cli.shown.tables import table
from dcp_pipeline.ledger.looking.expectations import Verdict
from dcp_pipeline.ledger.looking.overview import Overview, Totals
from dcp_pipeline.ledger.model import ObjectBooks, ObjectState
from dcp_pipeline.spec.wanted_labels import remark_in

MOST_REMARKS = 5
_MOST_NAMED = 3
COUNTS = ("read", "written", "duplicates", "rejected", "filtered", "dead")
IN_JSON = (*COUNTS, "expired")
"""`expired` is of what was written."""


@dataclass(frozen=True)
class RunSummary:
    """The books after a run, and what this run added to them."""

    spec: str
    sink: str
    table: str
    before: Totals
    after: Overview
    elapsed_seconds: float
    failures: tuple[str, ...]
    """Objects or sources that could not be read, and why."""
    expected: tuple[Verdict, ...] = ()
    """What the spec expects, and whether it is met."""

    @property
    def added(self) -> Mapping[str, int]:
        """What this run added to each count."""
        return {name: self.after.totals.total(name) - self.before.total(name) for name in COUNTS}

    @property
    def other_failures(self) -> tuple[str, ...]:
        """Those that the ledger does not tell of its objects as well."""
        told = {f"{each.uri}: {each.reason}" for each in self.after.unavailable}
        return tuple(each for each in self.failures if each not in told)

    @property
    def errors(self) -> int:
        """What could not be read: sources, objects."""
        return len(self.other_failures) + self.after.totals.in_state(ObjectState.UNAVAILABLE)

    @property
    def succeeded(self) -> bool:
        """Balanced books, nothing dead, nothing unavailable, nothing failed, and all as expected."""
        return self.after.totals.complete and not self.errors and all(each.met for each in self.expected)

    def as_json(self) -> dict[str, object]:
        """The object that `-o json` prints."""
        return {
            **{name: self.after.totals.total(name) for name in IN_JSON},
            "elapsed_seconds": round(self.elapsed_seconds, 3),
            "records_per_second": round(self.added["read"] / max(self.elapsed_seconds, 1e-9)),
            "errors": self.errors,
            "balanced": self.after.totals.complete,
            "rejected_by_code": dict(self.after.rejected_by_code),
            "this_run": dict(self.added),
            **objects_as_json(self.after),
            "expectations": as_json(self.expected),
            "failures": list(self.failures),
            "sink": self.sink,
            "table": self.table,
        }

    def as_text(self) -> str:
        """The summary that people read."""
        added = self.added
        rate = added["read"] / max(self.elapsed_seconds, 1e-9)
        rows = [[name, f"{added[name]:,}", f"{self.after.totals.total(name):,}"] for name in COUNTS]
        lines = [
            table(rows, ["", "this run", "in the ledger"]),
            "",
            f"{self.after.totals.count:,} objects, {self.errors} errors, {self.elapsed_seconds:.1f} s, "
            f"{rate:,.0f} records/s",
            *_codes(self.after),
            *_troubles(self),
            *remarks(self.after),
            *expired(self.after.totals),
            *(f"NOT MET  {each.about}: {each.reason}" for each in self.expected if not each.met),
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
        **{name: getattr(each, name) for name in IN_JSON},
        "pending": each.pending,
        "batches": each.batches,
        "balanced": each.balanced,
        "read_at": each.read_at.isoformat() if each.read_at else None,
        "settled_at": each.settled_at.isoformat() if each.settled_at else None,
    }


def objects_as_json(books: Overview) -> dict[str, object]:
    """The newest objects, oldest first, how many there are, and how many have no entry any more."""
    return {
        "objects": [object_as_json(each) for each in books.latest],
        "objects_total": books.totals.count,
        "objects_gone": books.totals.gone,
    }


def _codes(books: Overview) -> list[str]:
    if not books.rejected_by_code:
        return []
    return ["rejected: " + ", ".join(f"{count:,} {code}" for code, count in books.rejected_by_code)]


def _troubles(summary: RunSummary) -> list[str]:
    unavailable = [f"unavailable: {each.uri}: {each.reason}" for each in summary.after.unavailable]
    past = summary.after.totals.in_state(ObjectState.HISTORY)
    history = [f"history: {past:,} objects could not be read and are there no more (dcp objects ls)"] if past else []
    return unavailable + [f"failed: {each}" for each in summary.other_failures] + history


def remarks(books: Overview) -> list[str]:
    """What was said of objects that were read: labels that are missing or new; of the latest ones."""
    said = [f"labels:  {each.uri}: {remark}" for each in books.latest if (remark := remark_in(each.reason))]
    shown = said[-MOST_REMARKS:]
    before = books.totals.remarked - len(shown)
    return ([f"labels:  and {before:,} objects before"] if before > 0 else []) + shown


def expired(totals: Totals) -> list[str]:
    """What the spec's retention has taken out of the table; nothing where it has not."""
    said = []
    if totals.expired:
        left = totals.written - totals.expired
        rows = f"{totals.expired:,} of {totals.written:,} written, by the spec's retention; {left:,} rows are left"
        said.append(f"expired: {rows}")
    if totals.gone:
        said.append(f"gone:    {totals.gone:,} files more, of which nothing is left; their records are counted here")
    return said


def verdict(books: Overview) -> str:
    """Whether the books balance and are complete, in one line that says what `dcp verify` says."""
    totals = books.totals
    if totals.complete:
        return "books:   balanced: read = written + duplicates + rejected + filtered + dead"
    if totals.consistent and not totals.dead and not totals.in_state(ObjectState.UNAVAILABLE):
        return f"books:   {totals.pending:,} records pending; all that is settled is balanced"
    held = sum(each.records for each in books.held)
    counted = [
        (totals.pending, "records pending"),
        (totals.dead - held, "records dead"),
        (held, "records held: dcp objects ls --state held"),
        (totals.in_state(ObjectState.UNAVAILABLE), "objects unavailable"),
        (totals.gaps, "objects miss cuts"),
        (totals.uneven, "objects do not add up"),
    ]
    why = ", ".join(f"{count:,} {what}" for count, what in counted if count) or "the totals do not add up"
    uris = list(dict.fromkeys(each.uri for each in (*books.wrong, *books.unsettled)))
    more = f" and {len(uris) - _MOST_NAMED:,} more" if len(uris) > _MOST_NAMED else ""
    named = f": {', '.join(uris[:_MOST_NAMED])}{more}" if uris else ""
    return f"books:   NOT balanced ({why}){named}; see dcp verify"
