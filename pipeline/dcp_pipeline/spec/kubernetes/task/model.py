"""What a DataCleaningTask asks for, as frozen typed values: the one source of the parser and the CRD.

Exactly one of the members that name what is to be done is there; its words are those of the `dcp` command.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.errors import SpecInvalid, SpecProblem
from dcp_pipeline.spec.model import LABEL_PATTERN, Image, ResourcesForm
from dcp_pipeline.spec.part import SUBDOMAIN_PATTERN, Part
from dcp_pipeline.spec.problems import exactly_one
from dcp_pipeline.spec.units import Duration, decode_unit

TASK_KIND = "DataCleaningTask"
TASK_PLURAL = "datacleaningtasks"
LONGEST_TASK_NAME = 52
"""Of a CronJob, whose Jobs' names are eleven letters longer."""

What = Literal["verify", "rejects", "requeue", "release", "replay", "preview", "backup", "restore"]
ALL: tuple[What, ...] = get_args(What)
WRITES: frozenset[What] = frozenset({"requeue", "release", "replay", "restore"})
"""What changes the pipeline's tables or its queue: never two of them at once for one pipeline."""
SOME_OR_ALL: Mapping[str, str] = {"requeue": "batches", "release": "objects"}
"""What is done with all, or with those that a member names."""

_FILE = r"^[A-Za-z0-9][-A-Za-z0-9._{}]*$"
_ID = r"^[A-Za-z0-9][-A-Za-z0-9_.:]*$"
ClaimName = Annotated[
    str,
    Meta(description="The claim, in this namespace, that holds the file.", pattern=SUBDOMAIN_PATTERN, max_length=253),
]
Code = Annotated[
    Annotated[str, Meta(pattern=_ID, max_length=64)] | None, Meta(description="Only this code, such as type-error.")
]
FieldName = Annotated[Annotated[str, Meta(max_length=64)] | None, Meta(description="Only this field.")]
SourceName = Annotated[Annotated[str, Meta(max_length=63)] | None, Meta(description="Only this source.")]
ObjectId = Annotated[
    Annotated[str, Meta(pattern=_ID, max_length=64)] | None, Meta(description="Only this object, by its id.")
]
Replaced = Annotated[bool, Meta(description="Also of versions of a file that a newer one has replaced.")]


class PipelineRef(Part, frozen=True):
    """A DataCleaningPipeline of the same namespace."""

    name: Annotated[str, Meta(description="Its name.", pattern=LABEL_PATTERN, max_length=63)]


class Verify(Part, frozen=True):
    """Recompute the books from the table alone."""

    since: Annotated[
        Duration | None, Meta(description="Only objects that changed in the last so long, or are not done.")
    ] = None


class Rejects(Part, frozen=True):
    """Count rejects, and list some in the task's log."""

    code: Code = None
    field: FieldName = None
    source: SourceName = None
    object: ObjectId = None
    replaced: Replaced = False
    limit: Annotated[int, Meta(description="Rejects to list.", ge=1, le=1000)] = 50


class Requeue(Part, frozen=True):
    """Give dead batches another life."""

    all: Annotated[bool, Meta(description="All that are dead.")] = False
    batches: Annotated[
        tuple[Annotated[str, Meta(pattern=_ID, max_length=64)], ...],
        Meta(description="These, by their ids.", max_length=256),
    ] = ()


class Release(Part, frozen=True):
    """Have objects that are held (expect.whenRejected: hold) tried again, and judged no more."""

    all: Annotated[bool, Meta(description="All that are held.")] = False
    objects: Annotated[
        tuple[Annotated[str, Meta(pattern=_ID, max_length=64)], ...],
        Meta(description="These, by their ids, which may be shortened.", max_length=256),
    ] = ()


class Replay(Part, frozen=True):
    """Clean rejects again by the spec as it is now."""

    code: Code = None
    field: FieldName = None
    source: SourceName = None
    object: ObjectId = None
    replaced: Replaced = False


class Preview(Part, frozen=True):
    """The first records before and after cleaning, in the task's log. Writes nothing."""

    records: Annotated[int, Meta(description="Records to show.", ge=1, le=1000)] = 20


class Backup(Part, frozen=True):
    """Books and rows of one moment, into a file."""

    claim_name: ClaimName
    file: Annotated[
        Annotated[str, Meta(pattern=_FILE, max_length=200)] | None,
        Meta(description="Its name; {time} in it stands for when it is taken. PIPELINE-{time}.dcp by default."),
    ] = None
    overwrite: Annotated[bool, Meta(description="Put it in the place of a backup that is there.")] = False


