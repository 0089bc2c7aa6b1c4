"""The enrichments, as members of a step of cleaning.enrich: exactly one of them is given. FILES lists them.

A file of this folder has KIND; its name is the member's. What the worker does for it is found by that name in
dcp_worker.enrich.kinds.
"""

from __future__ import annotations

import importlib

from dcp_pipeline.spec.enrichments.listed import Kind

FILES = (
    "geoip",
)  # fmt: skip

KINDS: dict[str, Kind] = {name: importlib.import_module(f"{__name__}.{name}").KIND for name in FILES}
"""Member, as people write it: the enrichment."""
