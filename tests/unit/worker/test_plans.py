"""Plans are compiled once per revision."""

from __future__ import annotations

from pathlib import Path

from dcp_pipeline.spec.parse import load_pipeline
from dcp_pipeline.spec.revision import Revision, revision_of
from dcp_worker.plans import PlanShelf

EXAMPLE = Path(__file__).parents[3] / "examples" / "botnet.yaml"


def test_a_plan_that_was_prepared_at_the_start_is_the_one_that_the_first_batch_gets() -> None:
    revision, document = revision_of(load_pipeline(EXAMPLE), "sinkhole")
    compiled: list[Revision] = []

    def compile_plan(wanted: Revision):
        compiled.append(wanted)
        return object()

    asked: list[str] = []
    shelf = PlanShelf(lambda name: asked.append(name) or document, compile_plan)
    shelf.prepare(revision, document)
    assert shelf.of(revision) is shelf.of(revision)
    assert (len(compiled), asked) == (1, [])
    shelf.of("another")
    assert (len(compiled), asked) == (2, ["another"])
