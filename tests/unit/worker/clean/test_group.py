"""Small batches cleaned as one: what becomes of each is what would have become of it by itself."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from dcp_pipeline.batch import OPEN_CELL, Batch
from dcp_worker.clean.group import together
from dcp_worker.clean.plan import CleaningPlan
from fuzz.records import check_together
from support.batches import batch_of, cleaning_of, format_of

FIELDS = (
    {"name": "a", "constraints": {"maxLength": 9}},
    {"name": "b", "type": "integer", "constraints": {"maximum": 50}},
    {"name": "c"},
)
CSV = (
    b"x,1,2\n", b"x,1,2", b"y,2,z\nx,1,2\ny,2,z\n", b"q,3,4\r\n", b"q,3,4\r", b"\n", b",,\n", b"z,9\n", b"z,9,8,7\n",
    b'"two\nlines",5,"a ""b"""\n', b'"open,1,2\nnext,1,2\n', b'a"b,1,2\n', b"bad,\xff\xfe,1\n", b"nul,\0,1\n",
    b"long value of a,1,2\n", b"n,x,1\n", b"n,51,1\n", b"\xef\xbb\xbfm,6,1\n", b"a,b,c\n", b"c,b,a\n", "ü,7,é\n".encode(),
    b"# none\nr,1,1\n", b"skip,1,1\ns,2,2\n", b'",1,2', b"1,2,3\n\n\n4,5,6\n", b"e\\,1,2\n",
)  # fmt: skip
NDJSON = (
    b'{"a":"x","b":1,"c":"2"}\n', b'{"a":"x"}', b'{"a":1,"b":"y"}\n{"a":null}\n', b"no json\n", b"\n", b"[1]\n",
    b'{"a":"\xff"}\n', b'{"b":99}\r\n', b'{"a":{"deep":[1,2]}}\n{"zz":1}\n',
)  # fmt: skip
LOGS = (b"h one 1\nh two x\n", b"other\n", b"h three 3", b"\n\nh four 4\n", b"\xffh five 5\n")
UNIQUE = {"unique": ["a", "b"]}


def plans() -> list[Any]:
    csv = [format_of(), format_of(commentChar="#"), format_of(blankRows="skip"), format_of(escapeChar="\\")]
    of_csv = [(form, UNIQUE) for form in csv]
    of_csv += [(csv[0], {}), (csv[0], {"unique": ["c"], "filter": [{"drop": {"field": "a", "equals": "skip"}}]})]
    of_csv += [(format_of(encoding="gb18030"), UNIQUE), (format_of(missingCells="pad", extraCells="cut"), UNIQUE)]
    logs = format_of("regex", pattern=r"^h (?P<a>\w+) (?P<b>\d+)(?P<c>.*)$")
    return [
        *(pytest.param(CSV, "a,b,c", form, words, id=f"csv {n}") for n, (form, words) in enumerate(of_csv)),
        pytest.param(NDJSON, None, format_of("ndjson"), UNIQUE, id="ndjson"),
        pytest.param(NDJSON, None, format_of("ndjson"), {}, id="ndjson by place"),
        pytest.param(LOGS, None, logs, UNIQUE, id="lines"),
    ]


def counted(plan: CleaningPlan, raw: bytes, header: str | None, number: int) -> Batch:
    """A batch as a fetcher would have counted it."""
    made = batch_of(raw, header, first_record=1 + 7 * number, start=100 * number, object_id=f"{number:032x}")
    return replace(made, id=f"{number:032x}", records=plan.clean(made).read)


@pytest.mark.parametrize(("pieces", "header", "form", "words"), plans())
def test_each_becomes_what_it_becomes_by_itself(
    pieces: Sequence[bytes], header: str | None, form: Any, words: dict[str, Any]
) -> None:
    plan = CleaningPlan.compile(cleaning_of(*FIELDS, **words), form, ordered=True)
    draw = random.Random(12)
    every = [counted(plan, piece, header, number) for number, piece in enumerate(pieces)]
    check_together(plan, every)
    for most in (2, 4, 9):
        for _ in range(6):
            check_together(plan, draw.sample(every, min(most, len(every))))
    for each in every:
        check_together(plan, [each, every[0]])


def test_other_headers_a_defect_and_one_that_lacks_its_header_do_not_meet_the_others() -> None:
    plan = CleaningPlan.compile(cleaning_of(*FIELDS, **UNIQUE), format_of())
    plain = [counted(plan, b"x,1,2\nn,?,1\n", "a,b,c", 0), counted(plan, b"z,7,x\n", "c,b,a", 1)]
    broken = replace(batch_of(b'"x,1,2\n', defect=OPEN_CELL), records=1)
    overlong = replace(batch_of(b"xxxx", defect="the record is too long", end=4000), records=1)
    twice = counted(plan, b"x,1,2\n", "a,b,b", 2)
    check_together(plan, [*plain, broken, overlong, twice, counted(plan, b"x,1,2\n", "other", 3), *plain])
    group = plan.clean_together({0: plain[0], 5: replace(plain[0], header=None), 9: plain[1]})
    assert sorted(group.accounts) == [0, 9]


def test_a_batch_of_which_the_fetcher_counted_others_is_not_hidden_by_its_neighbours() -> None:
    plan = CleaningPlan.compile(cleaning_of(*FIELDS, **UNIQUE), format_of())
    one, two = counted(plan, b"x,1,2\ny,1,2\n", "a,b,c", 0), counted(plan, b"z,1,2\n", "a,b,c", 1)
    group = plan.clean_together({0: replace(one, records=1), 1: replace(two, records=2)})
    assert [(each.read, each.batch.records) for each in group.accounts.values()] == [(2, 1), (1, 2)]


def test_groups_of_one_table_have_their_rows_in_one_frame() -> None:
    form = [format_of(), format_of(delimiter=";")]
    plans = [CleaningPlan.compile(cleaning_of(*FIELDS, **UNIQUE), each) for each in form]
    raws = (b"x,1,2\n", b"y;2;3\n")
    parts = [
        plan.clean_together({n: counted(plan, raw, "a,b,c", n)})
        for n, (plan, raw) in enumerate(zip(plans, raws, strict=True))
    ]
    merged = together(parts)
    assert (len(merged.frames), merged.frames[0]["a"].to_list()) == (1, ["x", "y"])
    assert merged.part([1]).frames[0]["a"].to_list() == ["y"]
