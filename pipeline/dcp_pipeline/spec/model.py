"""The DataCleaningPipeline, as frozen typed values: the one source of the parser, the JSON Schema and the CRD.

Field names are what users write (camelCase in YAML). Every description here is shown by editors and by
`kubectl explain`. The words of sources[].format are in format.py, those of cleaning in cleaning.py. Read parse.py
next for how a document becomes one of these, checks.py for what the types alone cannot say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from dcp_pipeline.dialects import all_facts
from dcp_pipeline.spec.cleaning import Cleaning as Cleaning
from dcp_pipeline.spec.cleaning import Constraints as Constraints
from dcp_pipeline.spec.cleaning import Enrichment as Enrichment
from dcp_pipeline.spec.cleaning import Field as Field
from dcp_pipeline.spec.cleaning import FieldType as FieldType
from dcp_pipeline.spec.expectations.expect import Expect as Expect
from dcp_pipeline.spec.format import Format as Format
from dcp_pipeline.spec.part import TABLE_PATTERN
from dcp_pipeline.spec.part import Part as _Part
from dcp_pipeline.spec.part import SecretKeyRef as SecretKeyRef
from dcp_pipeline.spec.part import SecretValue as SecretValue
from dcp_pipeline.spec.part import Tls as Tls
from dcp_pipeline.spec.sources import KINDS
from dcp_pipeline.spec.sources.file import FileSource as FileSource
from dcp_pipeline.spec.sources.http import BasicAuth as BasicAuth
from dcp_pipeline.spec.sources.http import HttpHeader as HttpHeader
from dcp_pipeline.spec.sources.http import HttpSource as HttpSource
from dcp_pipeline.spec.sources.http import Listing as Listing
from dcp_pipeline.spec.sources.listed import Growth as Growth
from dcp_pipeline.spec.sources.listed import Looked
from dcp_pipeline.spec.units import Duration, Quantity

API_VERSION = "datacleaning.io/v1alpha1"
KIND = "DataCleaningPipeline"

_Where = TypeVar("_Where", bound=Looked)

LABEL_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


class Decompression(_Part, frozen=True):
    """Caps on what a compressed object may grow to (gzip, zstd, bzip2, xz, single-file zip)."""

    max_bytes: Annotated[Quantity, Meta(description="Bytes an object may have when decompressed.")] = Quantity("64Gi")
    max_ratio: Annotated[
        int, Meta(description="Decompressed to compressed bytes, once 64 MiB came out.", ge=1, le=100_000)
    ] = 250


class _Source(_Part, frozen=True):
    name: Annotated[str, Meta(description="Name of the source, unique here.", pattern=LABEL_PATTERN, max_length=63)]
    format: Annotated[Format, Meta(description="How the bytes become records.")] = Format()
    decompression: Annotated[Decompression, Meta(description="Caps on compressed objects.")] = Decompression()
    partial: Annotated[
        Literal["error", "accept"],
        Meta(
            description="What an answer is that says that it is only a part (a next page, a truncated listing): "
            "an error, or all that is wanted."
        ),
    ] = "error"
    priority: Annotated[
        int, Meta(description="Which batches workers take first: lower numbers do.", ge=0, le=1_000_000)
    ] = 100

    @property
    def given(self) -> list[str]:
        """The members that say where it is: one, in a spec that was checked."""
        return [name for name in KINDS if getattr(self, name) is not None]

    @property
    def kind(self) -> str:
        """The member that says where it is."""
        return next(iter(self.given), next(iter(KINDS)))

    @property
    def looked(self) -> Looked:
        """How it is looked at, and where it is: settings of its kind."""
        settings: Looked | None = getattr(self, self.kind)
        return settings or Looked()

    def where(self, settings: type[_Where]) -> _Where | None:
        """Its settings, where it is of the kind that has those."""
        return self.looked if isinstance(self.looked, settings) else None

    @property
    def growth(self) -> Growth:
        """How the source's files change."""
        return self.looked.growth

    @property
    def interval(self) -> Duration:
        """How long to wait between two looks."""
        return self.looked.interval

    @property
    def settle(self) -> Duration | None:
        """How long a file must have stayed as it is; None: as settling.py says."""
        return self.looked.settle


_SOURCE = f"Where records come from: exactly one of {' and '.join(KINDS)}."

if TYPE_CHECKING:

    class Source(_Source, frozen=True):
        """Where records come from."""
else:
    Source = msgspec.defstruct(
        "Source",
        [(name, Annotated[each.settings | None, Meta(description=each.does)], None) for name, each in KINDS.items()],
        bases=(_Source,),
        module=__name__,
        namespace={"__doc__": _SOURCE},
        frozen=True,
        kw_only=True,
    )


