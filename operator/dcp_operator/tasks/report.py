"""How a task is, as its status says it, and which Events a change is worth. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dcp_operator.children.judge import Refusal
from dcp_operator.status.conditions import cut, moment_of, timestamp
from dcp_operator.status.events import News
from dcp_pipeline.spec.kubernetes.task.status import TaskCondition, TaskResult, TaskStatus
from dcp_pipeline.spec.model import Pipeline

LONGEST_MESSAGE = 4096
TO_BE_MENDED = frozenset({"InvalidSpec", "NoImage", "ChildRejected", "ChildBlocked"})
"""Reasons for which a person has to do something before it goes on."""
_TOLD_AS_WARNING = TO_BE_MENDED | {"PipelineMissing", "PipelineUnusable", "SecretMissing", "NotStarting"}
NOT_BEGUN = _TOLD_AS_WARNING | {"Starting"}
"""Reasons of what is wanted now and has not begun; `Starting` lasts only where a quota is in its way."""

State = Literal["waiting", "at work", "scheduled", "complete", "failed"]


@dataclass(frozen=True)
class Stage:
    """How far it is: `reason` for programs, `message` for people."""

    state: State
    reason: str
    message: str
    job: str | None = None
    result: TaskResult | None = None
    """Of the last run that ended, where that is news."""
    last_failed: bool = False
    """Of a schedule: whether its last run did."""
    scheduled_at: str | None = None
    succeeded_at: str | None = None


def waiting(refusal: Refusal) -> Stage:
    return Stage("waiting", refusal.reason, refusal.message)


def condition_of(kind: str, status: TaskStatus | None) -> TaskCondition | None:
    conditions = status.conditions if status is not None else ()
    return next((each for each in conditions if each.type == kind), None)


def is_true(kind: str, status: TaskStatus | None) -> bool:
    """Whether a condition is."""
    found = condition_of(kind, status)
    return found is not None and found.status == "True"


def finished(status: TaskStatus | None) -> bool:
    """Whether a task that is done once is done."""
    return is_true("Complete", status) or is_true("Failed", status)


def finished_at(status: TaskStatus | None) -> datetime | None:
    """Since when it is; None where it is not."""
    ends = [condition_of(kind, status) for kind in ("Complete", "Failed")]
    return next((moment_of(each.last_transition_time) for each in ends if each and each.status == "True"), None)


def status_of(
    stage: Stage, what: str, pipeline: Pipeline | Refusal, generation: int, before: TaskStatus | None, now: datetime
) -> TaskStatus:
    """The status. What is not known now stays as it was last known."""
    earlier = {each.type: each for each in (before.conditions if before else ())}

    def condition(kind: str, status: Literal["True", "False"], reason: str, message: str) -> TaskCondition:
        known = earlier.get(kind)
        same = known is not None and known.status == status
        return TaskCondition(
            type=kind, status=status, reason=reason, message=cut(message, LONGEST_MESSAGE),
            last_transition_time=known.last_transition_time if same and known else timestamp(now),
            observed_generation=generation,
        )  # fmt: skip

    failed = stage.state == "failed" or (stage.state != "complete" and stage.last_failed)
    stalled = stage.state == "failed" or stage.reason in TO_BE_MENDED
    going = not stalled and stage.state in ("waiting", "at work")
    found = _found(pipeline)
    conditions = (
        condition("Complete", "True" if stage.state == "complete" else "False", stage.reason, stage.message),
        condition("Failed", "True" if failed else "False", *_of_failure(stage, failed, before)),
        condition("PipelineFound", "False" if isinstance(pipeline, Refusal) else "True", *found),
        condition("Reconciling", "True" if going else "False", stage.reason, stage.message),
        condition("Stalled", "True" if stalled else "False", stage.reason, stage.message),
    )
    return TaskStatus(
        observed_generation=generation,
        task=what,
        conditions=conditions,
        job=stage.job or (before.job if before else None),
        result=stage.result or (before.result if before else None),
        last_schedule_time=stage.scheduled_at or (before.last_schedule_time if before else None),
        last_successful_time=stage.succeeded_at or (before.last_successful_time if before else None),
    )


def news_of(status: TaskStatus, before: TaskStatus | None) -> Iterator[News]:
    """One where it begins, waits for another reason, or ends; for each run of a schedule that ended."""
    if status.result is not None and (before is None or before.result != status.result):
        bad = is_true("Failed", status)
        yield News("Warning" if bad else "Normal", "Run", "Failed" if bad else "Completed",
                   f"{status.task}: {status.result.outcome}")  # fmt: skip
        return
    now, earlier = condition_of("Complete", status), condition_of("Complete", before)
    if now is not None and (earlier is None or earlier.reason != now.reason):
        yield News("Warning" if now.reason in _TOLD_AS_WARNING else "Normal", "Run", now.reason, now.message)


def _of_failure(stage: Stage, failed: bool, before: TaskStatus | None) -> Sequence[str]:
    if not failed:
        return "NotFailed", "it has not failed"
    result = stage.result or (before.result if before else None)
    return ("Failed", result.outcome) if result is not None else (stage.reason, stage.message)


def _found(pipeline: Pipeline | Refusal) -> tuple[str, str]:
    if isinstance(pipeline, Refusal):
        return pipeline.reason, pipeline.message
    state = pipeline.spec.wanted_state
    said = {
        "Running": "the pipeline runs",
        "Draining": "the pipeline is draining: its workers go once the queue is empty",
        "Stopped": "the pipeline is stopped: what is given to its queue waits there",
    }
    return state, said[state]
