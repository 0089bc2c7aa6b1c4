"""dcp_fetcher_read_bytes."""

from __future__ import annotations

from collections.abc import Mapping

from dcp_fetcher.ground.progress import Snapshot

HELP = "Bytes read from sources."


def values(figures: Snapshot) -> Mapping[tuple[tuple[str, str], ...], float]:
    """Since the start."""
    return {(): figures.bytes_read}
