"""What a command came to, in one line and in counts, from its answer in JSON. Never bytes of a record. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from dcp_cli.shown.answer import Answer, answer_in
from dcp_cli.shown.summary import COUNTS
from dcp_pipeline.spec.kubernetes.task.outcome import Outcome

Told = tuple[str, Mapping[str, int]]
KILLED = 137


def outcome_of(command: str, output: bytes, errors: Sequence[str], code: int) -> Outcome:
    """`errors`: the last lines of stderr, of which those of `dcp:` say what went wrong."""
    answer = answer_in(output.splitlines())
    tell = next((each for mark, each in _TELLERS.items() if answer is not None and mark in answer), None)
    if tell is not None and answer is not None:
        with suppress(KeyError, TypeError, ValueError, AttributeError):  # an answer of another release
            line, counts = tell(answer)
            return Outcome(exit_code=code, outcome=line, counts=dict(counts))
    return Outcome(exit_code=code, outcome=_failure(command, errors, code))


def _failure(command: str, errors: Sequence[str], code: int) -> str:
    said = [each.removeprefix("dcp:").strip() for each in errors if each.startswith("dcp:")]
    if said:
        return "; ".join(said)
    if code == KILLED:
        return f"dcp {command} was killed: for its memory? (spec.resources.limits.memory)"
    return f"dcp {command} ended with {code}" + (f": {errors[-1]}" if errors and code else "")


def _verified(answer: Answer) -> Told:
    counts = {name: int(answer[name]) for name in (*COUNTS, "pending")}
    findings = answer["findings"]
    counts["findings"] = len(findings)
    objects = f"{int(answer['objects_total']):,} objects"
    if answer["balanced"]:
        line = f"the books balance: {objects}, {counts['read']:,} read, {counts['written']:,} written"
        if expired := int(answer.get("expired", 0)):
            counts["expired"] = expired
            line += f", {expired:,} of them expired"
        return line, counts
    first = f"; the first: {findings[0]['object']} ({findings[0]['kind']})" if findings else ""
    return f"the books do NOT balance: {objects}, {len(findings):,} findings{first}", counts


def _listed(answer: Answer) -> Told:
    total, replaced = int(answer["total"]), int(answer["replaced"])
    more = f"; {replaced:,} more are of versions that were replaced" if replaced else ""
    return (f"{total:,} rejects{more}" if total else f"no rejects{more}"), {"rejects": total, "replaced": replaced}


def _revived(answer: Answer) -> Told:
    counts = {name: int(answer[name]) for name in ("revived", "queued", "read_again")}
    return "{revived:,} batches live again: {queued:,} in the queue, {read_again:,} to be read again".format(
        **counts
    ), counts


def _replayed(answer: Answer) -> Told:
    names = ("replayed", "written", "duplicates", "filtered", "rejected", "cut_off")
    counts = {name: int(answer[name]) for name in names}
    line = (
        "{replayed:,} rejects cleaned again: {written:,} written, {duplicates:,} duplicates, {filtered:,} filtered, "
        "{rejected:,} rejected again, {cut_off:,} cannot be"
    )
    return line.format(**counts), counts


def _previewed(answer: Answer) -> Told:
    records = [each for source in answer["sources"] for each in source["records"]]
    counts = {
        "sources": len(answer["sources"]),
        "records": len(records),
        "rejected": sum(each["reject"] is not None for each in records),
        "filtered": sum(bool(each["filtered"]) for each in records),
        "problems": len(answer["problems"]),
    }
    line = "{records:,} records of {sources:,} sources: {rejected:,} rejected, {filtered:,} filtered".format(**counts)
    return "; ".join([line, *map(str, answer["problems"][:1])]), counts


def _backed_up(answer: Answer) -> Told:
    rows = sum(int(each) for each in answer["rows"].values())
    name = str(answer["file"]).rpartition("/")[2]
    return f"{name}: {int(answer['bytes']):,} bytes, {rows:,} rows", {"bytes": int(answer["bytes"]), "rows": rows}


def _restored(answer: Answer) -> Told:
    counts = {name: int(each) for name, each in answer["books"].items()}
    if answer["restored"]:
        return "restored and verified", counts
    findings = list(answer["findings"])
    line = f"restored, but the books are NOT what they were, or do not balance: {len(findings):,} findings"
    return "; the first: ".join([line, *map(str, findings[:1])]), counts


def _forgotten(answer: Answer) -> Told:
    counts = {name: int(each) for name, each in answer["counts"].items()}
    if answer["troubles"]:
        return "; ".join(map(str, answer["troubles"])), counts
    gone = ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "there was nothing"
    return f"{gone}; the rows of {answer['table']} stay", counts


def _released(answer: Answer) -> Told:
    counts = {name: int(answer[name]) for name in ("released", "batches", "queued")}
    return (
        "{released:,} objects released, {batches:,} batches: {queued:,} in the queue, the rest is read again".format(
            **counts
        ),
        counts,
    )


def _whole(answer: Answer) -> Told:
    counts = {name: int(each) for name, each in answer["books"].items()}
    return f"the file is whole: of {answer['taken_at']}, by release {answer['release']}", counts


_TELLERS: Mapping[str, Callable[[Answer], Told]] = {
    "whole": _whole,
    "restored": _restored,
    "findings": _verified,
    "replayed": _replayed,
    "revived": _revived,
    "total": _listed,
    "problems": _previewed,
    "file": _backed_up,
    "forgotten": _forgotten,
    "released": _released,
}
"""By a key that only that answer has."""
