"""dcp_source_labels{source,state}."""

from __future__ import annotations

from collections.abc import Mapping

from dcp_fetcher.ground.progress import Snapshot

HELP = "Labels of a source's latest object: missing ones, and new ones of which no field is made."


def values(figures: Snapshot) -> Mapping[tuple[tuple[str, str], ...], float]:
    """How many."""
    return {
        (("source", name), ("state", state)): len(labels)
        for name, found in figures.labels.items()
        for state, labels in (("missing", found.missing), ("new", found.new))
    }
