"""`dcp preview`: the first records before and after, with the rejects and why. Nothing is written anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from dcp_cli.options import print_json
from dcp_fetcher.ground.errors import FetchError
from dcp_fetcher.sample import Sample, sample
from dcp_pipeline.exit_codes import DONE, FAILED
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.model import Source
from dcp_worker.clean.outside import Reachable
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.clean.preview import PreviewRecord, clean_preview
from dcp_worker.enrich import Enrichers

_CELL_CHARS = 60


@dataclass(frozen=True)
class SourcePreview:
    """What the beginning of one source would become."""

    source: str
    sample: Sample
    records: tuple[PreviewRecord, ...]


def preview_spec(setup: Setup, records: int, output: str) -> int:
    """Print the preview of each source; the exit code: 1 where one could not be read."""
    problems: list[str] = []
    previews = list(_previews(setup, records, problems))
    if output == "json":
        print_json({"sources": [_as_json(each) for each in previews], "problems": problems})
    else:
        for each in previews:
            _print(each)
        for problem in problems:
            click.echo(f"dcp: {problem}", err=True)
    return FAILED if problems else DONE


def _previews(setup: Setup, records: int, problems: list[str]) -> Iterator[SourcePreview]:
    enrichers = Enrichers(setup.located, setup.state_folder / "geoip")
    for source in setup.pipeline.spec.sources:
        try:
            plan = _plan(setup, source, enrichers)
            taken = sample(setup, source, records)
        except FetchError as error:
            problems.append(f"source {source.name}: {error}")
            continue
        shown = [each for batch in taken.batches for each in clean_preview(plan, batch, records)]
        yield SourcePreview(source.name, taken, tuple(shown[:records]))


def _plan(setup: Setup, source: Source, enrichers: Enrichers) -> CleaningPlan:
    cleaning, outside = setup.pipeline.spec.cleaning, Reachable(setup.secrets, setup.located)
    return CleaningPlan.compile(cleaning, source.format, enrichers=enrichers.of(cleaning), outside=outside)


def _as_json(preview: SourcePreview) -> dict[str, Any]:
    return {
        "source": preview.source,
        "uri": preview.sample.uri,
        "objects": preview.sample.objects,
        "records": [
            {
                "record": each.record,
                "line": each.line,
                "raw": each.raw,
                "row": each.row,
                "duplicate": each.duplicate,
                "filtered": each.filtered,
                "reject": _reject_json(each),
            }
            for each in preview.records
        ],
    }


def _reject_json(each: PreviewRecord) -> dict[str, Any] | None:
    if each.reject is None:
        return None
    return {"code": each.reject.code, "field": each.reject.field, "reason": each.reject.reason}


def _print(preview: SourcePreview) -> None:
    written = sum(each.row is not None for each in preview.records)
    rejected = sum(each.reject is not None for each in preview.records)
    click.echo(f"source {preview.source}: {preview.sample.uri} (1 of {preview.sample.objects} objects)\n")
    for each in preview.records:
        click.echo(f"record {each.record}, line {each.line}")
        click.echo(f"  before  {_cells(each.raw)}")
        if each.row is not None:
            click.secho(f"  after   {_cells(each.row)}", fg="green")
        elif each.reject is not None:
            field = f" in {each.reject.field}" if each.reject.field else ""
            click.secho(f"  reject  {each.reject.code}{field}: {each.reject.reason}", fg="red")
        elif each.filtered:
            click.secho("  left out by cleaning.filter", fg="yellow")
        else:
            click.secho("  duplicate of an earlier record", fg="yellow")
    filtered = sum(each.filtered for each in preview.records)
    duplicates = len(preview.records) - written - rejected - filtered
    click.echo(
        f"\n{written} rows, {rejected} rejects, {duplicates} duplicates, {filtered} filtered; nothing was written"
    )


def _cells(cells: Any) -> str:
    return " ".join(f"{name}={_short(value)}" for name, value in cells.items())


def _short(value: Any) -> str:
    text = "NULL" if value is None else str(value)
    text = text.replace("\n", "\\n").replace("\r", "\\r")
    return text if len(text) <= _CELL_CHARS else text[: _CELL_CHARS - 3] + "..."
