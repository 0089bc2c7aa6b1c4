"""dcp_fetcher_cut_records."""

from __future__ import annotations

from collections.abc import Mapping

from dcp_fetcher.ground.progress import Snapshot

HELP = "Records cut into batches."


def values(figures: Snapshot) -> Mapping[tuple[tuple[str, str], ...], float]:
    """Since the start."""
    return {(): figures.records_cut}
