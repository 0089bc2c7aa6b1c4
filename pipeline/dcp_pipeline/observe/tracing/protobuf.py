"""Spans as OTLP's protobuf, by OpenTelemetry's own classes. Imported by otlp.py alone, once traces are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from dcp_pipeline.observe.tracing.spans import Made
from dcp_pipeline.texts import storable

_KINDS = {
    "internal": Span.SpanKind.SPAN_KIND_INTERNAL,
    "producer": Span.SpanKind.SPAN_KIND_PRODUCER,
    "consumer": Span.SpanKind.SPAN_KIND_CONSUMER,
}
_SCOPE = "dcp"
_MOST = 2**63 - 1


def encoded(spans: Sequence[Made], resource: Mapping[str, str]) -> bytes:
    """A request of these spans."""
    scope = ScopeSpans(scope=InstrumentationScope(name=_SCOPE), spans=[_span(each) for each in spans])
    of = ResourceSpans(resource=Resource(attributes=_attributes(resource)), scope_spans=[scope])
    body: bytes = ExportTraceServiceRequest(resource_spans=[of]).SerializeToString()
    return body


def _span(made: Made) -> Span:
    problem = made.problem
    return Span(
        name=made.name,
        trace_id=made.trace_id.to_bytes(16, "big"),
        span_id=made.span_id.to_bytes(8, "big"),
        parent_span_id=made.parent_id.to_bytes(8, "big") if made.parent_id else b"",
        kind=_KINDS[made.kind],
        start_time_unix_nano=made.start,
        end_time_unix_nano=made.end,
        attributes=_attributes(made.attributes),
        status=Status(code=Status.StatusCode.STATUS_CODE_ERROR, message=problem) if problem is not None else None,
    )


def _attributes(values: Mapping[str, str | int]) -> list[KeyValue]:
    return [KeyValue(key=storable(name), value=_value(each)) for name, each in values.items()]


def _value(value: str | int) -> AnyValue:
    # A number of a batch is as whoever writes to the queue said, until it is compared with the ledger's.
    if isinstance(value, int):
        return AnyValue(int_value=max(-_MOST, min(value, _MOST)))
    return AnyValue(string_value=storable(value))
