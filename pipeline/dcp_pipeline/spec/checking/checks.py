"""What the types of the model cannot say: rules across fields, each naming its path. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from dcp_pipeline.dialects import is_file
from dcp_pipeline.redis_url import holds_password, kind_of_url, redis_url
from dcp_pipeline.spec.checking.format_checks import format_problems
from dcp_pipeline.spec.checking.rule_checks import rule_problems
from dcp_pipeline.spec.checking.secret_checks import secret_problems
from dcp_pipeline.spec.enrichments import KINDS as KINDS_OF_ENRICHMENT
from dcp_pipeline.spec.errors import SpecProblem, path_of
from dcp_pipeline.spec.expectations.expect import expect_problems
from dcp_pipeline.spec.expectations.notify import notify_problems
from dcp_pipeline.spec.model import Field, Pipeline, Spec
from dcp_pipeline.spec.problems import NOT_LINEAR, not_linear
from dcp_pipeline.spec.sources import KINDS
from dcp_pipeline.spec.words.retention import retention_problems
from dcp_pipeline.texts import address_problem

_LENGTHS = {"string"}
_RANGES = {"integer", "number", "decimal", "date", "time", "datetime"}
_NUMBERS = {"integer", "number"}
_WITH_FORMAT = {"date", "time", "datetime"}
_RESERVED_PREFIX = "_dcp_"
_SHORTEST_INTERVAL_SECONDS = 0.01


def problems_of(pipeline: Pipeline) -> list[SpecProblem]:
    """Everything that is wrong across fields, in the order of the spec."""
    spec = pipeline.spec
    checks = (
        _sources,
        _queue,
        _times,
        _fields,
        rule_problems,
        _identity,
        _enrichment,
        _sink,
        _scaling,
        secret_problems,
        lambda each: expect_problems(each.expect),
        lambda each: notify_problems(each.notify),
    )
    return [problem for check in checks for problem in check(spec)]


def _at(message: str, *place: str | int) -> SpecProblem:
    return SpecProblem(path_of(("spec", *place)), message)


def _odd_name(name: str) -> str | None:
    """What is wrong with a name that the pattern allows: blanks and marks among the letters, two spellings of one."""
    if name != unicodedata.normalize("NFC", name):
        return f"is {name!r}, in which a letter and its accent are two characters; write it composed (NFC)"
    odd = sorted({each for each in name.replace("$", "_") if not f"_{each}".isidentifier()})
    return (
        f"is {name!r}, which has {', '.join(map(ascii, odd))} in it; letters, digits and _ are wanted" if odd else None
    )


def _twice(names: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    return {name for name in names if name in seen or seen.add(name)}  # type: ignore[func-returns-value]


def _sources(spec: Spec) -> Iterator[SpecProblem]:
    doubled = _twice(each.name for each in spec.sources)
    for index, source in enumerate(spec.sources):
        if source.name in doubled:
            yield _at(f"{source.name!r} is the name of another source too", "sources", index, "name")
        if len(source.given) != 1:
            found = f"both {' and '.join(source.given)}" if source.given else f"neither {' nor '.join(KINDS)}"
            yield _at(f"has {found}; exactly one is wanted", "sources", index)
        if source.growth == "replace" and not spec.cleaning.unique:
            yield _at(
                "is 'replace' (the default), by which a changed file is read again whole: "
                "spec.cleaning.unique must say what makes a record the same, or growth be 'append'",
                "sources", index, source.kind, "growth",
            )  # fmt: skip
        yield from format_problems(source, index)
        for name in source.given:
            yield from KINDS[name].problems(getattr(source, name), ("spec", "sources", index, name))


def _queue(spec: Spec) -> Iterator[SpecProblem]:
    redis = spec.queue.redis
    if redis is None:
        return
    kind = kind_of_url(redis.url)
    if redis.sentinel is not None and kind != "sentinel":
        yield _at("is set, but the URL names no Sentinels (redis+sentinel://)", "queue", "redis", "sentinel")
    if kind == "socket":
        return
    if kind == "server" and (problem := address_problem(redis.url)) is not None:
        yield _at(f"leads to no server: {problem}", "queue", "redis", "url")
    elif holds_password(redis.url):
        yield _at(
            "holds a password; put it into a Secret and name it in spec.queue.redis.password",
            "queue", "redis", "url",
        )  # fmt: skip
    elif kind != "server":
        try:
            redis_url(redis.url)
        except ValueError as error:
            yield _at(f"leads to no server: {error}", "queue", "redis", "url")


def _times(spec: Spec) -> Iterator[SpecProblem]:
    for index, source in enumerate(spec.sources):
        if source.interval.seconds < _SHORTEST_INTERVAL_SECONDS:
            yield _at(f"is {source.interval}; at least 10ms is wanted", "sources", index, source.kind, "interval")
    if spec.queue.lease.seconds < 1:
        yield _at(f"is {spec.queue.lease}; at least 1s is wanted", "queue", "lease")
    for name in ("batch_timeout", "task_timeout", "progress_interval"):
        if getattr(spec.worker, name).seconds <= 0:
            first, second = name.split("_")
            yield _at("is 0; more than that is wanted", "worker", first + second.capitalize())


def _fields(spec: Spec) -> Iterator[SpecProblem]:
    fields = spec.cleaning.fields
    doubled = _twice(each.name.lower() for each in fields)
    for index, each in enumerate(fields):
        place = ("cleaning", "fields", index)
        if each.name.lower() in doubled:
            yield _at(f"{each.name!r} is the name of another field too (case does not count)", *place, "name")
        if odd := _odd_name(each.name):
            yield _at(odd, *place, "name")
        if each.name.lower().startswith(_RESERVED_PREFIX):
            yield _at(f"{each.name!r} starts with {_RESERVED_PREFIX}, which is reserved", *place, "name")
        if each.format is not None and each.format != "default" and each.type not in _WITH_FORMAT:
            yield _at(f"is set, but type {each.type} has no format", *place, "format")
        yield from _timezone(each, place)
        yield from _constraints(each, place)


def _timezone(each: Field, place: tuple[str | int, ...]) -> Iterator[SpecProblem]:
    if each.timezone == "UTC":
        return
    if each.type != "datetime":
        yield _at(f"is set, but type {each.type} has no zone", *place, "timezone")
    try:
        ZoneInfo(each.timezone)
    except (KeyError, ValueError, OSError):
        yield _at(f"is {each.timezone!r}; a zone of the IANA database is wanted (Europe/Paris)", *place, "timezone")


def _constraints(each: Field, place: tuple[str | int, ...]) -> Iterator[SpecProblem]:
    rule, place = each.constraints, (*place, "constraints")
    for name, value, types in (
        ("minLength", rule.min_length, _LENGTHS),
        ("maxLength", rule.max_length, _LENGTHS),
        ("minimum", rule.minimum, _RANGES),
        ("maximum", rule.maximum, _RANGES),
        ("pattern", rule.pattern, {"string"}),
    ):
        if value is not None and each.type not in types:
            yield _at(f"is set, but it has no meaning for type {each.type}", *place, name)
        elif each.type == "decimal":
            continue  # a number, or text where YAML would round it; the worker's plan reads it
        elif name.endswith("imum") and value is not None and isinstance(value, str) == (each.type in _NUMBERS):
            wanted = "a number" if each.type in _NUMBERS else "text in ISO 8601"
            yield _at(f"is {value!r}; {wanted} is wanted for type {each.type}", *place, name)
    if rule.min_length is not None and rule.max_length is not None and rule.min_length > rule.max_length:
        yield _at(f"is {rule.min_length}, above maxLength {rule.max_length}", *place, "minLength")
    if type(rule.minimum) is type(rule.maximum) and rule.minimum is not None and rule.minimum > rule.maximum:  # type: ignore[operator]
        yield _at(f"is {rule.minimum}, above maximum {rule.maximum}", *place, "minimum")
    if rule.pattern is not None:
        if not_linear(rule.pattern):
            yield _at(NOT_LINEAR, *place, "pattern")
            return
        try:
            re.compile(rule.pattern)
        except re.error as error:
            yield _at(f"is no regular expression: {error}", *place, "pattern")


def _identity(spec: Spec) -> Iterator[SpecProblem]:
    names = {each.name for each in spec.cleaning.fields}
    for index, name in enumerate(spec.cleaning.unique):
        if name not in names:
            yield _at(
                f"is {name!r}, which is no field; fields: {', '.join(sorted(names))}",
                "cleaning",
                "unique",
                index,
            )
    for name in sorted(_twice(spec.cleaning.unique)):
        yield _at(f"names {name!r} twice", "cleaning", "unique")


def _enrichment(spec: Spec) -> Iterator[SpecProblem]:
    names = {each.name for each in spec.cleaning.fields}
    for index, step in enumerate(spec.cleaning.enrich):
        place: tuple[str | int, ...] = ("cleaning", "enrich", index)
        if step.settings is None:
            yield _at(f"has no member; {' or '.join(KINDS_OF_ENRICHMENT)} is wanted", *place)
            continue
        if len(step.given) > 1:
            yield _at(f"has {' and '.join(step.given)}; exactly one is wanted", *place)
        place = (*place, step.kind)
        if step.settings.reads not in names:
            yield _at(f"is {step.settings.reads!r}, which is no field", *place, "from")
        for name in step.settings.fills:
            if name not in names:
                yield _at(f"fills {name!r}, which is no field of spec.cleaning.fields", *place, "fields")
        yield from KINDS_OF_ENRICHMENT[step.kind].problems(step.settings, ("spec", *place))


def _sink(spec: Spec) -> Iterator[SpecProblem]:
    if spec.sink is None:
        return
    if spec.sink.sql is not None:
        yield from retention_problems(spec.sink.sql.retention, spec.cleaning)
    if spec.sink.sql is None:
        yield _at("has no member; sql is wanted", "sink")
    elif not is_file(spec.sink.sql.url):
        if (problem := address_problem(spec.sink.sql.url)) is not None:
            yield _at(f"leads to no server: {problem}", "sink", "sql", "url")
            return
        parts = urlsplit(spec.sink.sql.url)
        if parts.password:
            yield _at(
                "holds a password; put it into a Secret and name it in spec.sink.sql.password",
                "sink", "sql", "url",
            )  # fmt: skip
        if not parts.path.strip("/"):
            yield _at("names no database (mysql+pymysql://USER@HOST/DATABASE)", "sink", "sql", "url")
    if spec.sink.sql is not None and spec.sink.sql.table.lower().startswith("dcp_"):
        yield _at("starts with dcp_, which is the ledger's prefix", "sink", "sql", "table")
    if spec.sink.sql is not None and (odd := _odd_name(spec.sink.sql.table)):
        yield _at(odd, "sink", "sql", "table")


def _scaling(spec: Spec) -> Iterator[SpecProblem]:
    scaling = spec.scaling
    if scaling.min_replicas > scaling.max_replicas:
        message = f"is {scaling.min_replicas}, above maxReplicas {scaling.max_replicas}"
        yield _at(message, "scaling", "minReplicas")
    if scaling.drain_within is not None and scaling.backlog_per_worker is not None:
        yield _at("is set beside drainWithin; at most one is wanted", "scaling", "backlogPerWorker")
    if scaling.engine == "keda" and scaling.drain_within is not None:
        yield _at("is not for engine keda, which knows no rates: use backlogPerWorker", "scaling", "drainWithin")
    if scaling.drain_within is not None and scaling.drain_within.seconds < 1:
        yield _at(f"is {scaling.drain_within}; at least 1s is wanted", "scaling", "drainWithin")
    if scaling.max_commit_time.seconds <= 0:
        yield _at("is 0; more than that is wanted", "scaling", "maxCommitTime")
