"""A whole verify, page by page: each page is a snapshot of its own, small enough for any table, and a place from which
a verify that was killed goes on.

    rows         batches in the order of their ids, each with its rows; and rows of batches that nobody knows
    identities   in their order: does one stand there twice?
    objects      in their order: rejects, counts, gaps, digests, what waits, is dead or unavailable
    rest         what is of no object; the totals
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, inspect, text

from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.verify.findings import VerifyReport

ROWS_AT_ONCE = 500_000
"""Of a page, or one batch."""
BATCHES_AT_ONCE = 1_000
OBJECTS_AT_ONCE = 2_000


class Part(StrEnum):
    """What is gone through, in this order."""

    ROWS = "rows"
    IDENTITIES = "identities"
    OBJECTS = "objects"
    REST = "rest"


PARTS = tuple(Part)


class Page(msgspec.Struct, frozen=True):
    """What stands behind `after` ("" is the beginning) up to `upto`; None: to the end."""

    part: Part
    after: str = ""
    upto: str | None = None

    @property
    def fraction(self) -> float:
        """How far ids go that are hashes, as batches' are: of `rows` only."""
        return 1.0 if self.upto is None else int(self.upto[:8], 16) / 2**32


def _has_key(connection: Connection, table: str, column: str) -> bool:
    """Whether rows of the clean table can be found by it; what has no key is one page."""
    look = inspect(connection)
    firsts = look.get_pk_constraint(table)["constrained_columns"][:1]
    firsts += [each["column_names"][0] for each in look.get_unique_constraints(table)]
    firsts += [name for each in look.get_indexes(table) for name in each["column_names"][:1] if name is not None]
    return column in firsts


def next_page(connection: Connection, pipeline: str, table: str | None, part: Part, after: str) -> Page:
    """The page behind `after`."""
    upto: str | None = None
    match part:
        case Part.ROWS if table is None or _has_key(connection, table, "_dcp_batch"):
            upto = _batches(connection, pipeline, after)
        case Part.IDENTITIES if table is not None and _has_key(connection, table, "_dcp_id"):
            upto = _identities(connection, table, after)
        case Part.OBJECTS:
            upto = _objects(connection, pipeline, after)
        case _:
            pass
    return Page(part, after, upto)


def _batches(connection: Connection, pipeline: str, after: str) -> str | None:
    query = text("SELECT id, pipeline, records FROM dcp_batches WHERE id > :after ORDER BY id LIMIT :most")
    found = list(connection.execute(query, {"after": after, "most": BATCHES_AT_ONCE}))
    rows = 0
    for row in found:
        rows += row.records if row.pipeline == pipeline else 0
        if rows >= ROWS_AT_ONCE:
            return str(row.id)
    return str(found[-1].id) if len(found) == BATCHES_AT_ONCE else None


def _identities(connection: Connection, table: str, after: str) -> str | None:
    quoted = connection.dialect.identifier_preparer.quote_identifier(table)
    behind = f"_dcp_id > X'{bytes.fromhex(after).hex()}'" if after else "_dcp_id IS NOT NULL"
    query = (
        f"SELECT {dialect_of(connection).hex_of('_dcp_id')} FROM {quoted} "  # noqa: S608
        f"WHERE {behind} ORDER BY _dcp_id LIMIT 1 OFFSET {ROWS_AT_ONCE - 1}"
    )
    found = connection.exec_driver_sql(query).scalar()
    return None if found is None else str(found)


def _objects(connection: Connection, pipeline: str, after: str) -> str | None:
    query = text(
        "SELECT number FROM dcp_objects WHERE pipeline = :pipeline AND number > :after ORDER BY number "
        "LIMIT 1 OFFSET :most"
    )
    values = {"pipeline": pipeline, "after": int(after or 0), "most": OBJECTS_AT_ONCE - 1}
    found = connection.execute(query, values).scalar()
    return None if found is None else str(found)


def objects_of(connection: Connection, pipeline: str, page: Page) -> list[str]:
    """The ids of the objects of a page."""
    upto = "" if page.upto is None else "AND number <= :upto"
    query = text(
        f"SELECT id FROM dcp_objects WHERE pipeline = :pipeline AND number > :after {upto} ORDER BY number"  # noqa: S608
    )
    values = {"pipeline": pipeline, "after": int(page.after or 0)}
    return list(connection.execute(query, values | ({"upto": int(page.upto)} if page.upto else {})).scalars())


class Passed(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a verify has come: up to `upto` of `part`, with so much looked at on pages where nothing was found.
    Pages where something was found are looked at `again` by whoever goes on: it may be mended since."""

    part: Part = Part.ROWS
    upto: str = ""
    objects: int = 0
    batches: int = 0
    rows: int = 0
    rejects: int = 0
    identities: int = 0
    again: tuple[Page, ...] = ()


def passed_with(passed: Passed, page: Page, report: VerifyReport, again: bool) -> Passed:
    """What is passed once this page is, which an earlier verify may have looked at before (`again`)."""
    others = tuple(each for each in passed.again if each != page)
    # The last page is looked at by whoever goes on, in any case.
    noted = report.findings and page.part is not PARTS[-1]
    passed = replace(passed, again=(*others, page) if noted else others)
    if not report.findings:
        passed = replace(
            passed,
            objects=passed.objects + report.objects,
            batches=passed.batches + report.batches,
            rows=passed.rows + report.rows,
            rejects=passed.rejects + report.rejects,
        )
    if again:
        return passed
    if page.upto is not None:
        identities = passed.identities + (ROWS_AT_ONCE if page.part is Part.IDENTITIES else 0)
        return replace(passed, part=page.part, upto=page.upto, identities=identities)
    behind = PARTS[PARTS.index(page.part) + 1 :]
    return replace(passed, part=behind[0] if behind else page.part, upto="")


Tell = Callable[[Page, Passed], None]
"""Called after each page, with all that is passed."""


def untold(page: Page, passed: Passed) -> None:
    """Nobody asks."""
