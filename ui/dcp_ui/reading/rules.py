"""What the rule says that a record broke: the field as the spec has it, and the code in words. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from dcp_pipeline.spec.model import Field, Pipeline

MEANINGS = {
    "blank-row": "No cell of the row has a value.",
    "missing-cell": "There are fewer cells than labels.",
    "extra-cell": "There are more cells than labels.",
    "missing-label": "A label that is needed is not in the header.",
    "duplicate-label": "A label stands in the header more than once.",
    "encoding-error": "The bytes are not of the encoding that the spec declares, or hold a NUL.",
    "type-error": "The value is not of the field's type or format.",
    "transform-error": "A transform cannot do with the value what it is for.",
    "constraint-error": "The value, or its absence, breaks a constraint, or does not fit the table's column.",
    "row-error": "The record as a whole cannot be read.",
}
_PROSE = ("title", "description")


def rule_of(pipeline: Pipeline, field: str | None) -> str:
    """The field as it stands in the spec, in YAML, what is the default left out; empty where there is none."""
    found = next((each for each in pipeline.spec.cleaning.fields if each.name == field), None)
    if found is None:
        return ""
    return yaml.safe_dump(_told(found), sort_keys=False, allow_unicode=True, default_flow_style=False).strip()


def _told(part: Any) -> Any:
    if isinstance(part, msgspec.Struct):
        fields = msgspec.structs.fields(part)
        plain = {each.encode_name: _told(getattr(part, each.name)) for each in fields if _differs(part, each)}
        return {name: value for name, value in plain.items() if not (isinstance(part, Field) and name in _PROSE)}
    if isinstance(part, tuple | list):
        return [_told(each) for each in part]
    if isinstance(part, dict):
        return {key: _told(each) for key, each in part.items()}
    return part if isinstance(part, str | int | float | bool | None) else str(part)


def _differs(part: msgspec.Struct, field: msgspec.structs.FieldInfo) -> bool:
    value = getattr(part, field.name)
    if field.default is not msgspec.NODEFAULT:
        return bool(value != field.default)
    if field.default_factory is not msgspec.NODEFAULT:
        return bool(value != field.default_factory())
    return True
