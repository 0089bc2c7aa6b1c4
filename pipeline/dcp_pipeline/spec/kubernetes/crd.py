"""The CustomResourceDefinition, made from the model: the schema of schema.py with Kubernetes' own words added.

model.py says what there is, crd_rules.py what must hold across fields, status.py what the operator reports.
scripts/make_crd.py writes it to manifests/crd.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dcp_pipeline.spec.kubernetes.crd_rules import RULES
from dcp_pipeline.spec.kubernetes.rule import Rule
from dcp_pipeline.spec.kubernetes.status import Status
from dcp_pipeline.spec.model import API_VERSION, EARLIER_API_VERSION, KIND, LABEL_PATTERN, Spec
from dcp_pipeline.spec.schema import Schema, schema_of

GROUP, VERSION = API_VERSION.split("/")
PLURAL = "datacleaningpipelines"

_SCALE = {"specReplicasPath": ".spec.scaling.minReplicas", "statusReplicasPath": ".status.workers.replicas"}
"""`kubectl scale dcp/NAME --replicas 3` has at least three workers, until it says 0; the queue decides above that."""

_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

LONGEST_STRING = 1024
"""Of strings for which the model names no limit: an unlimited one would spend the budget of every rule near it."""
LONGEST_LIST = 256
"""Of lists for which the model names no limit."""
_LIST_KEYS = {"sources": "name", "cleaning.fields": "name", "status.conditions": "type"}
_SETS = {"cleaning.unique"}
_WITHOUT_DEFAULT = {"deletionPolicy"}
"""Fields that are newer than some release: what the API server fills in by itself, an operator of that release takes
for a mistake. The model has their default (docs/adr/0155)."""


def custom_resource_definition() -> Schema:
    """The CRD as a document."""
    return definition(
        KIND, PLURAL, "dcp", _printer_columns(), _document(), scale=_SCALE, earlier=EARLIER_API_VERSION.split("/")[1]
    )


def definition(
    kind: str, plural: str, short: str, columns: list[Schema], document: Schema, scale: Schema | None = None,
    earlier: str | None = None,
) -> Schema:  # fmt: skip
    """The CRD of one kind of the group. `earlier` is a version that is served with the same words, and deprecated."""
    what = {
        "subresources": {"status": {}, **({"scale": scale} if scale else {})},
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": document},
    }
    versions = [{"name": VERSION, "served": True, "storage": True, **what}]
    if earlier:
        told = f"{GROUP}/{earlier} {kind} is going to go: write {API_VERSION}, nothing else changes"
        deprecated = {"deprecated": True, "deprecationWarning": told}
        schema = {"schema": {"openAPIV3Schema": _terse(document)}}
        versions.append({"name": earlier, "served": True, "storage": False, **deprecated, **what, **schema})
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["all"],
            },
            "versions": versions,
        },
    }


def _terse(schema: Any) -> Any:
    """The same words without their descriptions, and what is laid over pods not spelled out: both versions must fit
    into the annotation of a client-side apply. What is wrong there the operator tells (InvalidSpec)."""
    if isinstance(schema, list):
        return [_terse(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _terse(each) for key, each in schema.items() if key != "description" or isinstance(each, dict)}
    for component in ("fetcher", "worker"):
        if "podTemplate" in (words := kept.get("properties", {}).get(component, {}).get("properties", {})):
            words |= dict.fromkeys(("podTemplate", "resources"), _ANYTHING)
    return kept


def metadata(longest_name: int) -> Schema:
    """What is asked of the resource's own name."""
    name = {"type": "string", "pattern": LABEL_PATTERN, "maxLength": longest_name}
    return {"type": "object", "properties": {"name": name}}


def _document() -> Schema:
    return {
        "type": "object",
        "description": "A pipeline that fetches messy records, cleans them and writes them to a SQL table, with books "
        "that balance: read = written + duplicates + rejected + filtered + dead.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": API_VERSION},
            "kind": {"type": "string", "description": KIND},
            "metadata": metadata(63),
            "spec": structural(schema_of(Spec), ""),
            # Whoever waits for a condition must not take a resource that nobody has looked at yet for a settled one.
            "status": {**structural(schema_of(Status), "status"), "default": {"observedGeneration": -1}},
        },
    }


def column(name: str, kind: str, path: str, description: str, **more: Any) -> Schema:
    """A column of `kubectl get`."""
    return {"name": name, "type": kind, "jsonPath": path, "description": description, **more}


def _printer_columns() -> list[Schema]:
    ready = '.status.conditions[?(@.type=="Ready")]'
    return [
        column("Ready", "string", f"{ready}.status", "Whether the pipeline works as the spec asks."),
        column("Backlog", "integer", ".status.backlog.batches", "Batches not yet done."),
        column("Workers", "integer", ".status.workers.replicas", "Worker pods."),
        column("Rows", "integer", ".status.records.written", "Rows written to the clean table."),
        column("Rejected", "integer", ".status.records.rejected", "Records refused."),
        column("Age", "date", ".metadata.creationTimestamp", "Since the resource was made."),
        column("Reason", "string", f"{ready}.message", "Why it is ready or not.", priority=1),
    ]


def structural(schema: Schema, place: str, rules: Mapping[str, tuple[Rule, ...]] = RULES) -> Schema:
    """One node of the schema, and all below it, as a CRD wants it. `place` is where it stands in the spec.

    Types that are unions have no structural form: such values pass as they are, and the operator's parser checks
    them. Defaults of whole objects and lists stay in the parser too, so that resources are stored as they were
    written; and those of fields that are new.
    """
    if schema.get("x-kubernetes-int-or-string"):
        return {key: value for key, value in schema.items() if key != "type"}
    if isinstance(schema.get("type"), list):
        return {"description": schema.get("description", ""), "x-kubernetes-preserve-unknown-fields": True}
    node = {key: value for key, value in schema.items() if key not in ("properties", "items", "additionalProperties")}
    if isinstance(node.get("default"), (dict, list, tuple)) or place in _WITHOUT_DEFAULT:
        node.pop("default", None)
    if node["type"] == "string" and "enum" not in node:
        node.setdefault("maxLength", LONGEST_STRING)
    if node["type"] == "integer":
        node["format"] = "int64"
    if "properties" in schema:
        node["properties"] = {
            name: structural(each, f"{place}.{name}" if place else name, rules)
            for name, each in schema["properties"].items()
        }
    if "items" in schema:
        node["items"] = structural(schema["items"], f"{place}[]", rules)
        node.setdefault("maxItems", LONGEST_LIST)
        node |= _list_type(place)
    if isinstance(schema.get("additionalProperties"), dict):
        node["additionalProperties"] = structural(schema["additionalProperties"], f"{place}.*", rules)
        node.setdefault("maxProperties", 64)
    if place in rules:
        node["x-kubernetes-validations"] = [_validation(rule) for rule in rules[place]]
    return node


def _list_type(place: str) -> Schema:
    if place in _LIST_KEYS:
        return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [_LIST_KEYS[place]]}
    return {"x-kubernetes-list-type": "set" if place in _SETS else "atomic"}


def _validation(rule: Rule) -> Schema:
    field = {"fieldPath": rule.field} if rule.field else {}
    return {"rule": rule.expression, "message": rule.message, **field}
