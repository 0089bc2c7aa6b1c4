"""What people read: a pipeline's status, its scaling, the findings of a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcp_cli.plugin.kubectl import Document, condition
from dcp_cli.shown.say import say
from dcp_cli.shown.summary import COUNTS
from dcp_cli.shown.tables import show_table

_SHOWN = 60
_GO_ON = frozenset({"Completed", "Running", "Starting", "Scheduled", "Suspended", "WaitingForItsTurn"})
"""What is said of a task for which nobody has to do anything now."""


def show_status(pipeline: Document) -> bool:
    """The resource's conditions and books; whether it is ready."""
    status = pipeline.get("status") or {}
    conditions = status.get("conditions") or ()
    metadata = pipeline["metadata"]
    say(f"pipeline {metadata['namespace']}/{metadata['name']}\n")
    rows = [[str(each[name]) for name in ("type", "status", "reason", "message")] for each in conditions]
    if not rows:
        say("no operator has looked at it yet")
        return False
    show_table(rows, ["condition", "", "reason", "message"])
    if records := status.get("records"):
        say("\n" + ", ".join(f"{records[name]:,} {name}" for name in (*COUNTS, "pending") if name in records))
    for line in _numbers(status):
        say(line)
    return is_ready(pipeline)


def is_ready(pipeline: Document) -> bool:
    """Whether the operator says so."""
    return bool(condition(pipeline, "Ready").get("status") == "True")


def show_tasks(pipeline: str, tasks: Iterable[Document]) -> None:
    """The pipeline's tasks that ended badly, or are wanted and do not begin; the pipeline may be well all the same."""
    for each in tasks:
        spec, status = each.get("spec") or {}, each.get("status") or {}
        if (spec.get("pipelineRef") or {}).get("name") != pipeline:
            continue
        told = {one["type"]: one for one in status.get("conditions") or ()}
        now = told.get("Complete", {"reason": "Unknown", "message": "no operator has looked at it yet"})
        last = told.get("Failed", {})
        if now["reason"] not in _GO_ON or last.get("status") == "True":
            wrong = last if now["reason"] in _GO_ON else now
            say(f"task {each['metadata']['name']}: {wrong['reason']}: {wrong['message']}")


def explain_scaling(pipeline: Document) -> None:
    """How many workers there are, why, and between which bounds."""
    status, scaling = pipeline.get("status") or {}, (pipeline.get("spec") or {}).get("scaling") or {}
    for line in _numbers(status):
        say(line)
    last = status.get("scaling")
    if last:
        say(f"last change: to {last['replicas']} at {last['time']}: {last['reason']}")
    now = condition(pipeline, "ScalingActive")
    if not now:
        say("nothing was decided yet: no operator has looked at its queue")
    else:
        words = {"True": "now", "False": "NOT scaled now", "Unknown": "not known now"}
        say(f"{words.get(now['status'], now['status'])}: {now['message']} ({now['reason']})")
    least, most = scaling.get("minReplicas", 0), scaling.get("maxReplicas", 10)
    engine = scaling.get("engine", "auto")
    aim = f"one worker for each {scaling['backlogPerWorker']} batches" if "backlogPerWorker" in scaling else (
        f"the backlog done within {scaling.get('drainWithin', '20s')}"
    )  # fmt: skip
    say(f"the spec asks for {least} to {most} workers, by engine {engine}: {aim}")


def show_answer(what: str, answer: Document) -> None:
    """What was found, above the line that says what it came to."""
    if what == "verify":
        for each in answer.get("findings", ()):
            say(f"NOT BALANCED  {each['object']}: {each['kind']}: {each['message']}")
    elif what == "rejects" and answer.get("rejects"):
        rows = [
            [
                str(each["uri"]).rsplit("/", 1)[-1],
                str(each["record"]),
                each["field"] or "",
                each["code"],
                each["reason"],
                str(each["raw"] or "")[:_SHOWN],
            ]
            for each in answer["rejects"]
        ]
        show_table(rows, ["object", "record", "field", "code", "reason", "bytes"])
    elif what == "preview":
        for source in answer.get("sources", ()):
            say(f"source {source['source']}: {source['uri']}")
            for each in source["records"]:
                say(f"  before  {_cells(each['raw'])}")
                reject = each["reject"]
                say(f"  {'after   ' + _cells(each['row']) if each['row'] is not None else _left_out(each, reject)}")


def _left_out(record: Document, reject: Document | None) -> str:
    if reject is not None:
        return f"REJECT  {reject['code']} {reject['field'] or ''}: {reject['reason']}"
    return "filtered" if record["filtered"] else "duplicate"


def _cells(row: Document) -> str:
    return " ".join(f"{name}={str(value)[:_SHOWN]}" for name, value in row.items())


def _numbers(status: Document) -> Iterator[str]:
    if backlog := status.get("backlog"):
        yield (
            f"queue: {backlog['batches']:,} batches not done, {backlog['inFlight']:,} of them in a worker's hands, "
            f"{backlog['dead']:,} dead; oldest {backlog['oldestAgeSeconds']:,} s"
        )
    if workers := status.get("workers"):
        yield f"workers: {workers['replicas']} there, {workers['ready']} ready, {workers['desired']} wanted"
