"""The DataCleaningPipeline, as frozen typed values: the one source of the parser, the JSON Schema and the CRD.

Field names are what users write (camelCase in YAML). Every description here is shown by editors and by
`kubectl explain`. Read parse.py next for how a document becomes one of these, checks.py for what the types
alone cannot say.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.filters import Filter
from dcp_pipeline.spec.format import Format as Format
from dcp_pipeline.spec.part import IDENTIFIER_PATTERN, SUBDOMAIN_PATTERN
from dcp_pipeline.spec.part import Part as _Part
from dcp_pipeline.spec.part import SecretKeyRef as SecretKeyRef
from dcp_pipeline.spec.part import SecretValue as SecretValue
from dcp_pipeline.spec.transforms import Compute, Transform
from dcp_pipeline.spec.units import Duration, Quantity

API_VERSION = "datacleaning.io/v1alpha1"
KIND = "DataCleaningPipeline"

LABEL_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
TABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_$]*$"


class HttpHeader(_Part, frozen=True):
    """A request header; its value is plain or kept in a Secret."""

    name: Annotated[
        str, Meta(description="Name of the header.", pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=128)
    ]
    value: Annotated[Annotated[str, Meta(max_length=1024)] | None, Meta(description="A value that is no secret.")] = (
        None
    )
    value_from: Annotated[SecretValue | None, Meta(description="A value kept in a Secret.")] = None


class BasicAuth(_Part, frozen=True):
    """HTTP basic authentication."""

    username: Annotated[SecretValue, Meta(description="The user's name.")]
    password: Annotated[SecretValue, Meta(description="The user's password.")]


class Tls(_Part, frozen=True):
    """TLS towards a server; its certificate is verified unless that is switched off."""

    enabled: Annotated[bool, Meta(description="Use TLS even where the URL alone would not.")] = True
    ca: Annotated[SecretValue | None, Meta(description="PEM bundle of the authorities to trust.")] = None
    cert: Annotated[SecretValue | None, Meta(description="PEM certificate of this client.")] = None
    key: Annotated[SecretValue | None, Meta(description="PEM key of this client.")] = None
    insecure_skip_verify: Annotated[
        bool, Meta(description="Do not verify the server's certificate. For trying out only.")
    ] = False


class Listing(_Part, frozen=True):
    """How to read a JSON listing that the fetcher cannot read by itself. Paths are dotted: `result.items`."""

    items: Annotated[Annotated[str, Meta(max_length=128)] | None, Meta(description="Path of the array of entries.")] = (
        None
    )
    url: Annotated[
        Annotated[str, Meta(max_length=128)] | None,
        Meta(description="Path of an entry's URL or name inside the entry."),
    ] = None
    next: Annotated[
        Annotated[str, Meta(max_length=128)] | None,
        Meta(description="Path of the next page's URL; absent on the last page."),
    ] = None


Growth = Literal["replace", "append"]
Patterns = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...], Meta(max_length=64)]


class HttpSource(_Part, frozen=True):
    """Files served over HTTP or HTTPS."""

    url: Annotated[
        str,
        Meta(
            description="One file; or, when it ends in '/', a listing of files (HTML index or JSON).",
            pattern=r"^https?://[^\s/?@]+([/?]\S*)?$",
            max_length=2048,
        ),
    ]
    include: Annotated[Patterns, Meta(description="Glob patterns of the file names to take; all by default.")] = ()
    exclude: Annotated[Patterns, Meta(description="Glob patterns of the file names to leave out.")] = ()
    interval: Annotated[Duration, Meta(description="How long to wait between two looks at the source.")] = Duration(
        "60s"
    )
    growth: Annotated[
        Growth,
        Meta(
            description="replace: a changed file is a new version and is read whole (needs cleaning.unique). "
            "append: only the new bytes of a growing file are read."
        ),
    ] = "replace"
    timeout: Annotated[Duration, Meta(description="How long a connection may stay silent before it is given up.")] = (
        Duration("30s")
    )
    headers: Annotated[tuple[HttpHeader, ...], Meta(description="Request headers.", max_length=32)] = ()
    basic_auth: Annotated[BasicAuth | None, Meta(description="HTTP basic authentication.")] = None
    bearer_token: Annotated[SecretValue | None, Meta(description="Bearer token.")] = None
    tls: Annotated[Tls | None, Meta(description="Authorities and client certificate.")] = None
    listing: Annotated[Listing | None, Meta(description="How to read an unusual JSON listing.")] = None


class FileSource(_Part, frozen=True):
    """Files of a folder, or one file."""

    path: Annotated[str, Meta(description="A file or a folder.", min_length=1, max_length=4096)]
    include: Annotated[Patterns, Meta(description="Glob patterns of the file names to take; all by default.")] = ()
    exclude: Annotated[Patterns, Meta(description="Glob patterns of the file names to leave out.")] = ()
    interval: Annotated[Duration, Meta(description="How long to wait between two looks at the source.")] = Duration(
        "60s"
    )
    growth: Annotated[
        Growth, Meta(description="replace: a changed file is a new version. append: only new bytes are read.")
    ] = "replace"


class Decompression(_Part, frozen=True):
    """Caps on what a compressed object may grow to (gzip, zstd, bzip2, xz, single-file zip)."""

    max_bytes: Annotated[Quantity, Meta(description="Bytes an object may have when decompressed.")] = Quantity("64Gi")
    max_ratio: Annotated[
        int, Meta(description="Decompressed to compressed bytes, once 64 MiB came out.", ge=1, le=100_000)
    ] = 250


class Source(_Part, frozen=True):
    """Where records come from: exactly one of http and file."""

    name: Annotated[str, Meta(description="Name of the source, unique here.", pattern=LABEL_PATTERN, max_length=63)]
    http: Annotated[HttpSource | None, Meta(description="Files served over HTTP or HTTPS.")] = None
    file: Annotated[FileSource | None, Meta(description="Files of a folder, or one file.")] = None
    format: Annotated[Format, Meta(description="How the bytes become records.")] = Format()
    decompression: Annotated[Decompression, Meta(description="Caps on compressed objects.")] = Decompression()
    priority: Annotated[
        int, Meta(description="Which batches workers take first: lower numbers do.", ge=0, le=1_000_000)
    ] = 100

    @property
    def growth(self) -> Growth:
        """How the source's files change."""
        member = self.http or self.file
        return member.growth if member else "replace"

    @property
    def interval(self) -> Duration:
        """How long to wait between two looks."""
        member = self.http or self.file
        return member.interval if member else Duration("60s")


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


