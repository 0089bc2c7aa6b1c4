"""What a column of MySQL or MariaDB holds of a field's values, unchanged."""

from __future__ import annotations

import re
from itertools import combinations

from dcp_pipeline.spec.model import Field
from dcp_worker.ground.limits import ColumnLimit
from dcp_worker.sink.shape import BATCH_BYTES, ID, RECORD, ObservedColumn

_INTEGER_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "integer": 32, "bigint": 64}
_STRINGS = frozenset({"varchar", "tinytext", "text", "mediumtext", "longtext"})
_MEMBER = re.compile(r"'((?:[^']|'')*)'")
_TIMESTAMP = (1, 2**31 - 1)
"""Seconds since 1970: 0 is no moment there, and in 2038 it ends."""
_YEARS = (1901, 2155)
"""A text 0 would be the year 2000, and 70 be 1970."""
_MOST_OF_A_SET = 8
"""Members of a SET whose sets are all told beforehand: 256."""


def holds_own(name: str, column: ObservedColumn, id_bytes: int) -> bool:
    """Whether a column can hold what is ours: identities of so many bytes, a batch's 16, a record's number."""
    if name == RECORD:
        return column.type == "bigint"
    wanted = id_bytes if name == ID else BATCH_BYTES
    return column.type in ("binary", "varbinary", "blob") and (column.type == "blob" or column.max_bytes == wanted)


def limit_of(field: Field, column: ObservedColumn) -> ColumnLimit | None:
    """None where the column would change values: an integer column rounds fractions without a warning."""
    if field.type == "string":
        return _text_limit(column)
    if column.type in (*_STRINGS, "char") and field.type == "ip":
        return ColumnLimit(column.sql_type, max_chars=column.max_chars)
    if column.type in _INTEGER_BITS and field.type in ("integer", "boolean"):
        least, most = _integer_range(column)
        return ColumnLimit(
            column.sql_type, minimum=least, maximum=most, exact=most >= 2**63, zero=not column.auto_increment
        )
    if column.type == "year" and field.type == "integer":
        return ColumnLimit(column.sql_type, minimum=_YEARS[0], maximum=_YEARS[1])
    if column.type == "decimal" and field.type in ("integer", "number", "decimal"):
        return _decimal_limit(column)
    if column.type in ("double", "float") and field.type == "number":
        return _float_limit(column)
    if column.type == field.type == "date":
        return ColumnLimit(column.sql_type)
    if column.type == "timestamp" and field.type == "datetime":
        return ColumnLimit(column.sql_type, minimum=_TIMESTAMP[0], maximum=_TIMESTAMP[1], scale=column.scale)
    if column.type == field.type and field.type in ("time", "datetime"):
        return ColumnLimit(column.sql_type, scale=column.scale)
    return None


def _text_limit(column: ObservedColumn) -> ColumnLimit | None:
    if column.type in _STRINGS:
        # An octet length of 4 per character is that of VARCHAR(n) itself, and no further limit.
        texts = column.type != "varchar"
        return ColumnLimit(
            column.sql_type,
            max_chars=None if texts else column.max_chars,
            max_bytes=column.max_bytes if texts else None,
        )
    if column.type == "char":
        return ColumnLimit(column.sql_type, max_chars=column.max_chars, trailing_blanks=False)
    if column.type == "enum":
        # Told by their exact letters: the server would take "NEW" for "new" and store that.
        return ColumnLimit(column.sql_type, members=_members(column))
    if column.type == "set" and len(members := _members(column)) <= _MOST_OF_A_SET:
        # The server sorts a set, and leaves out what stands in it twice: only what is so already comes back unchanged.
        sets = [",".join(each) for size in range(len(members) + 1) for each in combinations(members, size)]
        return ColumnLimit(column.sql_type, members=tuple(sets))
    return None


def _members(column: ObservedColumn) -> tuple[str, ...]:
    return tuple(each.replace("''", "'") for each in _MEMBER.findall(column.sql_type))


def _float_limit(column: ObservedColumn) -> ColumnLimit | None:
    if column.scale is not None or column.unsigned:
        return None
    return ColumnLimit(column.sql_type, single_precision=column.type == "float")


def _integer_range(column: ObservedColumn) -> tuple[int, int]:
    bits = _INTEGER_BITS[column.type]
    if column.unsigned:
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def _decimal_limit(column: ObservedColumn) -> ColumnLimit:
    scale = column.scale or 0
    digits = (column.precision or 10) - scale
    least = 0 if column.unsigned else None
    return ColumnLimit(column.sql_type, minimum=least, scale=scale, digits=digits, exact=True)
