"""The JSON Schema of a DataCleaningPipeline, made from the model: one inline, structural schema.

Structural in Kubernetes' sense (no $ref, every node typed), so that the same tree serves editors, the parser's
error messages and the CRD.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import NODEFAULT, inspect

from dcp_pipeline.spec.model import Pipeline
from dcp_pipeline.spec.units import DURATION_PATTERN, QUANTITY_PATTERN, Duration

Schema = dict[str, Any]
WORDS_OF = "x-words-of"
_NESTED = 0
"""Times that a part which may hold itself (a filter's condition) is spelled out inside itself. Below that the parser
alone checks: a structural schema has no $ref."""


def json_schema() -> Schema:
    """The schema of the whole document, as editors use it."""
    schema = schema_of(Pipeline)
    schema["properties"]["metadata"]["additionalProperties"] = True
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "DataCleaningPipeline",
        "x-kubernetes-group-version-kind": [
            {"group": "datacleaning.io", "kind": "DataCleaningPipeline", "version": "v1beta1"}
        ],
        **schema,
    }


def schema_of(part: type) -> Schema:
    """The schema of one Struct of the model, with everything below it."""
    return _schema(inspect.type_info(part), ())


def _schema(info: inspect.Type, inside: tuple[type, ...]) -> Schema:
    match info:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            if extra and WORDS_OF in extra:
                return _words(extra[WORDS_OF], inside) | {k: v for k, v in extra.items() if k != WORDS_OF}
            return {**_schema(inner, inside), **(extra or {})}
        case inspect.UnionType(types=members):
            return _union([each for each in members if not isinstance(each, inspect.NoneType)], inside)
        case inspect.StructType():
            return _struct(info, inside)
        case inspect.VarTupleType(item_type=item, min_length=least, max_length=most):
            return _present({"type": "array", "items": _schema(item, inside), "minItems": least, "maxItems": most})
        case inspect.DictType(value_type=inspect.AnyType()):
            return {"type": "object"}
        case inspect.DictType(value_type=value, min_length=least, max_length=most):
            values = {"type": "object", "additionalProperties": _schema(value, inside)}
            return _present({**values, "minProperties": least, "maxProperties": most})
        case inspect.LiteralType(values=values):
            return {"type": "string", "enum": sorted(values)}
        case inspect.CustomType(cls=cls):
            return {"type": "string", "pattern": DURATION_PATTERN if cls is Duration else QUANTITY_PATTERN}
        case inspect.StrType(min_length=least, max_length=most, pattern=pattern):
            return _present({"type": "string", "minLength": least, "maxLength": most, "pattern": pattern})
        case inspect.IntType(ge=least, le=most):
            return _present({"type": "integer", "minimum": least, "maximum": most})
        case inspect.FloatType(ge=least, le=most):
            return _present({"type": "number", "minimum": least, "maximum": most})
        case inspect.BoolType():
            return {"type": "boolean"}
    raise NotImplementedError(f"no schema for {info}")


def _words(name: str, inside: tuple[type, ...]) -> Schema:
    """Of a part that the model keeps as it was written: the Struct of that name of kubernetes/pod."""
    from dcp_pipeline.spec.kubernetes.pod import template

    return _schema(inspect.type_info(getattr(template, name)), inside)


def _union(members: list[inspect.Type], inside: tuple[type, ...]) -> Schema:
    """The schema of the one member of an optional; of several plain types, a list of type names.

    Of words beside an object, both together: each of the keywords is about one of the two types only.
    """
    schemas = [_schema(each, inside) for each in members]
    if len(schemas) == 1:
        return schemas[0]
    words = [each["enum"] for each in schemas if "enum" in each]
    parts = [each for each in schemas if "properties" in each]
    if words and parts:
        description = f"One of the words {', '.join(words[0])}; or an object. {parts[0]['description']}"
        both = {"type": ["object", "string"], "pattern": f"^({'|'.join(words[0])})$", "description": description}
        return {**parts[0], **both}
    names = {each["type"] for each in schemas}
    if "array" in names:  # one, or a list: each keyword is about one of the two types only
        return {key: value for each in schemas for key, value in each.items()} | {"type": sorted(names)}
    return {"type": sorted(names - {"integer"} if "number" in names else names)}


def _struct(info: inspect.StructType, inside: tuple[type, ...]) -> Schema:
    description = " ".join((info.cls.__doc__ or "").split())
    if inside.count(info.cls) > _NESTED:
        return {"type": "object", "description": description, "x-kubernetes-preserve-unknown-fields": True}
    properties = {each.encode_name: _property(each, (*inside, info.cls)) for each in info.fields}
    schema: Schema = {"type": "object", "description": description, "properties": properties}
    required = [each.encode_name for each in info.fields if each.required]
    if required:
        schema["required"] = required
    if info.forbid_unknown_fields:
        schema["additionalProperties"] = False
    return schema


def _property(each: inspect.Field, inside: tuple[type, ...]) -> Schema:
    schema = _schema(each.type, inside)
    default = each.default
    if default is not NODEFAULT and default is not None:
        plain = msgspec.to_builtins(default, enc_hook=str)
        if plain not in ([], {}, ()):
            schema["default"] = plain
    return schema


def _present(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if value is not None}
