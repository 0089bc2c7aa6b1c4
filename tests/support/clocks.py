"""Processes whose wall clock is wrong, by libfaketime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FAKETIME = "libfaketime.so.1"


def skewed(seconds: int) -> Mapping[str, str]:
    """The environment of a process whose wall clock is wrong by so many whole hours; the monotonic one is what the kernel
    says, as on a machine whose clock is wrong."""
    if not seconds:
        return {}
    library = next(iter(sorted(Path("/usr/lib").glob(f"*/faketime/{FAKETIME}"))), None)
    assert library is not None, "libfaketime is not installed: make servers"
    return {"LD_PRELOAD": str(library), "FAKETIME": f"{seconds // 3600:+d}h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
