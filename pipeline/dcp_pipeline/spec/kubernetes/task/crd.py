"""The CustomResourceDefinition of DataCleaningTasks, made as that of the pipelines is, by scripts/make_crd.py."""

from __future__ import annotations

from dcp_pipeline.spec.kubernetes.crd import column, definition, metadata, structural
from dcp_pipeline.spec.kubernetes.rule import Rule, exactly_one
from dcp_pipeline.spec.kubernetes.task.model import (
    ALL,
    LONGEST_TASK_NAME,
    SOME_OR_ALL,
    TASK_KIND,
    TASK_PLURAL,
    TaskSpec,
)
from dcp_pipeline.spec.kubernetes.task.status import TaskStatus
from dcp_pipeline.spec.model import API_VERSION
from dcp_pipeline.spec.schema import Schema, schema_of

_FIXED = ("pipelineRef", *ALL, "timeout", "image", "resources")
"""Of a task that is done once: another one is another task."""

RULES = {
    "": (
        exactly_one(f"exactly one of {', '.join(ALL)} is wanted", *ALL),
        Rule("!has(self.restore) || !has(self.schedule)", "a backup is put back once", ".schedule"),
        Rule(
            "has(self.schedule) || !has(self.timeZone) && !self.suspend"
            " && !has(self.successfulJobsHistoryLimit) && !has(self.failedJobsHistoryLimit)",
            "timeZone, suspend and the limits of the history are for a schedule",
        ),
        Rule("has(self.schedule) == has(oldSelf.schedule)", "once, or by a schedule: make another task", ".schedule"),
        Rule(
            "has(self.schedule) || "
            + " && ".join(
                f"(has(self.{each}) ? has(oldSelf.{each}) && self.{each} == oldSelf.{each} : !has(oldSelf.{each}))"
                for each in _FIXED
            ),
            "what is done once cannot be changed but for ttlSecondsAfterFinished: make another task",
        ),
    ),
    **{
        what: (Rule(f"self.all != (has(self.{some}) && self.{some}.size() > 0)", f"all: true, or {some}, is wanted"),)
        for what, some in SOME_OR_ALL.items()
    },
}


def task_definition() -> Schema:
    """The CRD as a document."""
    document = {
        "type": "object",
        "description": "Something that `dcp` does for a pipeline, in the cluster and with the pipeline's own Secrets: "
        "once, or by a schedule. What came of it is in the status.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": API_VERSION},
            "kind": {"type": "string", "description": TASK_KIND},
            "metadata": metadata(LONGEST_TASK_NAME),
            "spec": structural(schema_of(TaskSpec), "", RULES),
            "status": {**structural(schema_of(TaskStatus), "status", RULES), "default": {"observedGeneration": -1}},
        },
    }
    complete = '.status.conditions[?(@.type=="Complete")]'
    columns = [
        column("Pipeline", "string", ".spec.pipelineRef.name", "The pipeline."),
        column("Task", "string", ".status.task", "What is done."),
        column("Status", "string", f"{complete}.reason", "How far it is."),
        column("Result", "string", ".status.result.outcome", "What the last run came to."),
        column("Age", "date", ".metadata.creationTimestamp", "Since the resource was made."),
        column("Schedule", "string", ".spec.schedule", "When it is done again.", priority=1),
        column("Reason", "string", f"{complete}.message", "Why it is as it is.", priority=1),
    ]
    return definition(TASK_KIND, TASK_PLURAL, "dct", columns, document)
