"""What a spec may ask for that cannot be done."""

from __future__ import annotations

from dcp_pipeline.spec.errors import SpecInvalid, SpecProblem


class PlanError(SpecInvalid):
    """A part of the spec that cannot be compiled; `path` names it (spec.cleaning.fields[3].format)."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__([SpecProblem(path, message)])
        self.path = path
        self.message = message

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"
