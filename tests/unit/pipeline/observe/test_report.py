"""What is read of a report comes from wherever a spec leads, and is kept for each pipeline: it has bounds."""

from __future__ import annotations

import msgspec
import pytest

from dcp_operator.scaling.looking import looked
from dcp_operator.scaling.resp import Said
from dcp_pipeline.observe.report import COMPONENTS, MOST_BYTES, Expectation, Report, reports_of, written

SMALL = msgspec.json.encode(Report(at=1.0))


def test_what_is_none_of_our_components_is_left_out() -> None:
    others = {f"c{number}".encode(): SMALL for number in range(20_000)}
    assert set(reports_of({**others, b"fetcher": SMALL, b"worker": SMALL})) == {*COMPONENTS}


@pytest.mark.parametrize(
    "report",
    [
        Report(at=1.0, sources={str(number): None for number in range(101)}),
        Report(at=1.0, labels={str(number): None for number in range(101)}),
        Report(at=1.0, expected=(Expectation("", True, ""),) * 1001),
        Report(at=1.0, sink="x" * MOST_BYTES),
    ],
    ids=["sources", "labels", "expected", "bytes"],
)
def test_more_than_any_of_ours_says_is_left_out_and_the_other_is_not(report: Report) -> None:
    reply = {b"fetcher": msgspec.json.encode(report), b"worker": SMALL}
    assert reports_of(reply) == {"worker": Report(at=1.0)}


@pytest.mark.parametrize("letter", ["x", "源", '"'])
def test_ours_is_cut_until_it_is_read(letter: str) -> None:
    sources: dict[str, str | None] = {f"source-{number}": letter * 5000 for number in range(63)}
    expected = (Expectation(letter * 5000, False, letter * 5000),) * 5
    report = Report(at=1.0, sources=sources | {"well": None}, labels=sources, sink=letter * 9000, expected=expected)
    (read,) = reports_of({b"fetcher": written(report)}).values()
    assert read.sources.keys() == report.sources.keys()
    assert read.sources["well"] is None
    assert all(text and set(text) == {letter} for name, text in read.sources.items() if name != "well")
    assert read.expected is not None
    assert [each.met for each in read.expected] == [False] * 5


def test_a_report_that_fits_is_written_as_it_is() -> None:
    report = Report(at=1.0, sources={"a": "x" * 5000}, sink=None)
    assert reports_of({b"worker": written(report)}) == {"worker": report}


def test_what_cannot_be_written_is_replaced() -> None:
    report = Report(at=1.0, sources={"a": "no such file: \udcff.csv", "b": None}, sink="\ud800")
    (read,) = reports_of({b"fetcher": written(report)}).values()
    assert str(read.sources["a"]).startswith("no such file: ")
    assert (read.sources["b"], bool(read.sink)) == (None, True)


def test_a_reply_that_is_too_long_to_be_compared_is_not_kept() -> None:
    long = [b"fetcher", b"x" * 500_000]
    said = [Said(b"*8", [0] * 8), Said(None, long), Said(b"*0", []), Said(b"*0", [])]
    for before in (None, looked(None, (1, 0), said)):
        kept = looked(before, (1, 0), said)
        assert kept.seen.stats is not None
        assert [each.reply for each in kept.said] == [[0] * 8, None, [], []]
