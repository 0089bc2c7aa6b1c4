"""What the spec expects of its pipeline, for programs: of `dcp expect`, `dcp status` and the end of a run."""

from __future__ import annotations

from dcp_pipeline.ledger.looking.expectations import Verdict


def as_json(found: tuple[Verdict, ...]) -> list[dict[str, object]]:
    """Each with what it is about, whether it is met, and why."""
    return [{"about": each.about, "met": each.met, "reason": each.reason} for each in found]
