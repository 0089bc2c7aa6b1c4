"""A source: can it be listed, and does its first file open?"""

from __future__ import annotations

from dcp_cli.findings.finding import Findings, ok, wrong
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.model import Source

_BYTES = 4096


def source(setup: Setup, each: Source) -> Findings:
    """One finding."""
    from dcp_fetcher.sample import FetchError, head

    about = f"source.{each.name}"
    try:
        first = head(setup, each, _BYTES)
    except FetchError as error:
        yield wrong(about, str(error), f"mend source {each.name} in the spec, or what serves it")
        return
    yield ok(about, f"can be read: {first.uri}")
