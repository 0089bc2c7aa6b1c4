"""Several operators of one cluster: which of them looks after a pipeline."""

from __future__ import annotations

OPERATOR_LABEL = "datacleaning.io/instance"
"""On a pipeline: the name of the operator that looks after it."""


def looked_after_by(instance: str) -> str:
    """The label selector of the pipelines of one operator; those without the label where it has no name."""
    return f"{OPERATOR_LABEL}={instance}" if instance else f"!{OPERATOR_LABEL}"