class Constraints(_Part, frozen=True):
    """Frictionless Table Schema's constraints."""

    required: Annotated[bool, Meta(description="A missing value rejects the record.")] = False
    min_length: Annotated[Annotated[int, Meta(ge=0)] | None, Meta(description="Least characters.")] = None
    max_length: Annotated[Annotated[int, Meta(ge=0, le=16_000_000)] | None, Meta(description="Most characters.")] = None
    minimum: Annotated[
        int | float | str | None,
        Meta(description="Least value: a number, or a date as the field writes it in ISO 8601."),
    ] = None
    maximum: Annotated[int | float | str | None, Meta(description="Greatest value.")] = None
    pattern: Annotated[
        Annotated[str, Meta(max_length=1024)] | None,
        Meta(description="Regular expression (RE2 syntax) that the whole value matches."),
    ] = None
    enum: Annotated[
        Annotated[tuple[int | float | str | bool, ...], Meta(max_length=1000)] | None,
        Meta(description="The values allowed."),
    ] = None


FieldType = Literal["string", "integer", "number", "boolean", "date", "time", "datetime", "ip"]


class Field(_Part, frozen=True):
    """A column of the clean table, in the words of Frictionless Table Schema."""

    name: Annotated[str, Meta(description="Name of the column.", pattern=IDENTIFIER_PATTERN, max_length=64)]
    from_: Annotated[
        Annotated[str, Meta(max_length=256)] | None,
        Meta(description="Label in the header, or key of the record; the name by default."),
    ] = msgspec.field(default=None, name="from")
    compute: Annotated[Compute | None, Meta(description="Other fields that it is made of, instead of a label.")] = None
    stored: Annotated[
        bool, Meta(description="false: no column of the table; for other fields, filters, enrichment and unique.")
    ] = True
    type: Annotated[FieldType, Meta(description="Type of the values.")] = "string"
    format: Annotated[
        Annotated[str, Meta(max_length=128)] | None,
        Meta(description="date, time, datetime: strptime pattern, epoch-s or epoch-ms; ISO 8601 by default."),
    ] = None
    formats: Annotated[
        tuple[Annotated[str, Meta(max_length=128)], ...],
        Meta(description="Several formats instead of one: the first that fits counts.", max_length=16),
    ] = ()
    decimal_char: Annotated[
        str, Meta(description="number: what stands before the decimals.", min_length=1, max_length=1)
    ] = "."
    group_char: Annotated[
        Annotated[str, Meta(min_length=1, max_length=1)] | None,
        Meta(description="integer, number: what may stand between thousands."),
    ] = None
    bare_number: Annotated[
        bool, Meta(description="integer, number: false lets text stand around the number: a currency, a %.")
    ] = True
    timezone: Annotated[
        str, Meta(description="datetime: zone of values that name none. Stored in UTC.", max_length=64)
    ] = "UTC"
    true_values: Annotated[tuple[str, ...], Meta(description="boolean: what is true.", max_length=32)] = (
        "true",
        "True",
        "TRUE",
        "1",
    )
    false_values: Annotated[tuple[str, ...], Meta(description="boolean: what is false.", max_length=32)] = (
        "false",
        "False",
        "FALSE",
        "0",
    )
    transforms: Annotated[
        tuple[Transform, ...], Meta(description="Applied in this order before the type.", max_length=32)
    ] = ()
    constraints: Annotated[Constraints, Meta(description="What values must hold to.")] = Constraints()
    title: Annotated[Annotated[str, Meta(max_length=256)] | None, Meta(description="For people.")] = None
    description: Annotated[Annotated[str, Meta(max_length=4096)] | None, Meta(description="For people.")] = None

    @property
    def label(self) -> str:
        """The column's label in the header, or the record's key."""
        return self.from_ if self.from_ is not None else self.name


