"""What the spec expects of its pipeline, judged by the ledger: for `dcp expect`, `dcp status` and the end of a run."""

from __future__ import annotations

from dcp_pipeline.ledger.ledger import Ledger
from dcp_pipeline.ledger.looking.expectations import Verdict, judged
from dcp_pipeline.ledger.model import Books
from dcp_pipeline.setup import Setup


def verdicts(setup: Setup, ledger: Ledger, books: Books) -> tuple[Verdict, ...]:
    """Of everything that the spec expects; nothing where it expects nothing, and then nothing is asked."""
    expect = setup.pipeline.spec.expect
    if expect is None:
        return ()
    seconds = expect.records.per.seconds if expect.records else 0
    sources = [each.name for each in setup.pipeline.spec.sources]
    return judged(expect, sources, books, ledger.arrivals(seconds))


def as_json(found: tuple[Verdict, ...]) -> list[dict[str, object]]:
    """The same for programs."""
    return [{"about": each.about, "met": each.met, "reason": each.reason} for each in found]
