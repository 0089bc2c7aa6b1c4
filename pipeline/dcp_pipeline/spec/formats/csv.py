"""csv and tsv: cells between delimiters."""

from __future__ import annotations

from msgspec.structs import replace

from dcp_pipeline.spec.formats.listed import LABELLED, LINES, Kind, Kinds

_CELLS = frozenset((
    "delimiter", "quote_char", "double_quote", "lenient_quotes", "escape_char", "skip_initial_space",
    "commented_header", "header_prefix", "missing_cells", "extra_cells",
))  # fmt: skip
_CSV = Kind(cut="cells", takes=LINES | LABELLED | _CELLS)

KINDS: Kinds = {"csv": _CSV, "tsv": replace(_CSV, delimiter="\t", quote="")}
