"""syslog: lines of RFC 5424 or RFC 3164."""

from __future__ import annotations

from dcp_pipeline.spec.formats.listed import LINES, Kind, Kinds

KINDS: Kinds = {"syslog": Kind(cut="lines", takes=LINES)}
