"""The fetcher's figures as metrics, read when they are asked for: in goes a snapshot of its progress, out come gauges.

FILES lists them; a file has HELP, and values(figures): what to tell by labels. Its name, behind `dcp_`, is the
metric's.
"""

from __future__ import annotations

import importlib

from dcp_fetcher.ground.progress import Snapshot
from dcp_pipeline.observe.metrics import Gauges

FILES = (
    "fetcher_objects",
    "fetcher_read_bytes",
    "fetcher_cut_records",
    "source_last_success_timestamp_seconds",
    "source_labels",
    "source_last_new_data_timestamp_seconds",
)

_found = {name: importlib.import_module(f"{__name__}.{name}") for name in FILES}


def gauges_of(figures: Snapshot) -> Gauges:
    """All of them."""
    return {f"dcp_{name}": (file.HELP, file.values(figures)) for name, file in _found.items()}
