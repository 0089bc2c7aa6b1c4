"""regex: the named groups of the spec's own pattern."""

from __future__ import annotations

import re

import polars as pl

from dcp_pipeline.spec.formats.regex import Regex
from dcp_pipeline.spec.words.format import Format
from dcp_worker.formats.text_lines import LineParser, Pattern, PatternParser
from dcp_worker.ground.errors import PlanError


def parser(form: Format) -> LineParser:
    """Takes lines apart. Raises PlanError for a pattern that Polars cannot match."""
    pattern = form.own(Regex).pattern or ""
    try:
        pl.Series([""]).str.contains(rf"\A(?:{pattern})\z")
    except pl.exceptions.ComputeError as error:
        raise PlanError("spec.sources[].format.pattern", f"cannot be used: {error}") from error
    return PatternParser((Pattern(pattern),), tuple(re.compile(pattern).groupindex), "what format.pattern matches")
