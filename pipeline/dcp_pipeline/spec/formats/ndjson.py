"""ndjson: a JSON object a line."""

from __future__ import annotations

from dcp_pipeline.spec.formats.listed import TEXT, Kind, Kinds

KINDS: Kinds = {"ndjson": Kind(cut="json", takes=TEXT)}
