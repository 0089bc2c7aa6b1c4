"""dcp_fetcher_objects{state}."""

from __future__ import annotations

from collections.abc import Mapping

from dcp_fetcher.ground.progress import Snapshot

HELP = "Objects, by what came of looking."


def values(figures: Snapshot) -> Mapping[tuple[tuple[str, str], ...], float]:
    """Since the start."""
    states = {"listed": figures.listed, "cut": figures.cut, "unchanged": figures.unchanged, "failed": figures.failed}
    return {(("state", name),): count for name, count in states.items()}
