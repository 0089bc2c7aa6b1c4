"""The DataCleaningPipeline, as frozen typed values: the one source of the parser, the JSON Schema and the CRD.

Field names are what users write (camelCase in YAML). Every description here is shown by editors and by
`kubectl explain`. The words of its larger parts are in words/. Read parse.py next for how a document becomes one of
these, checking/checks.py for what the types alone cannot say.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dcp_pipeline.dialects import all_facts
from dcp_pipeline.spec.expectations.expect import Expect as Expect
from dcp_pipeline.spec.expectations.notify import Notify as Notify
from dcp_pipeline.spec.part import LABEL_PATTERN as LABEL_PATTERN
from dcp_pipeline.spec.part import TABLE_PATTERN
from dcp_pipeline.spec.part import Part as _Part
from dcp_pipeline.spec.part import SecretKeyRef as SecretKeyRef
from dcp_pipeline.spec.part import SecretValue as SecretValue
from dcp_pipeline.spec.part import Tls as Tls
from dcp_pipeline.spec.sources.file import FileSource as FileSource
from dcp_pipeline.spec.sources.http import BasicAuth as BasicAuth
from dcp_pipeline.spec.sources.http import HttpHeader as HttpHeader
from dcp_pipeline.spec.sources.http import HttpSource as HttpSource
from dcp_pipeline.spec.sources.http import Listing as Listing
from dcp_pipeline.spec.sources.listed import Growth as Growth
from dcp_pipeline.spec.units import Duration, Quantity
from dcp_pipeline.spec.words.cleaning import Cleaning as Cleaning
from dcp_pipeline.spec.words.cleaning import Constraints as Constraints
from dcp_pipeline.spec.words.cleaning import Enrichment as Enrichment
from dcp_pipeline.spec.words.cleaning import Field as Field
from dcp_pipeline.spec.words.cleaning import FieldType as FieldType
from dcp_pipeline.spec.words.format import Format as Format
from dcp_pipeline.spec.words.retention import Retention as Retention
from dcp_pipeline.spec.words.scaling import Behavior as Behavior
from dcp_pipeline.spec.words.scaling import Fallback as Fallback
from dcp_pipeline.spec.words.scaling import ScaleDown as ScaleDown
from dcp_pipeline.spec.words.scaling import ScaleUp as ScaleUp
from dcp_pipeline.spec.words.scaling import Scaling as Scaling
from dcp_pipeline.spec.words.scaling import ScalingPolicy as ScalingPolicy
from dcp_pipeline.spec.words.source import Decompression as Decompression
from dcp_pipeline.spec.words.source import Source as Source

API_VERSION = "datacleaning.io/v1beta1"
EARLIER_API_VERSION = "datacleaning.io/v1alpha1"
"""Read as the present one: its words are the same (ADR 86)."""
KIND = "DataCleaningPipeline"


class SentinelUser(_Part, frozen=True):
    """Who the Sentinels take us for, where they ask."""

    username: Annotated[Annotated[str, Meta(max_length=128)] | None, Meta(description="ACL user.")] = None
    password: Annotated[SecretValue | None, Meta(description="Password.")] = None


class Redis(_Part, frozen=True):
    """A Redis or Valkey server, 6.2 or newer; by itself, led by Sentinels, or of a Cluster."""

    url: Annotated[
        str,
        Meta(
            description="redis://HOST:PORT/DB, rediss:// for TLS, or unix:///path; "
            "redis+sentinel://HOST:26379,HOST:26379/MASTER/DB; redis+cluster://HOST:6379,HOST:6379. No password in it.",
            pattern=r"^(rediss?(\+sentinel|\+cluster)?|unix)://\S+$",
            max_length=2048,
        ),
    ]
    username: Annotated[Annotated[str, Meta(max_length=128)] | None, Meta(description="ACL user.")] = None
    password: Annotated[SecretValue | None, Meta(description="Password.")] = None
    tls: Annotated[Tls | None, Meta(description="Authorities and client certificate.")] = None
    sentinel: Annotated[
        SentinelUser | None, Meta(description="The user of the Sentinels, which may be another than the server's.")
    ] = None


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
    retention: Annotated[Retention | None, Meta(description="How long rows and rejects are kept; for ever.")] = None


class Sink(_Part, frozen=True):
    """Where rows go: exactly one member."""

    sql: Annotated[Sql | None, Meta(description="A table of a SQL database.")] = None


class BatchSize(_Part, frozen=True):
    """How much a batch holds: it is cut at whichever comes first."""

    max_records: Annotated[int, Meta(description="Records.", ge=1, le=100_000)] = 10_000
    max_bytes: Annotated[Quantity, Meta(description="Bytes, decompressed.")] = Quantity("1536Ki")


ResourcesForm = Annotated[dict[str, Any], Meta(extra_json_schema={"x-words-of": "Resources"})]
PodTemplateForm = Annotated[dict[str, Any], Meta(extra_json_schema={"x-words-of": "PodTemplate"})]
"""As they were written. kubernetes/pod/ has the words, which a process that runs a spec need not know."""


Image = Annotated[
    Annotated[str, Meta(pattern=r"^[^\s@:/]\S*$", max_length=1024)] | None,
    Meta(description="Another image than the operator's; it must hold this release."),
]
AccountAnnotations = Annotated[
    dict[str, Annotated[str, Meta(max_length=4096)]],
    Meta(description="Of the pods' service account: by them a cloud knows who they are (workload identity)."),
]


class Fetcher(_Part, frozen=True):
    """The fetcher's settings."""

    batch: Annotated[BatchSize, Meta(description="Size of the batches.")] = BatchSize()
    image: Image = None
    service_account_annotations: AccountAnnotations = {}
    resources: Annotated[ResourcesForm, Meta(description="Requests and limits of the container.")] = msgspec.field(
        default_factory=dict
    )
    pod_template: Annotated[PodTemplateForm, Meta(description="Additions to the pod.")] = msgspec.field(
        default_factory=dict
    )


