"""What a column of SQLite holds of a field's values, unchanged."""

from __future__ import annotations

from dcp_pipeline.spec.model import Field
from dcp_worker.ground.limits import ColumnLimit
from dcp_worker.sink.shape import RECORD, ObservedColumn

_NUMERIC = frozenset({"integer", "numeric", "real"})
_AFFINITIES = {
    "string": frozenset({"text", "blob"}),
    "ip": frozenset({"text", "blob"}),
    "integer": frozenset({"integer", "numeric"}),
    "number": frozenset({"real", "numeric"}),
    "decimal": frozenset({"text", "blob"}),
    "boolean": _NUMERIC,
    # Text of these never looks like a number, so that no affinity changes it.
    "date": _NUMERIC | {"text", "blob"},
    "time": _NUMERIC | {"text", "blob"},
    "datetime": _NUMERIC | {"text", "blob"},
}


def holds_own(name: str, column: ObservedColumn) -> bool:
    """Whether a column can hold what is ours: ids of 16 bytes, the number of a record."""
    return column.type == ("integer" if name == RECORD else "blob")


def limit_of(field: Field, column: ObservedColumn) -> ColumnLimit | None:
    """SQLite holds to no declared length; but a column's affinity would make 7 of '007'."""
    declared = column.sql_type or "any"
    if field.wide and column.type in ("text", "blob"):
        return ColumnLimit(declared, exact=True)
    if column.type not in _AFFINITIES[field.type]:
        return None
    least, most = (-(2**63), 2**63 - 1) if field.wide else (None, None)
    return ColumnLimit(declared, minimum=least, maximum=most, exact=field.type == "decimal")


def affinity(declared: str) -> str:
    """The affinity of a declared type: https://www.sqlite.org/datatype3.html#determination_of_column_affinity"""
    upper = declared.upper()
    if "INT" in upper:
        return "integer"
    if any(word in upper for word in ("CHAR", "CLOB", "TEXT")):
        return "text"
    if "BLOB" in upper or not upper:
        return "blob"
    return "real" if any(word in upper for word in ("REAL", "FLOA", "DOUB")) else "numeric"
