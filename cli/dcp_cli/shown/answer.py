"""What a `dcp ... -o json` answered, found again in lines of what it wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Answer = Mapping[str, Any]


def answer_in(lines: Sequence[str | bytes]) -> Answer | None:
    """The last line that is a JSON object, and none of its logging."""
    for line in reversed(lines):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and "@timestamp" not in found and "log.level" not in found:
            return found
    return None