class ClaimPath(_Part, frozen=True):
    """A file inside a PersistentVolumeClaim."""

    claim_name: Annotated[str, Meta(description="Name of the claim.", pattern=SUBDOMAIN_PATTERN, max_length=253)]
    path: Annotated[str, Meta(description="Path inside the volume.", min_length=1, max_length=1024)]


class GeoDatabase(_Part, frozen=True):
    """An MMDB file: exactly one of path, url and persistentVolumeClaim."""

    path: Annotated[
        Annotated[str, Meta(min_length=1, max_length=4096)] | None, Meta(description="Path of the file.")
    ] = None
    url: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^\s/?@]+([/?]\S*)?$", max_length=2048)] | None,
        Meta(description="Where to download it from."),
    ] = None
    persistent_volume_claim: Annotated[ClaimPath | None, Meta(description="A file on a volume.")] = None
    refresh: Annotated[Duration, Meta(description="How often a url is asked again.")] = Duration("24h")


class GeoCache(_Part, frozen=True):
    """The lookups that a process remembers."""

    size: Annotated[int, Meta(description="Addresses.", ge=0, le=100_000_000)] = 10_000
    ttl: Annotated[Duration, Meta(description="How long each is kept.")] = Duration("86400s")


class GeoIp(_Part, frozen=True):
    """Where an IP address is, from an MMDB database of any layout."""

    from_: Annotated[
        str, Meta(description="The field that holds the address.", pattern=IDENTIFIER_PATTERN, max_length=64)
    ] = msgspec.field(name="from")
    database: Annotated[GeoDatabase, Meta(description="The database.")]
    fields: Annotated[
        dict[str, str],
        Meta(description="Field to fill: path in the database's record (country_code, or country.iso_code)."),
    ]
    cache: Annotated[GeoCache, Meta(description="What a process remembers.")] = GeoCache()


class Enrichment(_Part, frozen=True):
    """One step of enrichment: exactly one member."""

    geoip: Annotated[GeoIp | None, Meta(description="Geolocation of an address.")] = None


class Cleaning(_Part, frozen=True):
    """From records to rows."""

    fields: Annotated[tuple[Field, ...], Meta(description="The columns.", min_length=1, max_length=200)]
    missing_values: Annotated[
        tuple[Annotated[str, Meta(max_length=256)], ...],
        Meta(description="What stands for a missing value.", max_length=64),
    ] = ("",)
    unique: Annotated[
        tuple[str, ...], Meta(description="The record's identity: later ones are duplicates.", max_length=64)
    ] = ()
    enrich: Annotated[tuple[Enrichment, ...], Meta(description="Steps of enrichment.", max_length=16)] = ()
    filter: Annotated[
        tuple[Filter, ...], Meta(description="Which records are left out, and counted as filtered.", max_length=64)
    ] = ()

    @property
    def columns(self) -> tuple[Field, ...]:
        """The fields that are columns of the table."""
        return tuple(field for field in self.fields if field.stored)


class Sql(_Part, frozen=True):
    """A table of MySQL 8, MariaDB 10.6 or newer, or SQLite."""

    url: Annotated[
        str,
        Meta(
            description="mysql+pymysql://USER@HOST:PORT/DATABASE or sqlite:///PATH. No password in it.",
            pattern=r"^(mysql(\+pymysql)?|mariadb(\+pymysql)?|sqlite)://\S*$",
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
    max_bytes: Annotated[Quantity, Meta(description="Bytes, decompressed.")] = Quantity("1Mi")


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
    sink: Annotated[Sink | None, Meta(description="Where rows go. `dcp run` without one: sqlite:///./NAME.db")] = None
    fetcher: Annotated[Fetcher, Meta(description="The fetcher's settings.")] = Fetcher()
    worker: Annotated[Worker, Meta(description="The workers' settings.")] = Worker()
    scaling: Annotated[Scaling, Meta(description="How many workers run.")] = Scaling()


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