class Redis(_Part, frozen=True):
    """A Redis or Valkey server, 6.2 or newer."""

    url: Annotated[
        str,
        Meta(
            description="redis://HOST:PORT/DB, rediss:// for TLS, or unix:///path. No password in it.",
            pattern=r"^(rediss?|unix)://\S+$",
            max_length=2048,
        ),
    ]
    username: Annotated[Annotated[str, Meta(max_length=128)] | None, Meta(description="ACL user.")] = None
    password: Annotated[SecretValue | None, Meta(description="Password.")] = None
    tls: Annotated[Tls | None, Meta(description="Authorities and client certificate.")] = None


class Queue(_Part, frozen=True):
    """The queue between fetcher and workers. It holds work in motion only."""

    name: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9][-A-Za-z0-9._:]*$", max_length=200)] | None,
        Meta(description="Name of the queue and of the inbox list; <namespace>.<name> by default."),
    ] = None
    redis: Annotated[Redis | None, Meta(description="The server. Absent: one embedded in `dcp run`.")] = None
    lease: Annotated[
        Duration,
        Meta(
            description="How long a worker may fall silent before its batch is given to another. Renewed all the time."
        ),
    ] = Duration("30s")
    max_bytes: Annotated[Quantity, Meta(description="The fetcher waits while the queue holds more than this.")] = (
        Quantity("256Mi")
    )


class Sql(_Part, frozen=True):
    """A table of MySQL 8, MariaDB 10.6 or newer, or SQLite."""

    url: Annotated[
        str,
        Meta(
            description=" or ".join(each.example for each in all_facts()) + ". No password in it.",
            pattern=rf"^({'|'.join(each.schemes for each in all_facts())})://\S*$",
            max_length=2048,
        ),
    ]
    table: Annotated[str, Meta(description="The table.", pattern=TABLE_PATTERN, max_length=64)]
    password: Annotated[SecretValue | None, Meta(description="Password.")] = None
    tls: Annotated[Tls | None, Meta(description="Authorities and client certificate.")] = None


class Sink(_Part, frozen=True):
    """Where rows go: exactly one member."""

    sql: Annotated[Sql | None, Meta(description="A table of a SQL database.")] = None


class BatchSize(_Part, frozen=True):
    """How much a batch holds: it is cut at whichever comes first."""

    max_records: Annotated[int, Meta(description="Records.", ge=1, le=100_000)] = 10_000
    max_bytes: Annotated[Quantity, Meta(description="Bytes, decompressed.")] = Quantity("1536Ki")


FreeForm = Annotated[dict[str, Any], Meta(extra_json_schema={"x-kubernetes-preserve-unknown-fields": True})]


class Fetcher(_Part, frozen=True):
    """The fetcher's settings."""

    batch: Annotated[BatchSize, Meta(description="Size of the batches.")] = BatchSize()
    resources: Annotated[FreeForm, Meta(description="Requests and limits of the container.")] = msgspec.field(
        default_factory=dict
    )
    pod_template: Annotated[FreeForm, Meta(description="Additions to the pod.")] = msgspec.field(default_factory=dict)


class Worker(_Part, frozen=True):
    """The workers' settings."""

    concurrency: Annotated[int, Meta(description="Internal workers of one process.", ge=1, le=64)] = 2
    max_attempts: Annotated[
        int, Meta(description="Times that a failing batch is tried before it is dead.", ge=1, le=1000)
    ] = 3
    max_crashes: Annotated[
        int,
        Meta(description="Times that a batch may take its worker with it before it is dead.", ge=1, le=100),
    ] = 5
    retry_delay: Annotated[Duration, Meta(description="Delay before the first retry; it doubles.")] = Duration("5s")
    batch_timeout: Annotated[
        Duration, Meta(description="A batch that takes longer is hung: the process ends, another takes it.")
    ] = Duration("5m")
    task_timeout: Annotated[Duration, Meta(description="Longest time a task of the inbox may take.")] = Duration("30m")
    task_ttl: Annotated[Duration, Meta(description="How long a finished task is remembered.")] = Duration("168h")
    progress_interval: Annotated[Duration, Meta(description="How often progress is written.")] = Duration("2s")
    resources: Annotated[FreeForm, Meta(description="Requests and limits of the container.")] = msgspec.field(
        default_factory=dict
    )
    pod_template: Annotated[FreeForm, Meta(description="Additions to the pod.")] = msgspec.field(default_factory=dict)


class Fallback(_Part, frozen=True):
    """What to do while the queue cannot be read."""

    replicas: Annotated[int, Meta(description="Least workers meanwhile.", ge=0, le=1000)] = 1


class ScalingPolicy(_Part, frozen=True):
    """A limit on how fast the number of workers changes."""

    type: Annotated[Literal["Pods", "Percent"], Meta(description="Whether value counts pods or percent of them.")]
    value: Annotated[int, Meta(description="Greatest change within the period.", ge=1, le=100_000)]
    period_seconds: Annotated[int, Meta(description="The period in seconds.", ge=1, le=1800)]


SelectPolicy = Literal["Max", "Min", "Disabled"]
Policies = Annotated[tuple[ScalingPolicy, ...], Meta(max_length=16)]
Window = Annotated[int, Meta(ge=0, le=3600)]


