"""`dcp test`: the examples of the docs hold, and what does not hold is told and fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dcp_cli.__main__ import main
from support.dcp_process import EXAMPLES

SPEC: dict[str, Any] = {
    "apiVersion": "datacleaning.io/v1beta1",
    "kind": "DataCleaningPipeline",
    "metadata": {"name": "orders"},
    "spec": {
        "sources": [{"name": "orders", "file": {"path": "a.csv"}, "format": {"type": "csv"}}],
        "cleaning": {
            "fields": [
                {"name": "id", "type": "integer", "constraints": {"required": True}},
                {"name": "amount", "type": "decimal", "precision": 9, "scale": 2},
            ],
            "unique": ["id"],
        },
    },
}


def written(folder: Path, examples: Any, inside: bool = False, format_type: str = "csv") -> Path:
    spec = json.loads(json.dumps(SPEC))
    spec["spec"]["sources"][0]["format"]["type"] = format_type
    path = folder / "orders.yaml"
    document = {"kind": "Examples", "examples": examples}
    path.write_text(json.dumps(spec) + (f"\n---\n{json.dumps(document)}\n" if inside else ""))
    if not inside:
        (folder / "orders.examples.yaml").write_text(json.dumps(document))
    return path


def tried(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["test", *arguments])


def test_the_bundled_spec_does_what_its_examples_say() -> None:
    assert tried(str(EXAMPLES / "botnet.yaml")).exit_code == 0
    assert CliRunner().invoke(main, ["validate", "--examples", str(EXAMPLES / "botnet.yaml")]).exit_code == 0


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("format_type", ["csv", "tsv", "ndjson"])
def test_labels_with_values_are_written_as_the_format_has_them(tmp_path: Path, inside: bool, format_type: str) -> None:
    examples = [
        {"in": {"id": 1, "amount": "2.5"}, "out": {"id": 1, "amount": 2.50}},
        {"in": {"id": "x,y", "amount": "2.5"}, "reject": {"code": "type-error", "field": "id"}},
        {"in": [{"id": 1}, {"id": 1}], "dropped": "duplicate"},
    ]
    result = tried(str(written(tmp_path, examples, inside, format_type)))
    assert (result.exit_code, result.output.count("ok ")) == (0, 3), result.output


def test_an_example_that_does_not_hold_fails_and_says_what_it_is(tmp_path: Path) -> None:
    spec = str(written(tmp_path, [{"name": "half", "in": "id,amount\n1,2.5\n", "out": {"amount": 3}}]))
    result = tried(spec)
    assert result.exit_code == 1
    assert "FAILED  half" in result.output
    assert "amount: wanted: 3; it is 2.50" in result.output
    answer = json.loads(tried(spec, "-o", "json").output)
    assert (answer["passed"], answer["examples"][0]["name"]) == (False, "half")


@pytest.mark.parametrize(
    ("examples", "told"),
    [
        ([{"in": "1"}], "exactly one of out, reject and dropped"),
        ([{"in": "1", "out": {"total": 1}}], "total: no such fields"),
        ([{"in": "1", "out": {}, "source": "invoices"}], "'invoices' is no source"),
        ([{"in": "1", "outt": {}}], "outt"),
    ],
)
def test_an_example_that_is_none_is_named(tmp_path: Path, examples: Any, told: str) -> None:
    result = tried(str(written(tmp_path, examples)))
    assert result.exit_code == 2
    assert told in result.output


def test_no_examples_are_no_success(tmp_path: Path) -> None:
    spec = written(tmp_path, [])
    result = tried(str(spec))
    assert result.exit_code == 1
    assert "has no examples" in result.output
