"""Lines of bytes."""

from __future__ import annotations


def split_lines(data: bytes) -> list[bytes]:
    """Lines without their LF. What follows the last LF is a line only if it has a byte."""
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines
