"""What is wrong with a spec, said so that it can be mended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from dcp_pipeline.texts import without_credentials

Place = Sequence[str | int]


def path_of(place: Place) -> str:
    """`spec.cleaning.fields[3].constraints.maximum` of ("spec", "cleaning", "fields", 3, ...)."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text or "the document"


class SpecProblem(msgspec.Struct, frozen=True):
    """One thing that is wrong: where, and what stands there against what is allowed."""

    path: str
    message: str

    def __post_init__(self) -> None:
        # Whoever sees a log, a status, a page or a resource sees it.
        msgspec.structs.force_setattr(self, "message", without_credentials(self.message))

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class SpecInvalid(ValueError):
    """The document is no valid DataCleaningPipeline; `problems` holds everything that was found."""

    def __init__(self, problems: Iterable[SpecProblem], origin: str = "") -> None:
        self.problems = tuple(problems)
        self.origin = origin
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        lines = [f"{origin}: {count}" if origin else count, *(f"  {each}" for each in self.problems)]
        super().__init__("\n".join(lines))
