"""Regular expressions as Polars has them (Rust's regex: linear time), checked when the spec is compiled."""

from __future__ import annotations

import polars as pl

from dcp_worker.ground.errors import PlanError


def check_pattern(pattern: str, path: str) -> None:
    """Raises PlanError naming `path` where Rust's regex does not take the pattern."""
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        detail = " ".join(str(error).split("This error occurred")[0].split())
        raise PlanError(path, f"{pattern!r} is not a regular expression: {detail}") from error


def groups_of(pattern: str) -> int:
    """How many groups a pattern has."""
    matched = pl.Series([""]).str.extract_groups(pattern)
    return len(matched.struct.fields) if isinstance(matched.dtype, pl.Struct) else 0
