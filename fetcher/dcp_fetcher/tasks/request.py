"""What stands in the inbox, and which source's terms it is read with. Pure.

A task is JSON: {"url": "http://..." or "file:///...", "priority": 100?, "source": "name"?, "id": "..."?}.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TypeGuard
from urllib.parse import unquote, urlsplit

from dcp_fetcher.sites.files.site import path_of
from dcp_fetcher.sites.http.client import origin_of
from dcp_pipeline.batch import stable_id
from dcp_pipeline.ledger.model import BatchState, Cut, ObjectState, SourceObject, Task, TaskState
from dcp_pipeline.queue.model import MAX_PRIORITY
from dcp_pipeline.reach import reach_of
from dcp_pipeline.spec.model import HttpSource, Source, Worker
from dcp_pipeline.texts import storable

MAX_URL_CHARS = 4096
MAX_ID_CHARS = 255
MAX_TASK_BYTES = 64 * 1024
_KEYS = {"url", "priority", "source", "id"}
_UNKEPT = re.compile("[\\0\ud800-\udfff]")


class TaskInvalid(ValueError):
    """The task can never be done. The message says why; it does not repeat what may be a secret."""


@dataclass(frozen=True)
class Request:
    """A valid task. `id` is None where it names none."""

    url: str
    priority: int | None = None
    source: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class Assigned:
    """The source with whose format a task is read, and whether its URL is the source's own, credentials and all."""

    source: Source
    own: bool


@dataclass(frozen=True)
class TaskTerms:
    """What holds for all tasks."""

    sources: Sequence[Source]
    paths: Mapping[str, Path]
    worker: Worker


def parse_request(raw: bytes) -> Request:
    """The task that these bytes are. Raises TaskInvalid. Keys of other systems are let through."""
    if len(raw) > MAX_TASK_BYTES:
        raise TaskInvalid(f"has {len(raw)} bytes; a task has at most {MAX_TASK_BYTES}")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise TaskInvalid(f"not JSON: {storable(str(error))}") from error
    if not isinstance(document, dict):
        raise TaskInvalid('not a JSON object such as {"url": "http://..."}')
    url, priority = document.get("url"), document.get("priority")
    source, identifier = document.get("source"), document.get("id")
    if not _is_text(url, MAX_URL_CHARS):
        raise TaskInvalid(f"url is not a text of 1 to {MAX_URL_CHARS} characters")
    _check_url(url)
    if priority is not None and (
        not isinstance(priority, int) or isinstance(priority, bool) or not 0 <= priority <= MAX_PRIORITY
    ):
        raise TaskInvalid(f"priority is not a whole number from 0 to {MAX_PRIORITY}")
    if source is not None and not isinstance(source, str):
        raise TaskInvalid("source is not the name of a source")
    if identifier is not None and (not _is_text(identifier, MAX_ID_CHARS) or identifier != identifier.strip()):
        raise TaskInvalid(f"id is not a text of 1 to {MAX_ID_CHARS} characters without blanks around it")
    return Request(url, priority, source, identifier)


def _is_text(value: object, most_chars: int) -> TypeGuard[str]:
    """Whether a database can keep it: JSON's \\u can also say NUL, and halves of characters that no encoding has."""
    return isinstance(value, str) and 0 < len(value) <= most_chars and _UNKEPT.search(value) is None


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise TaskInvalid("url cannot be read") from error
    if parts.scheme not in ("http", "https", "file"):
        raise TaskInvalid("url is neither http://, https:// nor file://")
    if "@" in parts.netloc:
        raise TaskInvalid("url holds credentials; keep them in a source of the spec, by secretKeyRef")
    if parts.scheme == "file" and parts.netloc not in ("", "localhost"):
        raise TaskInvalid("url names another machine's file")
    if parts.scheme == "file" and "\0" in str(path_of(url)):
        raise TaskInvalid("url names a file with a NUL in its path")
    if parts.scheme != "file" and not parts.hostname:
        raise TaskInvalid("url names no host")
    if any(ord(character) < 33 for character in url):
        raise TaskInvalid("url holds blanks or control characters; encode them")


def assign(request: Request, sources: Sequence[Source], paths: Mapping[str, Path]) -> Assigned:
    """Whose terms hold for a task: the named source's, else the first whose URL it begins with, else the first that may
    be led to its host.

    `paths`: where each file source's file or folder is. Raises TaskInvalid for an unknown source, a file that is below
    none of them, or a host that none may be led to.
    """
    candidates = [each for each in sources if request.source in (None, each.name)]
    if not candidates:
        raise TaskInvalid(
            f"there is no source {request.source!r}; there are: {', '.join(each.name for each in sources)}"
        )
    if urlsplit(request.url).scheme == "file":
        real = Path(os.path.realpath(path_of(request.url)))
        for each in candidates:
            if each.name in paths and real.is_relative_to(os.path.realpath(paths[each.name])):
                return Assigned(each, own=True)
        raise TaskInvalid("the file is not below the path of a file source of this pipeline")
    for each in candidates:
        if (http := each.where(HttpSource)) is not None and _below(request.url, http.url):
            return Assigned(each, own=True)
    refused = []
    for each in candidates:
        if (http := each.where(HttpSource)) is None:
            continue
        why = reach_of(http.url, http.allow).refuses(request.url)
        if why is None:
            return Assigned(each, own=False)
        refused.append(f"source {each.name}: {why}")
    raise TaskInvalid("; ".join(refused) or "no http source of this pipeline could ask for it")


def _below(url: str, source_url: str) -> bool:
    folder = urlsplit(source_url).path.rpartition("/")[0] + "/"
    path = urlsplit(url).path
    return origin_of(url) == origin_of(source_url) and path.startswith(folder) and "/../" not in f"{unquote(path)}/"


def id_of(raw: bytes, taken: int) -> str:
    """The id of a task that names none: the same bytes, left again once the first was done, are a new task."""
    return stable_id("task", raw.decode("latin-1"), str(taken))


class Step(StrEnum):
    """What is to be done for a task."""

    LOOK = "look"
    WAIT = "wait"
    FINISH = "finish"


@dataclass(frozen=True)
class Verdict:
    """The next step of a task; for FINISH with its state and reason."""

    step: Step
    state: TaskState | None = None
    reason: str | None = None


def decide(
    task: Task, recorded: SourceObject | None, cuts: Sequence[Cut], now: datetime, timeout: timedelta
) -> Verdict:
    """What to do for an open task. `recorded` and `cuts`: of the object that it led to. Times are UTC, without zone."""
    if now - task.created_at > timeout:
        return Verdict(Step.FINISH, TaskState.TIMEOUT, f"not done within worker.taskTimeout ({timeout})")
    if task.object_id is None or recorded is None:
        return Verdict(Step.LOOK)
    if any(cut.state is BatchState.CUT for cut in cuts):
        return Verdict(Step.WAIT)
    if recorded.state is ObjectState.CUTTING:
        return Verdict(Step.LOOK)
    if recorded.state in (ObjectState.UNAVAILABLE, ObjectState.HISTORY):
        return Verdict(Step.FINISH, TaskState.FAILED, recorded.reason)
    if dead := sum(cut.state is BatchState.DEAD for cut in cuts):
        return Verdict(Step.FINISH, TaskState.FAILED, f"{dead} of {len(cuts)} batches are dead (dcp dead ls)")
    return Verdict(Step.FINISH, TaskState.DONE)
