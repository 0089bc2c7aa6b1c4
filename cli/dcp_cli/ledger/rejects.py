"""`dcp rejects`: records that were refused, to look at, to take elsewhere, and to clean again."""

from __future__ import annotations

import csv
import json
import sys
from contextlib import ExitStack
from urllib.parse import unquote

import click
from msgspec.structs import replace

from dcp_cli.look import ledger_of
from dcp_cli.options import print_json
from dcp_cli.shown.say import say, to_a_terminal
from dcp_cli.shown.tables import show_table
from dcp_pipeline.ledger.ledger import Ledger
from dcp_pipeline.ledger.model import RejectFilter, StoredReject
from dcp_pipeline.observe.printable import printable_cell, printable_json
from dcp_pipeline.process.exit_codes import DONE, FAILED
from dcp_pipeline.setup import Setup

_COLUMNS = ("source", "uri", "record", "line", "start", "field", "code", "reason", "raw", "raw_bytes", "raw_digest")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_SHOWN_CHARS = 60


def standing(setup: Setup, wanted: RejectFilter, replaced: bool) -> RejectFilter:
    """`wanted` without the rejects of versions of a file that a newer one has replaced, unless they are asked for."""
    if replaced or wanted.object_id is not None:
        return wanted
    sources = setup.pipeline.spec.sources
    return replace(wanted, newest_of=tuple(each.name for each in sources if each.growth == "replace"))


def _left_alone(ledger: Ledger, wanted: RejectFilter, total: int | None = None) -> int:
    """How many rejects `wanted` leaves out because their file has a newer version; `total`: how many it has."""
    if not wanted.newest_of:
        return 0
    total = ledger.count_rejects(wanted) if total is None else total
    return ledger.count_rejects(replace(wanted, newest_of=())) - total


def _told(left: int) -> str:
    return f"{left:,} more are of versions of a file that a newer one has replaced since: --replaced"


def list_rejects(setup: Setup, wanted: RejectFilter, limit: int, output: str) -> int:
    """Print some rejects, and how many there are."""
    with ExitStack() as stack:
        ledger = ledger_of(setup, stack)
        total = ledger.count_rejects(wanted)
        shown = list(ledger.rejects(wanted, limit=limit))
        left = _left_alone(ledger, wanted, total)
    if output == "json":
        print_json({"total": total, "replaced": left, "rejects": [_as_json(each) for each in shown]})
        return DONE
    rows = [
        [
            unquote(each.uri.rsplit("/", 1)[-1]),
            f"{each.record}",
            f"{each.line}",
            each.field or "",
            each.code,
            each.reason,
            shown_bytes(each.raw or b""),
        ]
        for each in shown
    ]
    if rows:
        show_table(rows, ["object", "record", "line", "field", "code", "reason", "bytes"])
    say(f"{len(shown):,} of {total:,} rejects" if total else "no rejects")
    if left:
        say(_told(left))
    return DONE


def export_rejects(setup: Setup, wanted: RejectFilter, style: str) -> int:
    """Write all rejects to stdout."""
    with ExitStack() as stack:
        ledger = ledger_of(setup, stack)
        if left := _left_alone(ledger, wanted):
            say(_told(left), err=True)
        every = ledger.rejects(wanted)
        if style == "ndjson":
            for each in every:
                click.echo(printable_json(json.dumps(_as_json(each))))
            return DONE
        writer = csv.writer(sys.stdout, lineterminator="\n" if to_a_terminal() else "\r\n")
        writer.writerow(_COLUMNS)
        shown = printable_cell if to_a_terminal() else str
        for each in every:
            cells = (guarded(str(value)) if value is not None else "" for value in _as_json(each).values())
            writer.writerow([shown(each) for each in cells])
    return DONE


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: a ' before =, +, -, @, TAB and CR (OWASP, CSV injection)."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def replay_rejects(setup: Setup, wanted: RejectFilter, output: str) -> int:
    """Clean rejects again by the spec as it stands."""
    from dcp_worker.process import replayer

    with ExitStack() as stack:
        ledger = ledger_of(setup, stack)
        left = _left_alone(ledger, wanted)
        result = replayer(setup, ledger.engine, ledger)(wanted)
        books = ledger.totals()
    answer = {
        "replayed": result.replayed,
        "written": result.written,
        "duplicates": result.duplicates,
        "filtered": result.filtered,
        "rejected": result.rejected,
        "cut_off": result.cut_off,
        "replaced": left,
        "pending": books.total("pending"),
        "balanced": books.balanced,
    }
    if output == "json":
        print_json(answer)
    else:
        say(
            f"{result.replayed:,} rejects cleaned again: {result.written:,} written, {result.duplicates:,} duplicates, "
            f"{result.filtered:,} filtered, {result.rejected:,} rejected again"
        )
        if result.cut_off:
            say(f"{result.cut_off:,} cannot be: not all of their bytes were kept")
        if left:
            say(_told(left))
    # The pipeline may be at work: what it has not settled yet is nothing that a replay could have spoiled.
    return DONE if books.consistent else FAILED


def _as_json(each: StoredReject) -> dict[str, object]:
    """In the order of _COLUMNS. Bytes that are no UTF-8 are written as \\xNN."""
    raw = _text(each.raw) if each.raw is not None else None
    values = (each.source, each.uri, each.record, each.line, each.start, each.field, each.code, each.reason)
    return dict(zip(_COLUMNS, (*values, raw, each.raw_bytes, each.raw_digest), strict=True))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def shown_bytes(raw: bytes) -> str:
    """A record's beginning, as the text that it is."""
    text = printable_cell(_text(raw))
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 3] + "..."
