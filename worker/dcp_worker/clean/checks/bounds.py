"""The values that the spec's minimum, maximum and enum name, in the field's own type."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from dcp_pipeline.spec.model import Field
from dcp_worker.clean.types.addresses import canonical_address
from dcp_worker.ground.errors import PlanError

Bound = int | float | str | bool | date | time | datetime


def read_bound(given: int | float | str | bool, field: Field, path: str) -> Bound:
    """The value in the field's type; dates and times in ISO 8601, those without offset in the field's zone.

    Raises PlanError naming `path` where it is not of that type.
    """
    try:
        bound = _read(given, field)
    except (ValueError, OverflowError):
        bound = None
    if bound is None:
        raise PlanError(path, f"{given!r} is not a value of a {field.type} field")
    return bound


def read_member(given: int | float | str | bool, field: Field, path: str) -> Bound:
    """A value of `enum` in the field's type.

    Raises PlanError naming `path` where it is not of that type.
    """
    member = read_bound(given, field, path)
    if field.type == "integer" and isinstance(member, float):
        raise PlanError(path, f"{given!r} is not a value of an integer field")
    return member


def _read(given: int | float | str | bool, field: Field) -> Bound | None:
    match field.type:
        case "string":
            return str(given)
        case "ip":
            return canonical_address(str(given))
        case "boolean":
            return _boolean(given, field)
        case "integer":
            return _integer(given)
        case "number" | "decimal":
            return None if isinstance(given, bool) else float(given)
        case "date":
            return date.fromisoformat(str(given))
        case "time":
            return time.fromisoformat(str(given))
        case "datetime":
            moment = datetime.fromisoformat(str(given))
            zoned = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(field.timezone))
            return zoned.astimezone(UTC).replace(tzinfo=None)


def _boolean(given: int | float | str | bool, field: Field) -> bool | None:
    if isinstance(given, bool):
        return given
    words = {**dict.fromkeys(field.true_values, True), **dict.fromkeys(field.false_values, False)}
    return words.get(str(given))


def _integer(given: int | float | str | bool) -> int | float | None:
    if isinstance(given, bool):
        return None
    if isinstance(given, float) and not given.is_integer():
        return given
    number = int(given)
    return number if -(2**63) <= number < 2**63 else float(number)
