"""dcp_source_last_success_timestamp_seconds{source}."""

from __future__ import annotations

from collections.abc import Mapping

from dcp_fetcher.ground.progress import Snapshot

HELP = "When a source was last listed and read without an error."


def values(figures: Snapshot) -> Mapping[tuple[tuple[str, str], ...], float]:
    """0: not yet."""
    return {(("source", name),): each.last_success or 0 for name, each in figures.sources.items()}
