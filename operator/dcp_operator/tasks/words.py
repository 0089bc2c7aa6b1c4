"""From a task's spec to the words of `dcp`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from dcp_operator.children.pods import SPEC_FILE, SPEC_FOLDER
from dcp_pipeline.spec.kubernetes.task.model import Rejects, Replay, TaskSpec

FILES_FOLDER = "/var/lib/dcp/backups"
_SPEC = f"{SPEC_FOLDER}/{SPEC_FILE}"


def words_of(task: TaskSpec) -> list[str]:
    """`dcp` less its first word, as args of a container: a kubelet puts variables in for $(NAME), and $ for $$."""
    return [each.replace("$", "$$") for each in (*_command(task), "-o", "json")]


def claim_of(task: TaskSpec) -> str | None:
    """The claim with the file that is written or read."""
    file = task.backup or task.restore
    return None if file is None else file.claim_name


def _command(task: TaskSpec) -> list[str]:
    if task.verify is not None:
        return ["verify", _SPEC, *([f"--since={task.verify.since}"] if task.verify.since else [])]
    if task.rejects is not None:
        return ["rejects", "ls", _SPEC, *_filters(task.rejects), "-n", str(task.rejects.limit)]
    if task.requeue is not None:
        return ["dead", "requeue", _SPEC, *(["--all"] if task.requeue.all else task.requeue.batches)]
    if task.release is not None:
        return ["objects", "release", _SPEC, *(["--all"] if task.release.all else task.release.objects)]
    if task.replay is not None:
        return ["rejects", "replay", _SPEC, *_filters(task.replay)]
    if task.preview is not None:
        return ["preview", _SPEC, "-n", str(task.preview.records)]
    if task.backup is not None:
        name = task.backup.file or f"{task.pipeline_ref.name}-{{time}}.dcp"
        return ["backup", _SPEC, f"{FILES_FOLDER}/{name}", *(["--overwrite"] if task.backup.overwrite else [])]
    if task.restore is not None:
        return ["restore", _SPEC, f"{FILES_FOLDER}/{task.restore.file}", *(["--check"] if task.restore.check else [])]
    raise AssertionError(task)


def _filters(wanted: Rejects | Replay) -> Iterator[str]:
    """Each in one word with its value: one that begins with a dash is no option."""
    for name in ("code", "field", "source", "object"):
        if (value := getattr(wanted, name)) is not None:
            yield f"--{name}={value}"
    if wanted.replaced:
        yield "--replaced"
