"""Settings from the environment: the older systems' variables, and what a process is told beside its spec.

`with_environment` lays the variables over a spec. docs/settings.md is made of VARIABLES, so that the table and the
code cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec
from msgspec.structs import replace

from dcp_pipeline.dialects import is_file
from dcp_pipeline.redis_url import kind_of_url
from dcp_pipeline.spec.enrichments.geoip import GeoIp
from dcp_pipeline.spec.model import BatchSize, Pipeline, Queue, Redis, Sink, Spec, Sql
from dcp_pipeline.spec.units import Duration, Quantity, decode_unit

_DIGITS = re.compile("[0-9]{1,9}")
_LONGEST_SHOWN = 100


class SettingInvalid(ValueError):
    """A variable whose value cannot be used; the message names it."""


Change = Callable[[Spec, str], Spec]


class Variable(msgspec.Struct, frozen=True):
    """One environment variable: what it sets in the spec, and what that means here."""

    name: str
    sets: str
    meaning: str
    apply: Change | None = None


def _whole(text: str, least: int = 1) -> int:
    number = int(text)
    if number < least:
        raise ValueError(f"at least {least} is wanted")
    return number


def _worker(field: str, convert: Callable[[str], object]) -> Change:
    return lambda spec, text: replace(spec, worker=replace(spec.worker, **{field: convert(text)}))


def _milliseconds(text: str) -> Duration:
    return Duration(f"{_whole(text)}ms")


def _seconds(text: str) -> Duration:
    return Duration(f"{float(text):g}s")


def _batch_records(spec: Spec, text: str) -> Spec:
    batch = replace(spec.fetcher.batch, max_records=_whole(text))
    return replace(spec, fetcher=replace(spec.fetcher, batch=batch))


def _queue_name(spec: Spec, text: str) -> Spec:
    return replace(spec, queue=replace(spec.queue, name=text))


def _cache(field: str, convert: Callable[[str], object]) -> Change:
    def change(spec: Spec, text: str) -> Spec:
        steps = tuple(
            replace(each, geoip=replace(geoip, cache=replace(geoip.cache, **{field: convert(text)})))
            if isinstance(geoip := each.settings, GeoIp)
            else each
            for each in spec.cleaning.enrich
        )
        return replace(spec, cleaning=replace(spec.cleaning, enrich=steps))

    return change


VARIABLES: tuple[Variable, ...] = (
    Variable(
        "DB_HOST",
        "sink.sql.url",
        "Host of MySQL or MariaDB. Any of host, port, user and database overrides the spec's sink.",
    ),
    Variable("DB_PORT", "sink.sql.url", "Its port; 3306 by default."),
    Variable("DB_USERNAME", "sink.sql.url", "Its user."),
    Variable("DB_PASSWORD", "sink.sql.password", "The user's password."),
    Variable("DB_DATABASE", "sink.sql.url", "The database."),
    Variable(
        "REDIS_HOST",
        "queue.redis.url",
        "Host of Redis or Valkey. Any of host, port and database overrides the spec's queue.",
    ),
    Variable("REDIS_PORT", "queue.redis.url", "Its port; 6379 by default."),
    Variable("REDIS_PASSWORD", "queue.redis.password", "Its password."),
    Variable("REDIS_DB", "queue.redis.url", "Its database number; 0 by default."),
    Variable("QUEUE_NAME", "queue.name", "Name of the queue and of the inbox list.", _queue_name),
    Variable(
        "MAX_RETRY_ATTEMPTS",
        "worker.maxAttempts",
        "Times that a batch or task is tried.",
        _worker("max_attempts", _whole),
    ),
    Variable(
        "TASK_TIMEOUT_MS",
        "worker.taskTimeout",
        "Longest time that a task may take.",
        _worker("task_timeout", _milliseconds),
    ),
    Variable(
        "TASK_TTL_SECONDS",
        "worker.taskTtl",
        "How long a finished task is remembered.",
        _worker("task_ttl", _seconds),
    ),
    Variable(
        "PROGRESS_UPDATE_INTERVAL_MS",
        "worker.progressInterval",
        "How often a task's progress is written.",
        _worker("progress_interval", _milliseconds),
    ),
    Variable(
        "WORKER_ID",
        "(the process)",
        "Name of this worker in `dcp status` and in the ledger; HOST-PID by default.",
    ),
    Variable("LOG_LEVEL", "(the process)", "debug, info, warning or error."),
    Variable("LOG_FORMAT", "(the process)", "json or console; console on a terminal, else json."),
    Variable("LOG_FILE", "(the process)", "Logs go into this file instead of stderr, and it rotates: docs/server.md."),
    Variable("LOG_ERRORS_FILE", "(the process)", "Errors go into this file too."),
    Variable("LOG_MAX_BYTES", "(the process)", "A log file of more than this is rotated (50Mi); 0: never by itself."),
    Variable("LOG_KEEP", "(the process)", "Older log files that are kept (5)."),
    Variable("INTERNAL_WORKER_ENABLED", "(the process)", "false: `dcp run` fetches only; start `dcp worker` apart."),
    Variable(
        "INTERNAL_WORKER_COUNT",
        "worker.concurrency",
        "Internal workers of one process.",
        _worker("concurrency", _whole),
    ),
    Variable(
        "WORKER_ENRICHER_CONCURRENT",
        "(none)",
        "Accepted, without effect: addresses are looked up in a local database, a whole batch at once, so there are "
        "no requests to run side by side.",
    ),
    Variable(
        "WORKER_DB_BATCH_SIZE",
        "fetcher.batch.maxRecords",
        "Most records of a batch, which is one transaction.",
        _batch_records,
    ),
    Variable(
        "WORKER_ENRICHER_CACHE_SIZE",
        "cleaning.enrich[].geoip.cache.size",
        "Records of the database that a process remembers (10,000).",
        _cache("size", lambda text: _whole(text, 0)),
    ),
    Variable(
        "WORKER_ENRICHER_CACHE_TTL",
        "cleaning.enrich[].geoip.cache.ttl",
        "Seconds that it remembers them (86,400).",
        _cache("ttl", _seconds),
    ),
    Variable(
        "WORKER_RETRY_DELAY",
        "worker.retryDelay",
        "Seconds before the first retry (5); it doubles.",
        _worker("retry_delay", _seconds),
    ),
    Variable("WORKER_QUEUE_TIMEOUT", "(the process)", "Seconds that an idle worker waits for work at a time (1)."),
    Variable(
        "WORKER_GRACE_SECONDS",
        "(the process)",
        "Seconds that a stopping worker may go on with the batches in hand before it gives them back (25).",
    ),
    Variable(
        "HEALTH_HOST",
        "(the process)",
        "Where `python -m dcp_fetcher` and `dcp_worker` answer probes; `::`: everywhere, IPv4 too.",
    ),
    Variable("HEALTH_PORT", "(the process)", "And on which port; 8080."),
    Variable(
        "DCP_SECRETS_DIR",
        "(secrets)",
        "Folder of <secret name>/<key>, as Kubernetes mounts Secrets, or of <secret name>.<key>, as Compose can.",
    ),
    Variable("CREDENTIALS_DIRECTORY", "(secrets)", "Of systemd: one credential, <secret name>.<key>, for each secret."),
    Variable("DCP_SECRET_<NAME>_<KEY>", "(secrets)", "One secret, where there is no such folder."),
    Variable(
        "DCP_STATE_DIR",
        "(the process)",
        "Folder for the embedded queue's notes, spools and downloads; `.dcp` beside the spec by default.",
    ),
)


class Passwords(msgspec.Struct, frozen=True):
    """Passwords that came by variables; they go before the spec's secrets."""

    sink: str | None = None
    redis: str | None = None