class Restore(Part, frozen=True):
    """A backup, put into a database that has nothing of the pipeline; then verified."""

    claim_name: ClaimName
    file: Annotated[str, Meta(description="The file's name.", pattern=_FILE, max_length=200)]
    check: Annotated[bool, Meta(description="Only read the file to its end, and say what it holds.")] = False


class TaskSpec(Part, frozen=True):
    """What is to be done, with which pipeline, and when."""

    pipeline_ref: Annotated[PipelineRef, Meta(description="The pipeline, with whose Secrets it is done.")]
    verify: Annotated[Verify | None, Meta(description="Recompute the books.")] = None
    rejects: Annotated[Rejects | None, Meta(description="Count rejects, and list some.")] = None
    requeue: Annotated[Requeue | None, Meta(description="Give dead batches another life.")] = None
    release: Annotated[Release | None, Meta(description="Have held objects tried again.")] = None
    replay: Annotated[Replay | None, Meta(description="Clean rejects again.")] = None
    preview: Annotated[Preview | None, Meta(description="What would become of the first records.")] = None
    backup: Annotated[Backup | None, Meta(description="Books and rows, into a file.")] = None
    restore: Annotated[Restore | None, Meta(description="A backup, put back.")] = None
    schedule: Annotated[
        Annotated[str, Meta(pattern=r"^(@[a-z]+|\S+( +\S+){4})$", max_length=128)] | None,
        Meta(description="When, again and again: five fields, as in cron. Absent: once, now."),
    ] = None
    time_zone: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9_+/-]+$", max_length=64)] | None,
        Meta(description="Of the schedule, such as Europe/Berlin. The controller's own when absent, mostly UTC."),
    ] = None
    suspend: Annotated[bool, Meta(description="Hold a schedule; what runs goes on.")] = False
    timeout: Annotated[Duration | None, Meta(description="Longest time that one run may take; then it has failed.")] = (
        None
    )
    ttl_seconds_after_finished: Annotated[
        Annotated[int, Meta(ge=0, le=315_360_000)] | None,
        Meta(description="Delete the task so long after its end; of a schedule, each run. Absent: it stays."),
    ] = None
    successful_jobs_history_limit: Annotated[
        Annotated[int, Meta(ge=0, le=100)] | None, Meta(description="Runs of a schedule that are kept: 3.")
    ] = None
    failed_jobs_history_limit: Annotated[
        Annotated[int, Meta(ge=0, le=100)] | None, Meta(description="Failed runs of a schedule that are kept: 3.")
    ] = None
    image: Image = None
    resources: Annotated[ResourcesForm, Meta(description="Requests and limits of the container.")] = msgspec.field(
        default_factory=dict
    )

    @property
    def what(self) -> What:
        """The member that is there."""
        return next(each for each in ALL if getattr(self, each) is not None)

    @property
    def writes(self) -> bool:
        """Whether it changes tables or queue."""
        return self.what in WRITES and not (self.restore is not None and self.restore.check)


def task_of(document: Mapping[str, Any]) -> TaskSpec:
    """The spec of a task's resource. Raises SpecInvalid."""
    try:
        spec = msgspec.convert(document.get("spec"), TaskSpec, dec_hook=decode_unit)
    except msgspec.ValidationError as error:
        raise SpecInvalid([SpecProblem("spec", str(error))]) from error
    if problems := list(_problems(spec)):
        raise SpecInvalid(problems)
    return spec


def _problems(spec: TaskSpec) -> list[SpecProblem]:
    """As the CRD's rules say it, for an API server that does not."""
    found = list(exactly_one(spec, ALL, ("spec",)))
    if found:
        return found
    for what, some in SOME_OR_ALL.items():
        asked = getattr(spec, what)
        if asked is not None and asked.all == bool(getattr(asked, some)):
            found.append(SpecProblem(f"spec.{what}", f"all: true, or {some}, is wanted"))
    if spec.restore is not None and spec.schedule is not None:
        found.append(SpecProblem("spec.schedule", "a backup is put back once"))
    if spec.schedule is None and (spec.time_zone is not None or spec.suspend):
        found.append(SpecProblem("spec", "timeZone and suspend are for a schedule"))
    return found
