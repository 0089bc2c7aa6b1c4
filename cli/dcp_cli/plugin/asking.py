"""A task made, waited for, and what came of it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from dcp_cli.errors import CommandFailed
from dcp_cli.options import print_json
from dcp_cli.plugin.kubectl import PIPELINES, TASKS, Document, Kubectl, NotThere, condition
from dcp_cli.plugin.shown import show_answer
from dcp_cli.shown.answer import Answer, answer_in
from dcp_cli.shown.say import say
from dcp_pipeline.process.exit_codes import DONE, FAILED, INTERRUPTED, INVALID, TIMED_OUT
from dcp_pipeline.spec.kubernetes.task.model import LONGEST_TASK_NAME, TASK_KIND
from dcp_pipeline.spec.model import API_VERSION

KEPT_SECONDS = 3600
"""How long a task stays after its end."""
LOOK_SECONDS = 1.0
UNSEEN_SECONDS = 20.0
_HOPELESS = {"InvalidSpec": INVALID, "NoImage": FAILED}
"""Nothing comes of these by waiting."""


def ask(
    kubectl: Kubectl, pipeline: str, what: str, words: Mapping[str, Any], output: str, timeout: float, wait: bool,
    clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
) -> int:  # fmt: skip
    """Have it done; the exit code that `dcp` had in the cluster."""
    kubectl.get(PIPELINES, pipeline)  # a name that is mistyped is told at once
    name = f"{what}-{pipeline}"[: LONGEST_TASK_NAME - 6].rstrip("-") + f"-{uuid.uuid4().hex[:5]}"
    given = {key: value for key, value in words.items() if value not in (None, False, ())}
    spec = {"pipelineRef": {"name": pipeline}, what: given, "ttlSecondsAfterFinished": KEPT_SECONDS}
    kubectl.create({"apiVersion": API_VERSION, "kind": TASK_KIND, "metadata": {"name": name}, "spec": spec})
    say(f"task {name}", err=True)
    if not wait:
        say(f"kubectl get dct {name}", err=True)
        return DONE
    try:
        task = _ended(kubectl, name, clock() + timeout, clock, sleep)
    except KeyboardInterrupt:
        say(f"it goes on: kubectl get dct {name}; kubectl delete dct {name} ends it", err=True)
        return INTERRUPTED
    if task is None:
        say(f"dcp: {name} has not ended within the --timeout; it goes on: kubectl get dct {name}", err=True)
        return TIMED_OUT
    return _told(kubectl, task, output)


def _ended(
    kubectl: Kubectl, name: str, until: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Document | None:
    """The task once it is over; None where it is not in time."""
    told, begun = "", clock()
    while True:
        try:
            task = kubectl.get(TASKS, name)
        except NotThere as error:
            raise CommandFailed(f"task {name} was deleted before its end") from error
        now = condition(task, "Complete")
        reason, message = str(now.get("reason", "")), str(now.get("message", ""))
        if now.get("status") == "True" or condition(task, "Failed").get("status") == "True" or reason in _HOPELESS:
            return task
        if not reason and clock() - begun > UNSEEN_SECONDS and not told:
            reason = "Unseen"
            message = f"nobody has looked at it for {UNSEEN_SECONDS:.0f} s: is the operator there, and of this release?"
        if reason and (line := f"{reason}: {message}") != told:
            say(f"  {line}", err=True)
            told = line
        if clock() > until:
            return None
        sleep(LOOK_SECONDS)


def _told(kubectl: Kubectl, task: Document, output: str) -> int:
    status = task.get("status") or {}
    reason = str(condition(task, "Complete").get("reason", ""))
    if reason in _HOPELESS:
        say(f"dcp: {reason}: {condition(task, 'Complete').get('message', '')}", err=True)
        return _HOPELESS[reason]
    result = status.get("result") or {"outcome": condition(task, "Failed").get("message", "")}
    answer = _found(kubectl, str(status.get("job", "")))
    if output == "json":
        print_json(answer if answer is not None else result)
    else:
        if answer is not None:
            _shown(str(status.get("task", "")), answer)
        say(str(result.get("outcome", "")))
    good = condition(task, "Complete").get("status") == "True"
    code = result.get("exitCode")
    return int(code) if isinstance(code, int) and (good or code) else DONE if good else FAILED


def _found(kubectl: Kubectl, job: str) -> Answer | None:
    """What was found, by the log; whoever gets only what it came to is told why."""
    try:
        return answer_in(kubectl.log_of(job).splitlines()) if job else None
    except CommandFailed as error:
        say(f"dcp: what was found cannot be read, only what it came to: {error}", err=True)
        return None


def _shown(what: str, answer: Answer) -> None:
    """What was found. A pod's log is whatever its image writes: of another release, or of no `dcp` at all."""
    try:
        show_answer(what, answer)
    except (KeyError, TypeError, ValueError, AttributeError):
        say("dcp: the log's answer is none that this release reads: -o json has it as it is", err=True)
