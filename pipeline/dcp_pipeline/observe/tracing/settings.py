"""What OpenTelemetry's own variables ask for, as far as they are about traces by OTLP over HTTP. Pure."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

import msgspec

ENDPOINT, TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_ALL = 1 << 64
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Sending(msgspec.Struct, frozen=True):
    """Where to, with what."""

    url: str
    headers: dict[str, str]
    resource: dict[str, str]
    below: int
    """A trace is sent where the lower half of its id is below this: OpenTelemetry's traceidratio."""
    ca_file: str | None = None
    remarks: tuple[str, ...] = ()
    """What was asked for and is not done."""
    secrets: frozenset[str] = frozenset()
    """What no message may hold: a collector may repeat it."""

    def wants(self, trace_id: int) -> bool:
        """Whether this trace is sent: all of it, by whichever process, or nothing of it."""
        return trace_id % _ALL < self.below


def asked_for(environment: Mapping[str, str]) -> bool:
    """Whether anybody wants traces."""
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    exporter = environment.get("OTEL_TRACES_EXPORTER") or "otlp"
    return not off and exporter == "otlp" and any(map(environment.get, (TRACES_ENDPOINT, ENDPOINT)))


def sending_of(environment: Mapping[str, str], pipeline: str, instance: str) -> Sending:
    """`pipeline` and `instance` become attributes of the resource."""
    asked = environment.get(TRACES_ENDPOINT) or f"{environment.get(ENDPOINT, '').rstrip('/')}/v1/traces"
    url, login = _without_login(asked)
    resource = {"service.name": "dcp", "service.instance.id": instance, "dcp.pipeline": pipeline}
    resource |= _pairs(environment.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    resource |= {"service.name": named} if (named := environment.get("OTEL_SERVICE_NAME")) else {}
    headers = _pairs(environment.get("OTEL_EXPORTER_OTLP_HEADERS", ""))
    headers |= _pairs(environment.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS", ""))
    if login and "authorization" not in map(str.lower, headers):
        headers["Authorization"] = f"Basic {b64encode(login.encode(errors='replace')).decode()}"
    secrets = frozenset(_secrets(headers, login))
    odd = [name for name, value in headers.items() if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value))]
    ca_file = environment.get("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE") or environment.get(
        "OTEL_EXPORTER_OTLP_CERTIFICATE"
    )
    below, sampler = _below(environment)
    protocol = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    remarks = [f"OTEL_TRACES_SAMPLER={sampler} is not known: every trace is sent"] if sampler else []
    remarks += [f"OTEL_EXPORTER_OTLP_HEADERS: {name!r} cannot be sent: no header holds this" for name in odd]
    if protocol not in (None, "", "http/protobuf"):
        remarks.append(f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol}: traces go by http/protobuf all the same")
    sent = {name: value for name, value in headers.items() if name not in odd}
    return Sending(url, sent, resource, below, ca_file or None, tuple(remarks), secrets)


def _without_login(url: str) -> tuple[str, str]:
    """The URL that is asked, and the user and password that stood in it."""
    scheme, mark, rest = url.partition("://")
    place = re.match(r"[^/?#]*", rest)
    login, at, _ = place.group().rpartition("@") if place else ("", "", "")
    return (f"{scheme}{mark}{rest[len(login) + 1 :]}", unquote(login)) if at else (url, "")


def _secrets(headers: Mapping[str, str], login: str) -> Iterator[str]:
    """As they are, and what stands behind a word as Bearer."""
    yield from (login, login.partition(":")[2])
    for value in headers.values():
        yield from (value, *value.split())


def _pairs(text: str) -> dict[str, str]:
    found = (each.partition("=") for each in text.split(",") if "=" in each)
    return {unquote(name.strip()): unquote(value.strip()) for name, _, value in found}


def _below(environment: Mapping[str, str]) -> tuple[int, str]:
    """The bound; and the sampler, where it is none that is known."""
    name = (environment.get("OTEL_TRACES_SAMPLER") or "always_on").removeprefix("parentbased_")
    if name in ("always_on", "always_off"):
        return (_ALL if name == "always_on" else 0), ""
    try:
        ratio = float(environment.get("OTEL_TRACES_SAMPLER_ARG") or 1)
    except ValueError:
        ratio = -1.0
    if name != "traceidratio" or not 0 <= ratio <= 1:
        return _ALL, f"{name} {environment.get('OTEL_TRACES_SAMPLER_ARG', '')}".strip()
    return round(ratio * _ALL), ""
