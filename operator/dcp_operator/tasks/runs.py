"""What a Job and its pods say of a run: waiting, at work, or what it came to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dcp_operator.status.at_rest import still_there
from dcp_operator.status.condition_gauges import conditions_of
from dcp_operator.tasks.children import CONTAINER, WRITES_LABEL
from dcp_pipeline.observe.printable import printable
from dcp_pipeline.spec.kubernetes.task.outcome import LONGEST_OUTCOME, outcome_of
from dcp_pipeline.spec.kubernetes.task.status import TaskResult

Document = Mapping[str, Any]
JOB_NAME_LABEL = "batch.kubernetes.io/job-name"


def ended(job: Document) -> str | None:
    """`Complete` or `Failed` where the Job has come to its end."""
    return next((str(each["type"]) for each in _ends(job)), None)


def suspended(job: Document) -> bool:
    return bool((job.get("spec") or {}).get("suspend")) and ended(job) is None


def begun(job: Document) -> bool:
    """Whether a pod of it may be at work."""
    return ended(job) is None and not suspended(job)


def writer_at_work(jobs: Iterable[Document], pods: Iterable[Document]) -> str | None:
    """What changes the pipeline's tables or queue now: a Job; a pod that is still ending and whose Job was deleted."""
    at_work = [f"Job {each['metadata']['name']}" for each in jobs if _writes(each) and begun(each)]
    ending = [f"pod {each['metadata']['name']}" for each in still_there(pods) if _writes(each)]
    return next(iter([*sorted(at_work), *sorted(ending)]), None)


def _writes(document: Document) -> bool:
    return (document["metadata"].get("labels") or {}).get(WRITES_LABEL) == "true"


def result_of(job: Document, pods: Sequence[Document]) -> TaskResult:
    """What a Job that has ended came to: its container's own words, else what Kubernetes says of it."""
    name, good = str(job["metadata"]["name"]), ended(job) == "Complete"
    finished = _finished_at(job)
    state = _last_state(pods)
    told = outcome_of(state.get("message"))
    code = _code(state.get("exitCode"))
    if told is not None and told.exit_code == code:
        words, counts = told.outcome, told.counts
    else:
        words, counts = _kubernetes_words(job, state, good), {}
    text = printable(words)
    return TaskResult(
        job=name,
        outcome=text if len(text) <= LONGEST_OUTCOME else text[: LONGEST_OUTCOME - 1] + "…",
        exit_code=code,
        counts=counts,
        started_at=state.get("startedAt") or (job.get("status") or {}).get("startTime"),
        finished_at=state.get("finishedAt") or finished,
    )


def ended_well(job: Document, result: TaskResult) -> bool:
    """Whether it ended well."""
    return ended(job) == "Complete" and result.exit_code in (0, None)


def _last_state(pods: Sequence[Document]) -> Mapping[str, Any]:
    """How the container of the newest pod ended."""
    for pod in sorted(pods, key=lambda each: str(each["metadata"].get("creationTimestamp", "")), reverse=True):
        for each in (pod.get("status") or {}).get("containerStatuses") or ():
            terminated = (each.get("state") or {}).get("terminated")
            if each.get("name") == CONTAINER and terminated:
                return dict(terminated)
    return {}


def _code(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= 255 else None


def _kubernetes_words(job: Document, state: Mapping[str, Any], good: bool) -> str:
    if good:
        return "done; what was counted is not known, for its pod is gone" if not state else "done"
    if state.get("reason") == "OOMKilled":
        return "killed for its memory: raise spec.resources.limits.memory"
    failures = [each for each in conditions_of(job) if each.get("type") == "Failed"]
    if any(each.get("reason") == "DeadlineExceeded" for each in failures):
        return "ended by spec.timeout"
    if "exitCode" in state:
        return f"its container ended with code {state['exitCode']} ({state.get('reason', 'Error')}); its log says more"
    reasons = (f"{each.get('reason')}: {each.get('message')}" for each in failures)
    return next(reasons, "it failed, and its pod is gone")


def _finished_at(job: Document) -> str | None:
    times = (each.get("lastTransitionTime") for each in _ends(job))
    return (job.get("status") or {}).get("completionTime") or next((str(each) for each in times if each), None)


def _ends(job: Document) -> Iterator[Document]:
    """The conditions that say that it has come to its end."""
    for each in conditions_of(job):
        if each.get("type") in ("Complete", "Failed") and each.get("status") == "True":
            yield each
