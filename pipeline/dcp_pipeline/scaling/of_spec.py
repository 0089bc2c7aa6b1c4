"""What a spec says about scaling, as the values that the decision takes."""

from __future__ import annotations

from dcp_pipeline.scaling.model import Bounds, Policy, Rules, Step
from dcp_pipeline.spec.model import Pipeline, ScaleDown, ScaleUp


def bounds_of(pipeline: Pipeline) -> Bounds:
    """The bounds. One that is paused or Draining has no workers at all in the end, one that is Stopped at once."""
    scaling = pipeline.spec.scaling
    if pipeline.spec.wanted_state == "Stopped":
        return Bounds(0, 0, 0)
    if pipeline.spec.wanted_state == "Draining":
        return Bounds(0, scaling.max_replicas, 0)
    return Bounds(scaling.min_replicas, scaling.max_replicas, scaling.fallback.replicas)


def policy_of(pipeline: Pipeline) -> Policy:
    """The policy: what the spec says, and this release's defaults where it says nothing."""
    scaling, usual = pipeline.spec.scaling, Policy(pipeline.spec.worker.concurrency)
    within = scaling.drain_within.seconds if scaling.drain_within is not None else usual.drain_within_seconds
    return Policy(
        concurrency=pipeline.spec.worker.concurrency,
        drain_within_seconds=within,
        backlog_per_worker=scaling.backlog_per_worker,
        cooldown_seconds=scaling.cooldown.seconds,
        max_commit_seconds=scaling.max_commit_time.seconds,
        up=_rules(scaling.behavior.scale_up, 0.0),
        down=_rules(scaling.behavior.scale_down, None),
    )


def _rules(rules: ScaleUp | ScaleDown, window: float | None) -> Rules:
    seconds = rules.stabilization_window_seconds
    steps = tuple(Step(each.type, each.value, float(each.period_seconds)) for each in rules.policies)
    return Rules(window if seconds is None else float(seconds), steps, rules.select_policy, rules.tolerance)
