"""Every example of docs/rules.md does what the page says."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from dcp_pipeline.spec.transforms import WORDS, Step
from dcp_worker.clean.outside import Reachable
from dcp_worker.clean.plan import ID, RECORD, CleanedBatch, CleaningPlan
from support.batches import batch_of, cleaning_of, format_of

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "rules.md").read_text()
SECRETS = Reachable(lambda ref: {"pepper": "secret"}[ref.name], (ROOT / "examples").joinpath)


def table_rows() -> Iterator[tuple[str, str, str]]:
    """(rule, in, out) of the tables; an empty rule is the one above."""
    rule, inside = "", False
    for line in PAGE.splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        cells = [each.strip().strip("`") for each in line.strip("|").split(" | ")]
        if cells == ["rule", "in", "out"]:
            inside = True
        elif inside and len(cells) == 3:
            rule = cells[0] or rule
            yield rule, cells[1], cells[2]


def blocks() -> list[tuple[str, str, str, str]]:
    """(cleaning, csv in, words of the out fence, csv out)."""
    fence = r"```yaml cleaning\n(.*?)```\s+```csv in\n(.*?)```\s+```csv out([^\n]*)\n(.*?)```"
    return re.findall(fence, PAGE, re.DOTALL)


def plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


def cleaned(cleaning: dict[str, Any], raw: bytes, header: str | None, kind: str) -> CleanedBatch:
    plan = CleaningPlan.compile(cleaning_of(*cleaning.pop("fields"), **cleaning), format_of(kind), outside=SECRETS)
    result = plan.clean(batch_of(raw, header))
    assert result.read == result.rows.height + result.duplicates + len(result.rejects) + result.filtered
    return result


EXAMPLES = list(table_rows())


@pytest.mark.parametrize(("rule", "given", "wanted"), EXAMPLES)
def test_a_rule_makes_of_its_input_what_the_page_says(rule: str, given: str, wanted: str) -> None:
    field = yaml.safe_load("{name: value, " + rule + "}")
    value = None if given == "NULL" else json.loads(given)
    result = cleaned({"fields": [field]}, json.dumps({"value": value}).encode() + b"\n", None, "ndjson")
    if wanted.startswith("reject "):
        assert [each.code for each in result.rejects] == [wanted.removeprefix("reject ")]
    else:
        assert [plain(each) for each in result.rows["value"]] == [None if wanted == "NULL" else json.loads(wanted)], (
            result.rejects
        )


@pytest.mark.parametrize("block", blocks())
def test_a_block_makes_of_its_records_what_the_page_says(block: tuple[str, str, str, str]) -> None:
    cleaning, given, counts, wanted = block
    header, _, records = given.partition("\n")
    result = cleaned(yaml.safe_load(cleaning), records.encode(), header, "csv")
    shown = result.rows.sort(RECORD).drop(ID, RECORD)
    rows = [["" if each is None else str(plain(each)) for each in row] for row in shown.iter_rows()]
    assert [shown.columns, *rows] == list(csv.reader(io.StringIO(wanted)))
    claimed = dict(re.findall(r"(\w+)=(\d+)", counts))
    assert (result.filtered, len(result.rejects)) == (int(claimed.get("filtered", 0)), int(claimed.get("rejected", 0)))


def test_every_transform_has_an_example() -> None:
    shown = {
        each if isinstance(each, str) else next(iter(each))
        for rule, _, _ in EXAMPLES
        for each in yaml.safe_load("{" + rule + "}").get("transforms", [])
    }
    assert shown == {*WORDS, *Step.__struct_encode_fields__}


def test_the_page_has_blocks_for_computed_fields_and_filters() -> None:
    assert [("compute" in each[0], "filter" in each[0]) for each in blocks()] == [(True, False), (False, True)]
