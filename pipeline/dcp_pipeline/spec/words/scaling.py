"""How many workers run: the words of spec.scaling. docs/autoscaling.md tells what each means."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from dcp_pipeline.spec.part import Part as _Part
from dcp_pipeline.spec.units import Duration


class Fallback(_Part, frozen=True):
    """What to do while the queue cannot be read."""

    replicas: Annotated[int, Meta(description="Least workers meanwhile.", ge=0, le=1000)] = 1


class ScalingPolicy(_Part, frozen=True):
    """A limit on how fast the number of workers changes."""

    type: Annotated[Literal["Pods", "Percent"], Meta(description="Whether value counts pods or percent of them.")]
    value: Annotated[int, Meta(description="Greatest change within the period.", ge=1, le=100_000)]
    period_seconds: Annotated[int, Meta(description="The period in seconds.", ge=1, le=1800)]


SelectPolicy = Literal["Max", "Min", "Disabled"]
Policies = Annotated[tuple[ScalingPolicy, ...], Meta(max_length=16)]
Window = Annotated[int, Meta(ge=0, le=3600)]


class ScaleUp(_Part, frozen=True):
    """How the number of workers grows; HorizontalPodAutoscaler v2's words."""

    stabilization_window_seconds: Annotated[
        Window | None, Meta(description="Only as many as were wished for all this time; at once by default.")
    ] = None
    policies: Annotated[Policies, Meta(description="Limits; none by default.")] = ()
    select_policy: Annotated[
        SelectPolicy, Meta(description="Of several limits the one that allows most (Max) or least; or no growth.")
    ] = "Max"
    tolerance: Annotated[float, Meta(description="A wish within this share of the number is ignored.", ge=0, le=1)] = (
        0.0
    )


class ScaleDown(_Part, frozen=True):
    """How the number of workers shrinks; HorizontalPodAutoscaler v2's words."""

    stabilization_window_seconds: Annotated[
        Window | None,
        Meta(description="Only to the greatest wish of this time; by default as long as a worker takes to start."),
    ] = None
    policies: Annotated[Policies, Meta(description="Limits; none by default.")] = ()
    select_policy: Annotated[
        SelectPolicy, Meta(description="Of several limits the one that allows most (Max) or least; or no shrinking.")
    ] = "Max"
    tolerance: Annotated[float, Meta(description="A wish within this share of the number is ignored.", ge=0, le=1)] = (
        0.0
    )


class Behavior(_Part, frozen=True):
    """HorizontalPodAutoscaler v2's behavior."""

    scale_up: Annotated[ScaleUp, Meta(description="How the number of workers grows.")] = ScaleUp()
    scale_down: Annotated[ScaleDown, Meta(description="How the number of workers shrinks.")] = ScaleDown()


class Scaling(_Part, frozen=True):
    """How many workers run."""

    engine: Annotated[
        Literal["auto", "keda"],
        Meta(description="Who scales: this operator (auto), or KEDA by a ScaledObject that the operator writes."),
    ] = "auto"
    min_replicas: Annotated[int, Meta(description="Least workers.", ge=0, le=1000)] = 0
    max_replicas: Annotated[int, Meta(description="Most workers.", ge=1, le=1000)] = 10
    drain_within: Annotated[
        Duration | None,
        Meta(description="Enough workers to clear the backlog in this time; 20s where nothing is said."),
    ] = None
    backlog_per_worker: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="One worker for so many batches of backlog, instead of drainWithin."),
    ] = None
    cooldown: Annotated[Duration, Meta(description="How long the last worker stays once the queue is empty.")] = (
        Duration("10s")
    )
    max_commit_time: Annotated[
        Duration, Meta(description="While the sink's commits take longer than this, no worker is added.")
    ] = Duration("5s")
    behavior: Annotated[Behavior, Meta(description="HorizontalPodAutoscaler v2's behavior.")] = Behavior()
    fallback: Annotated[Fallback, Meta(description="While the queue cannot be read.")] = Fallback()
