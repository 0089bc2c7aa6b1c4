"""The status of a DataCleaningPipeline, as the operator writes it. The CRD's status schema is made from it.

Absent means unknown: a count is never guessed. There is no phase; conditions say how things are.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

ConditionStatus = Literal["True", "False", "Unknown"]
Time = Annotated[str, Meta(max_length=64, extra_json_schema={"format": "date-time"})]
Count = Annotated[int, Meta(ge=0)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What every part of the status has in common."""


class Condition(_Part, frozen=True):
    """One aspect of how the pipeline is."""

    type: Annotated[
        str,
        Meta(
            description="Ready, Available, Progressing, Reconciling, Stalled, Degraded, ChildrenSeen, "
            "ScalingActive, SourcesReachable, LabelsAsExpected, Expected or SinkReachable.",
            max_length=64,
        ),
    ]
    status: Annotated[ConditionStatus, Meta(description="True, False or Unknown.")]
    reason: Annotated[str, Meta(description="Why, in one word for programs.", max_length=128)]
    message: Annotated[str, Meta(description="Why, in words for people.", max_length=8192)]
    last_transition_time: Annotated[Time, Meta(description="When status last changed.")]
    observed_generation: Annotated[Count, Meta(description="Generation of the spec that this was found for.")]


class Backlog(_Part, frozen=True):
    """What waits in the queue or is being worked on."""

    batches: Annotated[Count, Meta(description="Batches not yet done: ready, scheduled and in flight.")]
    bytes: Annotated[Count, Meta(description="Their payload in bytes, compressed.")]
    in_flight: Annotated[Count, Meta(description="Batches that a worker holds.")]
    dead: Annotated[Count, Meta(description="Batches that were given up; see `dcp dead`.")]
    oldest_age_seconds: Annotated[Count, Meta(description="Age of the oldest batch not yet done.")]


class Records(_Part, frozen=True):
    """The books: read = written + duplicates + rejected + filtered + dead + pending."""

    read: Annotated[Count, Meta(description="Records that the fetcher counted when it cut.")]
    written: Annotated[Count, Meta(description="Rows in the clean table.")]
    duplicates: Annotated[Count, Meta(description="Records whose identity was there already.")]
    rejected: Annotated[Count, Meta(description="Records refused; see `dcp rejects`.")]
    filtered: Annotated[Count, Meta(description="Records left out as the spec asks.")]
    dead: Annotated[Count, Meta(description="Records of batches that were given up.")]
    pending: Annotated[Count, Meta(description="Records cut and not yet settled.")]


class Replicas(_Part, frozen=True):
    """Pods of one kind."""

    replicas: Annotated[Count, Meta(description="Pods that there are.")]
    ready: Annotated[Count, Meta(description="Pods that are ready.")]
    desired: Annotated[Count, Meta(description="Pods that there should be.")]


class ScalingDecision(_Part, frozen=True):
    """The last decision that changed the number of workers."""

    replicas: Annotated[Count, Meta(description="Workers decided on.")]
    reason: Annotated[str, Meta(description="Why.", max_length=1024)]
    time: Annotated[Time, Meta(description="When.")]


class Revision(_Part, frozen=True):
    """Which revision of what the pods run is wanted, and which one all pods are of."""

    wanted: Annotated[str, Meta(description="Digest of what the pods are to run.", max_length=64)]
    running: Annotated[
        Annotated[str, Meta(max_length=64)] | None,
        Meta(description="The last one that was out whole; absent until one was."),
    ] = None


class Status(_Part, frozen=True):
    """How the pipeline is, as last seen by the operator."""

    observed_generation: Annotated[
        int, Meta(description="Generation of the spec that was last acted upon; -1 until one was.", ge=-1)
    ]
    conditions: Annotated[tuple[Condition, ...], Meta(description="How things are, by aspect.", max_length=24)] = ()
    revision: Annotated[Revision | None, Meta(description="What is to run, and what runs.")] = None
    backlog: Annotated[Backlog | None, Meta(description="The queue; absent until it was read.")] = None
    records: Annotated[Records | None, Meta(description="The books; absent until a pod reported them.")] = None
    fetcher: Annotated[Replicas | None, Meta(description="The fetcher's pods.")] = None
    workers: Annotated[Replicas | None, Meta(description="The workers' pods.")] = None
    scaling: Annotated[ScalingDecision | None, Meta(description="The last change of the number of workers.")] = None


def to_document(status: Status) -> dict[str, object]:
    """The status as the Kubernetes API takes it."""
    document: dict[str, object] = msgspec.to_builtins(status)
    return document


def from_document(document: object) -> Status | None:
    """The status of a live object; None where there is none, or one of another release."""
    try:
        return msgspec.convert(document, Status)
    except msgspec.ValidationError:
        return None