class Worker(_Part, frozen=True):
    """The workers' settings."""

    concurrency: Annotated[int, Meta(description="Internal workers of one process.", ge=1, le=64)] = 2
    max_attempts: Annotated[
        int, Meta(description="Times that a failing batch is tried before it is dead.", ge=1, le=1000)
    ] = 3
    max_crashes: Annotated[
        int,
        Meta(
            description="Times that a batch may take its worker with it before it is dead; or an object its fetcher, "
            "read with no other suspect beside it.",
            ge=1,
            le=100,
        ),
    ] = 5
    retry_delay: Annotated[Duration, Meta(description="Delay before the first retry; it doubles.")] = Duration("5s")
    batch_timeout: Annotated[
        Duration, Meta(description="A batch that takes longer is hung: the process ends, another takes it.")
    ] = Duration("5m")
    task_timeout: Annotated[Duration, Meta(description="Longest time a task of the inbox may take.")] = Duration("30m")
    task_ttl: Annotated[Duration, Meta(description="How long a finished task is remembered.")] = Duration("168h")
    progress_interval: Annotated[Duration, Meta(description="How often progress is written.")] = Duration("2s")
    image: Image = None
    service_account_annotations: AccountAnnotations = {}
    resources: Annotated[ResourcesForm, Meta(description="Requests and limits of the container.")] = msgspec.field(
        default_factory=dict
    )
    pod_template: Annotated[PodTemplateForm, Meta(description="Additions to the pod.")] = msgspec.field(
        default_factory=dict
    )


State = Literal["Running", "Draining", "Stopped"]


class Spec(_Part, frozen=True):
    """What the user asks for."""

    sources: Annotated[tuple[Source, ...], Meta(description="Where records come from.", min_length=1, max_length=64)]
    cleaning: Annotated[Cleaning, Meta(description="From records to rows.")]
    paused: Annotated[bool, Meta(description="Finish what is in hand and hold: state Draining.")] = False
    state: Annotated[
        State,
        Meta(
            description="Running; Draining: nothing is fetched, what is queued is finished; Stopped: nor is that, "
            "workers finish the batch in hand and go. What is queued stays there."
        ),
    ] = "Running"
    rotation: Annotated[
        Literal["Restart", "Reload"],
        Meta(
            description="When the value of a Secret changes that pods use: renew them, or (Reload) leave it to their "
            "next connection, where that is all it is used for."
        ),
    ] = "Restart"
    deletion_policy: Annotated[
        Literal["Retain", "Delete"],
        Meta(
            description="When the resource is deleted, in a cluster: leave the queue's keys and the books in the "
            "ledger, or (Delete) delete both before it goes. The rows of the clean table stay."
        ),
    ] = "Retain"
    queue: Annotated[Queue, Meta(description="Between fetcher and workers.")] = Queue()
    sink: Annotated[Sink | None, Meta(description="Where rows go; without one, NAME.db beside the spec")] = None
    fetcher: Annotated[Fetcher, Meta(description="The fetcher's settings.")] = Fetcher()
    worker: Annotated[Worker, Meta(description="The workers' settings.")] = Worker()
    scaling: Annotated[Scaling, Meta(description="How many workers run.")] = Scaling()
    expect: Annotated[Expect | None, Meta(description="What is counted on, judged by the ledger.")] = None

    @property
    def wanted_state(self) -> State:
        """The state, with `paused` taken into account."""
        return "Draining" if self.state == "Running" and self.paused else self.state

    notify: Annotated[tuple[Notify, ...], Meta(description="Who is told of trouble; by `dcp run`.", max_length=8)] = ()


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The part of Kubernetes' ObjectMeta that matters here; the rest is let through."""

    name: Annotated[str, Meta(description="Name of the pipeline.", pattern=LABEL_PATTERN, max_length=63)]
    namespace: Annotated[str, Meta(description="Its namespace.", pattern=LABEL_PATTERN, max_length=63)] = "default"


class Pipeline(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A DataCleaningPipeline."""

    api_version: Literal["datacleaning.io/v1beta1", "datacleaning.io/v1alpha1"]
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

    @property
    def retention(self) -> Retention | None:
        """How long its rows and rejects are kept."""
        sink = self.spec.sink
        return sink.sql.retention if sink and sink.sql else None
