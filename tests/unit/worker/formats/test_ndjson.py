"""ndjson: values as they are written, keys and paths, and lines that are no objects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcp_worker.clean.plan import ID, RECORD, CleanedBatch, CleaningPlan
from dcp_worker.clean.preview import clean_preview
from support.batches import batch_of, cleaning_of, format_of


def cleaned(raw: bytes, *labels: str, **others: Any) -> CleanedBatch:
    fields = [{"name": f"f{number}", "from": label} for number, label in enumerate(labels)]
    plan = CleaningPlan.compile(cleaning_of(*fields, missingValues=[]), format_of("ndjson", **others))
    result = plan.clean(batch_of(raw, None, first_line=1))
    assert result.read == result.rows.height + result.duplicates + len(result.rejects)
    return result


def rows(result: CleanedBatch) -> list[tuple[Any, ...]]:
    return result.rows.sort(RECORD).drop(ID, RECORD).rows()


@pytest.mark.parametrize(
    ("written", "cell"),
    [
        ('"text"', "text"),
        ('""', ""),
        ('"null"', "null"),
        ("null", None),
        ("1.10", "1.10"),
        ("-0", "-0"),
        ("1e5", "1e5"),
        ("1" * 400, "1" * 400),
        ("1e999", "1e999"),
        ("true", "true"),
        ('{"x": [1, "a"]}', '{"x": [1, "a"]}'),
        ("[ ]", "[ ]"),
        (r'"\"quoted\" \\ \n \u00e9 \ud83d\ude00"', '"quoted" \\ \n é 😀'),
        ('"a,b"', "a,b"),
    ],
)
def test_values_become_text_as_they_are_written(written: str, cell: str | None) -> None:
    assert rows(cleaned(f'{{"k": {written}}}\n{{"k":"x"}}\n'.encode(), "k")) == [(cell,), ("x",)]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(["a", "b", "c.d", "c"]), json_values, max_size=4), max_size=8),
    st.booleans(),
)
def test_objects_are_read_as_the_json_module_reads_them(records: list[dict[str, Any]], ascii_only: bool) -> None:
    def text(value: Any) -> str | None:
        return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=ascii_only)

    def at(record: dict[str, Any]) -> Any:
        inner = record.get("c")
        return record["c.d"] if "c.d" in record else inner.get("d") if isinstance(inner, dict) else None

    raw = "".join(json.dumps(record, ensure_ascii=ascii_only) + "\n" for record in records).encode()
    result = cleaned(raw, "a", "c.d")
    refused = {each.record for each in result.rejects}
    assert all("\\u0000" in raw.decode().splitlines()[number - 1] for number in refused)
    want = [
        (text(record.get("a")), text(at(record)))
        for number, record in enumerate(records, start=1)
        if number not in refused
    ]
    assert rows(result) == want


def test_a_label_is_a_key_or_else_a_path() -> None:
    raw = (
        b'{"a.b": 1, "a": {"b": 2}}\n{"a": {"b": 3, "c": {"d": "x"}}}\n{"a": 5}\n{"a": null}\n{}\n{"a": {"b": null}}\n'
    )
    assert rows(cleaned(raw, "a.b", "a.c.d")) == [
        ("1", None),
        ("3", "x"),
        (None, None),
        (None, None),
        (None, None),
        (None, None),
    ]


def test_of_a_key_that_stands_twice_the_last_value_counts() -> None:
    assert rows(cleaned(b'{"k": 1, "k": 2}\n', "k")) == [("2",)]


def test_lines_that_are_no_objects_are_rejected_alone_with_bytes_and_place() -> None:
    lines = [
        b'{"k": 1}',
        b"",
        b" \t",
        b"[1]",
        b'{"k": 1',
        b'{"k": NaN}',
        b'{"k": "\\ud800"}',
        b'{"k": "\\u0000"}',
        b'{"k": "\xff"}',
        b'{"k": 2}{}',
        b'{"k": ' + b"[" * 100_000 + b"}",
        b'{"k": 3}',
    ]
    raw = b"\r\n".join(lines)
    result = cleaned(raw, "k")
    assert rows(result) == [("1",), ("3",)]
    want = [
        "blank-row",
        "blank-row",
        "row-error",
        "row-error",
        "row-error",
        "row-error",
        "encoding-error",
        "encoding-error",
        "row-error",
        "row-error",
    ]
    assert [each.code for each in result.rejects] == want
    assert [each.line for each in result.rejects] == list(range(2, 12))
    assert [each.raw for each in result.rejects] == [line[:65536] for line in lines[1:-1]]
    assert all(raw[each.start :].startswith(each.raw) for each in result.rejects)


def test_a_nul_that_nobody_asks_for_is_no_fault() -> None:
    assert rows(cleaned(b'{"k": 1, "other": "\\u0000"}\n', "k")) == [("1",)]


def test_other_encodings_are_decoded() -> None:
    assert rows(cleaned('{"ключ": "й"}\n'.encode("cp1251"), "ключ", encoding="cp1251")) == [("й",)]


def test_a_preview_shows_the_values_as_written() -> None:
    plan = CleaningPlan.compile(cleaning_of({"name": "k", "type": "integer"}), format_of("ndjson"))
    shown = clean_preview(plan, batch_of(b'{"k": "1", "z": [1]}\n[]\n', None))
    assert (shown[0].raw, shown[0].row) == ({"k": '"1"', "z": "[1]"}, {"k": 1})
    assert (shown[1].raw, shown[1].row) == ({"": "[]"}, None)


@pytest.mark.parametrize(
    ("text", "half"),
    [(r"\ud83d", r"\ud83d"), (r"x\\\uDC00y", r"\uDC00"), (r"\ud83d\ude00\uD83D ", r"\uD83D"), (r"\ud83d\n", r"\ud83d")],
)
def test_half_of_a_pair_is_said_to_be_one(text: str, half: str) -> None:
    (reject,) = cleaned(b'{"a": "%s"}\n{"a": "\\\\ud83d"}\n' % text.encode(), "a").rejects
    assert reject.reason == f"is no JSON object: {half} is half of a character"