class ScaleUp(_Part, frozen=True):
    """How the number of workers grows; HorizontalPodAutoscaler v2's words."""

    stabilization_window_seconds: Annotated[
        Window | None, Meta(description="Only as many as were wished for all this time; at once by default.")
    ] = None
    policies: Annotated[Policies, Meta(description="Limits; none by default.")] = ()
    select_policy: Annotated[
        SelectPolicy, Meta(description="Of several limits the one that allows most (Max) or least; or no growth.")
    ] = "Max"
    tolerance: Annotated[float, Meta(description="A wish within this share of the number is ignored.", ge=0, le=1)] = (
        0.0
    )


class ScaleDown(_Part, frozen=True):
    """How the number of workers shrinks; HorizontalPodAutoscaler v2's words."""

    stabilization_window_seconds: Annotated[
        Window | None,
        Meta(description="Only to the greatest wish of this time; by default as long as a worker takes to start."),
    ] = None
    policies: Annotated[Policies, Meta(description="Limits; none by default.")] = ()
    select_policy: Annotated[
        SelectPolicy, Meta(description="Of several limits the one that allows most (Max) or least; or no shrinking.")
    ] = "Max"
    tolerance: Annotated[float, Meta(description="A wish within this share of the number is ignored.", ge=0, le=1)] = (
        0.0
    )


class Behavior(_Part, frozen=True):
    """HorizontalPodAutoscaler v2's behavior."""

    scale_up: Annotated[ScaleUp, Meta(description="How the number of workers grows.")] = ScaleUp()
    scale_down: Annotated[ScaleDown, Meta(description="How the number of workers shrinks.")] = ScaleDown()


class Scaling(_Part, frozen=True):
    """How many workers run."""

    engine: Annotated[
        Literal["auto", "keda"],
        Meta(description="Who scales: this operator (auto), or KEDA by a ScaledObject that the operator writes."),
    ] = "auto"
    min_replicas: Annotated[int, Meta(description="Least workers.", ge=0, le=1000)] = 0
    max_replicas: Annotated[int, Meta(description="Most workers.", ge=1, le=1000)] = 10
    drain_within: Annotated[
        Duration | None,
        Meta(description="Enough workers to clear the backlog in this time; 20s where nothing is said."),
    ] = None
    backlog_per_worker: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="One worker for so many batches of backlog, instead of drainWithin."),
    ] = None
    cooldown: Annotated[Duration, Meta(description="How long the last worker stays once the queue is empty.")] = (
        Duration("10s")
    )
    max_commit_time: Annotated[
        Duration, Meta(description="While the sink's commits take longer than this, no worker is added.")
    ] = Duration("5s")
    behavior: Annotated[Behavior, Meta(description="HorizontalPodAutoscaler v2's behavior.")] = Behavior()
    fallback: Annotated[Fallback, Meta(description="While the queue cannot be read.")] = Fallback()


class Spec(_Part, frozen=True):
    """What the user asks for."""

    sources: Annotated[tuple[Source, ...], Meta(description="Where records come from.", min_length=1, max_length=64)]
    cleaning: Annotated[Cleaning, Meta(description="From records to rows.")]
    paused: Annotated[bool, Meta(description="Finish what is in hand and hold.")] = False
    queue: Annotated[Queue, Meta(description="Between fetcher and workers.")] = Queue()
    sink: Annotated[Sink | None, Meta(description="Where rows go; without one, NAME.db beside the spec")] = None
    fetcher: Annotated[Fetcher, Meta(description="The fetcher's settings.")] = Fetcher()
    worker: Annotated[Worker, Meta(description="The workers' settings.")] = Worker()
    scaling: Annotated[Scaling, Meta(description="How many workers run.")] = Scaling()
    expect: Annotated[Expect | None, Meta(description="What is counted on, judged by the ledger.")] = None


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The part of Kubernetes' ObjectMeta that matters here; the rest is let through."""

    name: Annotated[str, Meta(description="Name of the pipeline.", pattern=LABEL_PATTERN, max_length=63)]
    namespace: Annotated[str, Meta(description="Its namespace.", pattern=LABEL_PATTERN, max_length=63)] = "default"


class Pipeline(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A DataCleaningPipeline."""

    api_version: Literal["datacleaning.io/v1alpha1"]
    kind: Literal["DataCleaningPipeline"]
    metadata: Metadata
    spec: Spec
    status: Annotated[dict[str, Any], Meta(description="Written by the operator; ignored here.")] = {}

    @property
    def key(self) -> str:
        """namespace/name, the pipeline's identity in the ledger."""
        return f"{self.metadata.namespace}/{self.metadata.name}"

    @property
    def queue_name(self) -> str:
        """The queue's name: what the spec says, or <namespace>.<name>."""
        return self.spec.queue.name or f"{self.metadata.namespace}.{self.metadata.name}"

    @property
    def table(self) -> str:
        """The clean table's name; on a laptop without a sink, the pipeline's name as an identifier."""
        sink = self.spec.sink
        return sink.sql.table if sink and sink.sql else self.metadata.name.replace("-", "_")
