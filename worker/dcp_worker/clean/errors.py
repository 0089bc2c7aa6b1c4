"""What a spec may ask for that cannot be done."""

from __future__ import annotations


class PlanError(ValueError):
    """A part of the spec that cannot be compiled; `path` names it (spec.cleaning.fields[3].format)."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message
