"""dcp_source_last_new_data_timestamp_seconds{source}."""

from __future__ import annotations

from collections.abc import Mapping

from dcp_fetcher.ground.progress import Snapshot

HELP = "When a source last brought records that were not known before."


def values(figures: Snapshot) -> Mapping[tuple[tuple[str, str], ...], float]:
    """0: not yet."""
    return {(("source", name),): each.last_news or 0 for name, each in figures.sources.items()}
