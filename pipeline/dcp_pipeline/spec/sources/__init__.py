"""The kinds of sources, as members of sources[]: exactly one of them is given. FILES lists them.

A file of this folder has KIND; its name is the member's. What the fetcher does for it is found by that name in
dcp_fetcher.sites.kinds.
"""

from __future__ import annotations

import importlib

from dcp_pipeline.spec.sources.listed import Kind

FILES = (
    "http",
    "file",
)

KINDS: dict[str, Kind] = {name: importlib.import_module(f"{__name__}.{name}").KIND for name in FILES}
"""Member, as people write it: the kind of source."""
