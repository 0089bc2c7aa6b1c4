"""The status of a DataCleaningTask, as the operator writes it. The CRD's status schema is made from it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.kubernetes.status import ConditionStatus, Count, Time
from dcp_pipeline.spec.kubernetes.task.outcome import LONGEST_OUTCOME

JobName = Annotated[str, Meta(max_length=253)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What every part of the status has in common."""


class TaskCondition(_Part, frozen=True):
    """One aspect of how the task is."""

    type: Annotated[str, Meta(description="Complete, Failed, PipelineFound, Reconciling or Stalled.", max_length=64)]
    status: Annotated[ConditionStatus, Meta(description="True, False or Unknown.")]
    reason: Annotated[str, Meta(description="Why, in one word for programs.", max_length=128)]
    message: Annotated[str, Meta(description="Why, in words for people.", max_length=4096)]
    last_transition_time: Annotated[Time, Meta(description="When status last changed.")]
    observed_generation: Annotated[Count, Meta(description="Generation of the spec that this was found for.")]


class TaskResult(_Part, frozen=True):
    """What a run came to."""

    job: Annotated[JobName, Meta(description="The Job of the run; its log has what was found.")]
    outcome: Annotated[str, Meta(description="In one line.", max_length=LONGEST_OUTCOME)]
    exit_code: Annotated[
        Annotated[int, Meta(ge=0, le=255)] | None,
        Meta(description="Of `dcp`; absent where its container did not come to an end of its own."),
    ] = None
    counts: Annotated[dict[str, int], Meta(description="What was counted.", max_length=32)] = {}
    started_at: Annotated[Time | None, Meta(description="When its container began.")] = None
    finished_at: Annotated[Time | None, Meta(description="When it ended.")] = None


class TaskStatus(_Part, frozen=True):
    """How the task is, as last seen by the operator."""

    observed_generation: Annotated[
        int, Meta(description="Generation of the spec that was last acted upon; -1 until one was.", ge=-1)
    ]
    task: Annotated[str, Meta(description="What is done: verify, replay and so on.", max_length=32)] = ""
    conditions: Annotated[tuple[TaskCondition, ...], Meta(description="How things are, by aspect.", max_length=16)] = ()
    job: Annotated[JobName | None, Meta(description="The Job that runs, or ran last.")] = None
    result: Annotated[TaskResult | None, Meta(description="Of the last run that ended.")] = None
    last_schedule_time: Annotated[Time | None, Meta(description="When a schedule last came due.")] = None
    last_successful_time: Annotated[Time | None, Meta(description="When a run last ended well.")] = None


def task_status_of(document: object) -> TaskStatus | None:
    """The status of a live object; None where there is none, or one of another release."""
    try:
        return msgspec.convert(document, TaskStatus)
    except msgspec.ValidationError:
        return None
