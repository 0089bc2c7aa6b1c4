"""accesslog: the common and combined log formats of Apache and nginx."""

from __future__ import annotations

from dcp_pipeline.spec.formats.listed import LINES, Kind, Kinds

KINDS: Kinds = {"accesslog": Kind(cut="lines", takes=LINES)}
