"""What spans are made of what fetcher and worker tell."""

from __future__ import annotations

from dcp_pipeline.batch import Batch, compress, digest_of, stable_id
from dcp_pipeline.ledger.model import Cut, SourceObject
from dcp_pipeline.observe.phases import Phase
from dcp_pipeline.observe.tracing import UNTRACED, traces_of
from dcp_pipeline.observe.tracing.settings import sending_of
from dcp_pipeline.observe.tracing.spans import Made, SpanMaker, span_of, trace_of

OBJECT = SourceObject(stable_id("object"), "default/p", "files", "file:///a.csv", "v", "r")
SECOND = 1_000_000_000


def batch(object_id: str = OBJECT.id) -> Batch:
    raw = b"1\n2\n"
    return Batch(
        id=stable_id("batch"), pipeline="default/p", source="files", object_id=object_id, uri=OBJECT.uri, sequence=0,
        start=0, end=len(raw), records=2, first_record=1, first_line=1, digest=digest_of(raw), revision="r",
        header=None, defect=None, body=compress(raw),
    )  # fmt: skip


class Telling:
    """A maker whose clocks are the test's."""

    def __init__(self) -> None:
        self.seconds = 100
        self.made: list[Made] = []
        self.tell = SpanMaker(
            self.made.append,
            lambda text: text.replace("sesame", "***"),
            lambda: (1_000_000 + self.seconds) * SECOND,
            lambda: self.seconds,
        )

    def phase(self, phase: Phase, after: int, batch_id: str = batch().id) -> None:
        self.seconds += after
        self.tell(phase, batch_id)


def test_the_fetcher_and_the_worker_make_one_trace_without_telling_each_other() -> None:
    fetcher, worker = Telling(), Telling()
    cut = Cut(batch().id, 0, 0, 4, 2, 1, 1, "d" * 32)
    fetcher.seconds += 3
    fetcher.tell.cut(OBJECT, [cut], began=100.0)
    fetcher.tell.read(OBJECT, began=99.0)
    worker.phase(Phase.CLAIMED, 5)
    worker.tell.holds(batch())
    worker.phase(Phase.CLEANED, 2)
    worker.phase(Phase.INSERTED, 3)
    worker.phase(Phase.COMMITTED, 4)
    worker.seconds += 1
    worker.tell.ended(batch().id, None)
    made = {each.name: each for each in [*fetcher.made, *worker.made]}
    assert list(made) == ["cut", "object", "clean", "insert", "commit", "batch"]
    assert {each.trace_id for each in made.values()} == {trace_of(OBJECT.id)}
    assert made["object"].parent_id == 0
    assert made["cut"].parent_id == made["object"].span_id == span_of(OBJECT.id)
    assert made["batch"].parent_id == made["cut"].span_id == span_of(batch().id)
    assert {made[each].parent_id for each in ("clean", "insert", "commit")} == {made["batch"].span_id}
    took = {name: (each.end - each.start) // SECOND for name, each in made.items()}
    assert took == {"cut": 3, "object": 4, "clean": 2, "insert": 3, "commit": 4, "batch": 10}
    assert made["cut"].attributes["dcp.records"] == 2
    assert made["batch"].problem is None


def test_each_attempt_is_a_span_and_one_that_failed_says_why_without_a_secret() -> None:
    worker = Telling()
    for problem in ("the database refused sesame", None):
        worker.phase(Phase.CLAIMED, 1)
        worker.tell.holds(batch())
        worker.tell.ended(batch().id, problem)
    first, second = worker.made
    assert (first.problem, second.problem) == ("the database refused ***", None)
    assert first.span_id != second.span_id
    assert first.parent_id == second.parent_id


def test_what_was_never_claimed_or_is_called_oddly_makes_no_span() -> None:
    worker = Telling()
    worker.phase(Phase.CLEANED, 1)
    worker.tell.ended(batch().id, None)
    for odd in ("", "no hex", "0x" + "1" * 30, "F" * 32, "1" * 40):
        worker.phase(Phase.CLAIMED, 1)
        worker.tell.holds(batch(odd))
        worker.tell.ended(batch().id, "forged")
    assert worker.made == []


def test_batches_that_are_heard_of_no_more_are_forgotten() -> None:
    worker = Telling()
    for number in range(3000):
        worker.phase(Phase.CLAIMED, 0, f"{number:032x}")
    assert len(worker.tell._held) == 1024


def test_where_and_how_much_is_sent_is_what_opentelemetry_s_variables_say() -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4318/base/",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20a%3Db, x-team = ours",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=mine,region=a%2Cb",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.25",
    }
    found = sending_of(environment, "default/p", "w1")
    assert found.url == "https://collector:4318/base/v1/traces"
    assert found.headers == {"authorization": "Bearer a=b", "x-team": "ours"}
    assert found.resource == {
        "service.name": "mine", "service.instance.id": "w1", "dcp.pipeline": "default/p", "region": "a,b"
    }  # fmt: skip
    assert [found.wants(each) for each in (0, (1 << 62) - 1, 1 << 62, (7 << 64) + 5)] == [True, True, False, True]
    assert sending_of({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/t"}, "p", "w").url == "http://c/t"
    odd = sending_of(environment | {"OTEL_TRACES_SAMPLER_ARG": "many", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "p", "w")
    assert odd.wants((1 << 128) - 1)
    assert [each.partition(":")[0] for each in odd.remarks] == [
        "OTEL_TRACES_SAMPLER=traceidratio many is not known", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
    ]  # fmt: skip


def test_nothing_is_traced_where_nobody_asks_or_somebody_forbids() -> None:
    asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    for environment in ({}, asked | {"OTEL_SDK_DISABLED": "true"}, asked | {"OTEL_TRACES_EXPORTER": "none"}):
        assert traces_of(environment, "default/p", "w") is UNTRACED


def test_a_login_in_the_url_and_headers_that_none_can_be_are_no_secret_of_the_wire() -> None:
    for url, path in (
        ("http://joe:open%20sesame@c:4318", "/v1/traces"),
        ("http://joe:open%20sesame@c:4318/x@y?a=@", "/x@y?a=@/v1/traces"),
    ):
        sending = sending_of({"OTEL_EXPORTER_OTLP_ENDPOINT": url}, "default/p", "w")
        assert sending.url == f"http://c:4318{path}"
        assert sending.headers == {"Authorization": "Basic am9lOm9wZW4gc2VzYW1l"}
        assert {"joe:open sesame", "open sesame", "am9lOm9wZW4gc2VzYW1l"} <= sending.secrets
    told = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c",
        "OTEL_EXPORTER_OTLP_HEADERS": "a=x%0Ay,b%20c=z,d=%C4%80,e=fine,f=",
    }
    sending = sending_of(told, "default/p", "w")
    assert sending.headers == {"e": "fine", "f": ""}
    assert len(sending.remarks) == 3
    assert {"x\ny", "z", "\u0100", "fine"} <= sending.secrets
    assert not any(secret in remark for remark in sending.remarks for secret in ("x\ny", "\u0100"))
