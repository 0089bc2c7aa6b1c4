"""How large a spec may be, whichever way it comes: whoever reads it does so beside other pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

MAX_CHARS = 1 << 20
"""As a ConfigMap, in which the operator hands it on. YAML of that length takes seconds to read."""
MAX_VALUES = 200_000
MAX_DEPTH = 100
_END: Final = object()


def check_size(documents: list[Any]) -> None:
    """An alias costs a word and stands for all that it names: what is small to read may be endless to use. And what is
    nested deep ends whoever follows it down. Raises ValueError."""
    left: list[Iterator[Any]] = [iter(documents)]
    values = chars = 0
    while left:
        value = next(left[-1], _END)
        if value is _END:
            left.pop()
            continue
        values += 1
        chars += len(value) if isinstance(value, str) else 0
        if isinstance(value, dict):
            chars += sum(len(key) for key in value if isinstance(key, str))
            left.append(iter(value.values()))
        elif isinstance(value, list | set | tuple):
            left.append(iter(value))
        if values > MAX_VALUES or chars > MAX_CHARS or len(left) > MAX_DEPTH:
            raise ValueError(
                f"with its aliases in place it has more than {MAX_VALUES} values, {MAX_CHARS} characters or "
                f"{MAX_DEPTH} levels"
            )
