"""Specs from outside: a pipeline, or SpecInvalid with every problem named; the same for compiling its cleaning."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import event, given
from hypothesis import strategies as st

from dcp_pipeline.spec.errors import SpecInvalid
from dcp_pipeline.spec.model import Pipeline
from dcp_pipeline.spec.parse import parse_pipeline, pipeline_of
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.ground.errors import PlanError
from fuzz.mutations import damaged

EXAMPLE = (Path(__file__).parents[2] / "examples" / "botnet.yaml").read_text()
DOCUMENT = yaml.safe_load(EXAMPLE)
ODD: list[Any] = [
    None, True, 0, -1, 2**70, 1.5, float("nan"), float("inf"), "", " ", "x" * 300, "\n", "1Gi\n", "5m\n", "9" * 400 + "P",
    "9" * 400 + "h", "1.5.5Ki", "\ud800", "\0", "*", "a.b", "../..", "http://[", "http://x:99999/", "%", "%Y", "%Q", "(", "[a",
    "(?P<x>", "Europe/Paris", "Etc/../UTC", "utf-16", "idna", "shift_jis", "rot13", [], [[]], {}, {"": None}, [None], {"a": {"b": []}},
]  # fmt: skip


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything inside a document."""
    inside = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in inside:
        yield (*path, key)
        yield from places(value, (*path, key))


PLACES = st.sampled_from(list(places(DOCUMENT)))


def judge(read: Any) -> None:
    """It is refused with reasons, or can be used."""
    try:
        pipeline: Pipeline = read()
    except SpecInvalid as error:
        event("refused")
        assert error.problems
        assert all(problem.path and problem.message for problem in error.problems)
        return
    event("taken")
    spec = pipeline.spec
    assert spec.queue.max_bytes.bytes >= 0
    assert spec.worker.batch_timeout.timedelta
    for source in spec.sources:
        assert source.format.max_record_bytes.bytes >= 0
        try:
            CleaningPlan.compile(spec.cleaning, source.format)
        except PlanError as error:
            assert error.path.startswith("spec.")


@given(st.lists(st.tuples(PLACES, st.sampled_from(["set", "remove"]), st.sampled_from(ODD)), min_size=1, max_size=3))
def test_a_document_with_odd_values_is_refused_by_name_or_usable(changes: list[tuple[Any, str, Any]]) -> None:
    document = copy.deepcopy(DOCUMENT)
    for path, action, value in changes:
        holder: Any = document
        for key in path[:-1]:
            try:
                holder = holder[key]
            except (KeyError, IndexError, TypeError):
                break
        else:
            _change(holder, path[-1], action, value)
    judge(lambda: pipeline_of(document))


def _change(holder: Any, key: Any, action: str, value: Any) -> None:
    known = (isinstance(holder, dict) and key in holder) or (isinstance(holder, list) and key in range(len(holder)))
    if known and action == "remove":
        del holder[key]
    elif known:
        holder[key] = value


@given(damaged([EXAMPLE.encode(), b"- a: &x [*x]\n", b"a: {b: [c, d]}\n", b"!!python/object:os.system {}\n"]))
def test_a_damaged_text_is_refused_by_name_or_usable(raw: bytes) -> None:
    judge(lambda: parse_pipeline(raw.decode(errors="replace"), origin="x.yaml"))


@pytest.mark.parametrize("text", ["[" * 3000, "a: " * 3000, "&a [" * 500, "kind: DataCleaningPipeline\nx: &a [*a]\n"])
def test_a_deeply_nested_text_is_refused(text: str) -> None:
    with pytest.raises(SpecInvalid):
        parse_pipeline(text)