def with_environment(pipeline: Pipeline, environment: Mapping[str, str]) -> tuple[Pipeline, Passwords]:
    """The pipeline with the variables laid over it, and the passwords that they brought.

    Raises SettingInvalid naming the variable.
    """
    spec = pipeline.spec
    for variable in VARIABLES:
        text = environment.get(variable.name, "")
        if text and variable.apply:
            try:
                spec = _within_bounds(variable.apply(spec, text))
            except ValueError as error:
                raise SettingInvalid(f"{variable.name}={_shown(text)} cannot be used: {error}") from error
    spec = _with_database(pipeline, spec, environment)
    spec = _with_redis(spec, environment)
    passwords = Passwords(environment.get("DB_PASSWORD") or None, environment.get("REDIS_PASSWORD") or None)
    return replace(pipeline, spec=spec), passwords


def _within_bounds(spec: Spec) -> Spec:
    """The same, read once more as if it had stood in the file. Raises ValueError where that could not be."""
    return msgspec.convert(msgspec.to_builtins(spec, enc_hook=str), Spec, dec_hook=decode_unit)


def _shown(text: str) -> str:
    return ascii(text) if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]!a}..."


def _with_database(pipeline: Pipeline, spec: Spec, environment: Mapping[str, str]) -> Spec:
    given = {name: environment.get(f"DB_{name}", "") for name in ("HOST", "PORT", "USERNAME", "DATABASE")}
    if not any(given.values()):
        return spec
    _check_text("DB_USERNAME", given["USERNAME"])
    sql = spec.sink.sql if spec.sink else None
    before = urlsplit(sql.url) if sql and not is_file(sql.url) else urlsplit("mysql+pymysql://")
    host = given["HOST"] or before.hostname
    database = given["DATABASE"] or before.path.strip("/")
    if not host or not database:
        missing = "DB_HOST" if not host else "DB_DATABASE"
        raise SettingInvalid(f"{missing} is not set, and spec.sink.sql.url does not say it either")
    user = quote(given["USERNAME"], safe="") or before.username or ""
    port = _port("DB_PORT", given["PORT"]) or before.port or 3306
    authority = f"{user}@{_bracketed(host)}:{port}" if user else f"{_bracketed(host)}:{port}"
    url = urlunsplit((before.scheme, authority, f"/{database}", before.query, ""))
    sql = replace(sql, url=url) if sql else Sql(url=url, table=pipeline.table)
    return replace(spec, sink=Sink(sql=sql))


