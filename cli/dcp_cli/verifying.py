"""`dcp verify`: do the books balance? Of a large table it tells how far it is, and a killed one can go on."""

from __future__ import annotations

import hashlib
import logging
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from dcp_cli.look import ledger_of
from dcp_cli.options import print_json
from dcp_cli.shown.say import say
from dcp_cli.shown.summary import COUNTS, IN_JSON, expired, objects_as_json
from dcp_pipeline.files.durable import write_durably
from dcp_pipeline.process.exit_codes import DONE, FAILED
from dcp_pipeline.setup import Setup
from dcp_pipeline.verify.pages import PARTS, Page, Part, Passed
from dcp_pipeline.verify.verify import verify

log = logging.getLogger(__name__)

_SAID_SECONDS = 10.0
_NOTED_SECONDS = 5.0
_GONE_ON_WITHIN = timedelta(hours=24)
"""What was passed longer ago than this says nothing of the books of now."""
_WHAT = {
    Part.ROWS: "rows of each batch",
    Part.IDENTITIES: "identities",
    Part.OBJECTS: "objects",
    Part.REST: "what is of no object, and the totals",
}


class Noted(msgspec.Struct, frozen=True):
    """What a verify leaves behind while it runs: how far it has come."""

    of: str
    """A digest of what it looks at: pipeline, table, database."""
    began: Annotated[datetime, msgspec.Meta(tz=True)]
    passed: Passed


class Course:
    """Tells how far a verify is, on stderr, and notes it in the state folder for who goes on."""

    def __init__(self, setup: Setup, resume: bool) -> None:
        self._path: Path | None = setup.state_folder / "verify.json"
        self._of = hashlib.sha256("\0".join((setup.pipeline.key, setup.pipeline.table, setup.sink_url)).encode())
        self._said = self._noted_at = time.monotonic()
        now, other = datetime.now(UTC), self._found()
        self.before = other if resume and other is not None and _is_young(other, now) else None
        self.began = self.before.began if self.before else now
        if remark := _remark(other, now, resume):
            say(remark, err=True)

    @property
    def passed(self) -> Passed:
        """Where to begin."""
        return self.before.passed if self.before else Passed()

    def _found(self) -> Noted | None:
        try:
            noted = msgspec.json.decode((self._path or Path()).read_bytes(), type=Noted)
        except (OSError, msgspec.DecodeError):
            return None
        return noted if noted.of == self._of.hexdigest() else None

    def tell(self, page: Page, passed: Passed) -> None:
        """After each page."""
        now = time.monotonic()
        if now - self._said >= _SAID_SECONDS:
            self._said = now
            say(f"verify: {far(page, passed)}", err=True)
        if now - self._noted_at >= _NOTED_SECONDS:
            self._note(passed)
            self._noted_at = time.monotonic()

    def _note(self, passed: Passed) -> None:
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            noted = Noted(self._of.hexdigest(), self.began, passed)
            write_durably(self._path, msgspec.json.encode(noted).decode())
        except OSError as error:
            log.warning(
                "this verify cannot go on where it is killed: its place cannot be noted", extra={"why": str(error)}
            )
            self._path = None

    def end(self) -> None:
        """It came to its end."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _is_young(other: Noted, now: datetime) -> bool:
    return timedelta() <= now - other.began <= _GONE_ON_WITHIN


def _remark(other: Noted | None, now: datetime, resume: bool) -> str:
    if other is None:
        return "no verify of these books was ended half-way: it begins at the beginning" if resume else ""
    if not _is_young(other, now):
        return f"a verify began at {_utc(other.began)}, too long ago to go on from: it begins at the beginning"
    said = f"a verify that began at {_utc(other.began)} did not come to its end: with --resume it would have gone on"
    return "" if resume else said


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def far(page: Page, passed: Passed) -> str:
    """How far it is, in words."""
    number = PARTS.index(page.part) + 1
    match page.part:
        case Part.ROWS:
            figures = f"{passed.rows:,} rows, {page.fraction:.0%}"
        case Part.IDENTITIES:
            figures = f"{min(passed.identities, passed.rows):,} of {passed.rows:,}"
        case _:
            figures = f"{passed.objects:,} objects"
    return f"{_WHAT[page.part]} (part {number} of {len(PARTS)}): {figures}"


def verify_books(setup: Setup, path: str, output: str, since_seconds: float | None = None, resume: bool = False) -> int:
    """Recompute the books from the sink alone, or those of the objects that changed of late; the exit code.

    `resume`: behind what a verify that was killed has passed.
    """
    with ExitStack() as stack:
        ledger = ledger_of(setup, stack)
        engine, key, table = ledger.engine, setup.pipeline.key, setup.pipeline.table
        course = None if since_seconds is not None else Course(setup, resume)
        if course is None:
            report = verify(engine, key, table, since_seconds)
        else:
            report = verify(engine, key, table, passed=course.passed, tell=course.tell)
            course.end()
        books = ledger.overview()
    totals = books.totals
    before = course.before if course is not None else None
    balanced = not report.findings and totals.balanced
    if output == "json":
        print_json(
            {
                "balanced": balanced,
                **{name: totals.total(name) for name in IN_JSON},
                "pending": totals.pending,
                "looked_at": {name: getattr(report, name) for name in ("objects", "batches", "rows", "rejects")},
                **({"resumed_from": before.began.isoformat()} if before else {}),
                "findings": [{"object": f.uri, "kind": f.kind, "message": f.message} for f in report.findings],
                **objects_as_json(books),
            }
        )
        return DONE if balanced else FAILED
    for finding in report.findings:
        say(f"NOT BALANCED  {finding.uri}: {finding.kind}: {finding.message}")
    for each in books.unsettled:
        if each.pending:
            say(f"pending       {each.uri}: {each.pending:,} records are cut and not in the table yet")
    if totals.unsettled > len(books.unsettled):
        say(f"pending       and {totals.unsettled - len(books.unsettled):,} objects more")
    if before is not None:
        looked_at = f"{before.passed.rows:,} rows and {before.passed.objects:,} objects"
        say(f"{looked_at} were looked at, and stood well, by a verify that began at {_utc(before.began)} and was ended")
    if since_seconds is not None:
        say(f"looked at {report.objects:,} objects with {report.rows:,} rows: what changed since then, or is not done")
    counts = " + ".join(f"{totals.total(name):,} {name}" for name in COUNTS[1:])
    say(f"{totals.count:,} objects: {totals.read:,} read, {counts}")
    for line in expired(totals):
        say(line)
    say("the books balance" if balanced else f"the books do NOT balance (spec {path})")
    return DONE if balanced else FAILED


def recount(setup: Setup) -> int:
    """Have the totals of what is settled made anew by the fetcher."""
    with ExitStack() as stack:
        ledger_of(setup, stack).count_anew()
    say(
        "the totals are forgotten: all objects are summed up until the fetcher, or the next run, has counted them again"
    )
    return DONE
