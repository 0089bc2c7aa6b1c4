"""`dcp preview`: the first records before and after, with the rejects and why. Nothing is written anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dcp_cli.options import print_json
from dcp_cli.shown.say import say
from dcp_cli.shown.tables import console
from dcp_fetcher.ground.errors import FetchError
from dcp_fetcher.sample import Sample, sample
from dcp_pipeline.observe.printable import printable_cell
from dcp_pipeline.process.exit_codes import DONE, FAILED
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.model import Source
from dcp_worker.clean.outside import Reachable
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.clean.preview import PreviewRecord, clean_preview
from dcp_worker.enrich import Enrichers

_CELL_CHARS = 60
_LOOKED_AT = 1000
"""Records that are cleaned so that a reject can be shown where the first ones have none."""
_FURTHER = 3


@dataclass(frozen=True)
class SourcePreview:
    """What the beginning of one source would become."""

    source: str
    sample: Sample
    records: tuple[PreviewRecord, ...]
    further: tuple[PreviewRecord, ...]
    """Where none of them is rejected: the first record behind them of each code."""
    looked_at: int


def preview_spec(setup: Setup, records: int, output: str) -> int:
    """Print the preview of each source; the exit code: 1 where one could not be read."""
    problems: list[str] = []
    previews = list(_previews(setup, records, problems))
    if output == "json":
        print_json({"sources": [_as_json(each) for each in previews], "problems": problems})
    else:
        labels = {each.name: each.labels for each in setup.pipeline.spec.cleaning.fields}
        for each in previews:
            _print(each, labels)
        for problem in problems:
            say(f"dcp: {problem}", err=True)
    return FAILED if problems else DONE


def _previews(setup: Setup, records: int, problems: list[str]) -> Iterator[SourcePreview]:
    enrichers = Enrichers(setup.located, setup.state_folder / "geoip")
    for source in setup.pipeline.spec.sources:
        try:
            plan = plan_of(setup, source, enrichers)
            taken = sample(setup, source, max(records, _LOOKED_AT))
        except FetchError as error:
            problems.append(f"source {source.name}: {error}")
            continue
        every = [each for batch in taken.batches for each in clean_preview(plan, batch, batch.records)]
        shown = tuple(every[:records])
        yield SourcePreview(source.name, taken, shown, tuple(_further(every, shown)), len(every))


def _further(every: list[PreviewRecord], shown: tuple[PreviewRecord, ...]) -> Iterator[PreviewRecord]:
    codes = {each.reject.code for each in shown if each.reject is not None}
    if codes:
        return
    for each in every[len(shown) :]:
        if each.reject is not None and each.reject.code not in codes and len(codes) < _FURTHER:
            codes.add(each.reject.code)
            yield each


def plan_of(setup: Setup, source: Source, enrichers: Enrichers) -> CleaningPlan:
    """A source's plan, without a table."""
    cleaning, outside = setup.pipeline.spec.cleaning, Reachable(setup.secrets, setup.located)
    return CleaningPlan.compile(cleaning, source.format, enrichers=enrichers.of(cleaning), outside=outside)


def _as_json(preview: SourcePreview) -> dict[str, Any]:
    return {
        "source": preview.source,
        "uri": preview.sample.uri,
        "objects": preview.sample.objects,
        "records": [_record_json(each) for each in preview.records],
        "further_rejects": [_record_json(each) for each in preview.further],
        "looked_at": preview.looked_at,
    }


def _record_json(each: PreviewRecord) -> dict[str, Any]:
    return {
        "record": each.record,
        "line": each.line,
        "raw": each.raw,
        "row": each.row,
        "duplicate": each.duplicate,
        "filtered": each.filtered,
        "reject": _reject_json(each),
    }


def _reject_json(each: PreviewRecord) -> dict[str, Any] | None:
    if each.reject is None:
        return None
    return {"code": each.reject.code, "field": each.reject.field, "reason": each.reject.reason}


def _print(preview: SourcePreview, labels: Mapping[str, tuple[str, ...]]) -> None:
    written = sum(each.row is not None for each in preview.records)
    rejected = sum(each.reject is not None for each in preview.records)
    filtered = sum(each.filtered for each in preview.records)
    duplicates = len(preview.records) - written - rejected - filtered
    say(f"source {preview.source}: {preview.sample.uri} (1 of {preview.sample.objects} objects)\n")
    for each in preview.records:
        _print_record(each, labels)
    if preview.further:
        say(f"\nnone of these is rejected; of the first {preview.looked_at:,} records these are the first:")
    for each in preview.further:
        _print_record(each, labels)
    say(f"\n{written} rows, {rejected} rejects, {duplicates} duplicates, {filtered} filtered; nothing was written")
    say("* changed  + not in the record itself")


def _print_record(each: PreviewRecord, labels: Mapping[str, tuple[str, ...]]) -> None:
    from rich.text import Text

    out = console()
    say(f"record {each.record}, line {each.line}")
    say("  before  " + " ".join(f"{name}={_short(value)}" for name, value in each.raw.items()))
    if each.row is not None:
        line = Text("  after   ")
        for name, value in each.row.items():
            mark = _mark(value, [each.raw[label] for label in labels.get(name, ()) if label in each.raw])
            line.append(printable_cell(f"{mark}{name}={_short(value)} "), style="bold green" if mark else "green")
        line.rstrip()
    elif each.reject is not None:
        field = f" in {each.reject.field}" if each.reject.field else ""
        line = Text(printable_cell(f"  reject  {each.reject.code}{field}: {each.reject.reason}"), style="red")
    elif each.filtered:
        line = Text("  left out by cleaning.filter", style="yellow")
    else:
        line = Text("  duplicate of an earlier record", style="yellow")
    out.print(line, soft_wrap=True)


def _mark(value: Any, came: list[str | None]) -> str:
    """How a row's value differs from the cell that it was made from."""
    if not came:
        return "+"
    return "" if ("" if value is None else str(value)) == (came[0] or "") else "*"


def _short(value: Any) -> str:
    text = printable_cell("NULL" if value is None else str(value))
    return text if len(text) <= _CELL_CHARS else text[: _CELL_CHARS - 3] + "..."