def _with_redis(spec: Spec, environment: Mapping[str, str]) -> Spec:
    given = {name: environment.get(f"REDIS_{name}", "") for name in ("HOST", "PORT", "DB")}
    if not any(given.values()):
        return spec
    redis = spec.queue.redis
    one = redis is not None and kind_of_url(redis.url) == "server"
    secured = redis is not None and redis.url.startswith("rediss")
    before = urlsplit(redis.url) if redis and one else urlsplit("rediss://" if secured else "redis://")
    if redis and not one and not given["HOST"] and kind_of_url(redis.url) != "socket":
        raise SettingInvalid("REDIS_PORT and REDIS_DB are for one server: name it in REDIS_HOST, or take them away")
    host = given["HOST"] or before.hostname
    if not host:
        raise SettingInvalid("REDIS_HOST is not set, and spec.queue.redis.url does not say it either")
    port = _port("REDIS_PORT", given["PORT"]) or before.port or 6379
    path = f"/{_database_number(given['DB'] or before.path.strip('/') or '0')}"
    url = urlunsplit((before.scheme, f"{_bracketed(host)}:{port}", path, before.query, ""))
    redis = _at_url(redis, url)
    return replace(spec, queue=replace(spec.queue, redis=redis))


def _check_text(name: str, text: str) -> None:
    """An environment's bytes that are no UTF-8 come as halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SettingInvalid(f"{name}={_shown(text)} is no UTF-8") from error


def _at_url(redis: Redis | None, url: str) -> Redis:
    """The spec's, elsewhere; a user of Sentinels goes with them."""
    if redis is None:
        return Redis(url=url)
    return replace(redis, url=url, sentinel=redis.sentinel if kind_of_url(url) == "sentinel" else None)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _port(name: str, text: str) -> int | None:
    if not text:
        return None
    if not _DIGITS.fullmatch(text) or not 0 < int(text) < 65536:
        raise SettingInvalid(f"{name}={_shown(text)} is no port number")
    return int(text)


def _database_number(text: str) -> int:
    if not _DIGITS.fullmatch(text):
        raise SettingInvalid(f"REDIS_DB={_shown(text)} is no database number")
    return int(text)


class Profile(msgspec.Struct, frozen=True):
    """One of the older system's three load profiles."""

    concurrency: int
    batch: BatchSize


PROFILES: Mapping[str, Profile] = {
    "low": Profile(1, BatchSize(max_records=2_500, max_bytes=Quantity("256Ki"))),
    "medium": Profile(2, BatchSize(max_records=5_000, max_bytes=Quantity("512Ki"))),
    "high": Profile(4, BatchSize(max_records=10_000, max_bytes=Quantity("1Mi"))),
}


def with_profile(pipeline: Pipeline, name: str) -> Pipeline:
    """The pipeline with a load profile's concurrency and batch size."""
    profile, spec = PROFILES[name], pipeline.spec
    worker = replace(spec.worker, concurrency=profile.concurrency)
    return replace(pipeline, spec=replace(spec, worker=worker, fetcher=replace(spec.fetcher, batch=profile.batch)))


def settings_table() -> str:
    """docs/settings.md's table."""
    rows = [f"| `{each.name}` | `{each.sets}` | {each.meaning} |" for each in VARIABLES]
    return "\n".join(["| variable | sets | meaning |", "|---|---|---|", *rows])


def with_redis_url(pipeline: Pipeline, url: str) -> Pipeline:
    """The pipeline with `--redis URL` over its queue."""
    redis = _at_url(pipeline.spec.queue.redis, url)
    queue: Queue = replace(pipeline.spec.queue, redis=redis)
    return replace(pipeline, spec=replace(pipeline.spec, queue=queue))


def with_sink_url(pipeline: Pipeline, url: str) -> Pipeline:
    """The pipeline with `--sink URL` over its sink."""
    sql = pipeline.spec.sink.sql if pipeline.spec.sink else None
    sql = replace(sql, url=url) if sql else Sql(url=url, table=pipeline.table)
    return replace(pipeline, spec=replace(pipeline.spec, sink=Sink(sql=sql)))
