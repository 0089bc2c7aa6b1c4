"""parquet: rows of Apache Parquet."""

from __future__ import annotations

from dcp_pipeline.spec.formats.listed import Kind, Kinds

KINDS: Kinds = {"parquet": Kind(cut="json", takes=frozenset(), opened=True, held_whole=True)}
