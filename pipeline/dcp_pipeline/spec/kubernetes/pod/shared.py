"""What several parts of a pod have in common: texts, quantities, selectors, references."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from dcp_pipeline.spec.part import Part

QUANTITY = r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"
_EITHER: dict[str, Any] = {"x-kubernetes-int-or-string": True}

Text = Annotated[str, Meta(max_length=1024)]
LongText = Annotated[str, Meta(max_length=65536)]
Texts = dict[str, LongText]
Amount = Annotated[
    Annotated[str, Meta(pattern=QUANTITY, max_length=64)] | int,
    Meta(extra_json_schema={**_EITHER, "pattern": QUANTITY}),
]
"""A quantity, as Kubernetes writes it."""
IntOrText = Annotated[Annotated[str, Meta(max_length=64)] | int, Meta(extra_json_schema=_EITHER)]
Port = Annotated[int, Meta(ge=1, le=65535)]
NEVER = Meta(description="Not allowed by the restricted profile.", extra_json_schema={"enum": [False]})


class Requirement(Part, frozen=True):
    """What a label has to be."""

    key: Annotated[Text, Meta(description="The label.")]
    operator: Annotated[
        Literal["In", "NotIn", "Exists", "DoesNotExist"], Meta(description="How it is compared with the values.")
    ]
    values: Annotated[tuple[Text, ...], Meta(description="For In and NotIn.")] = ()


class LabelSelector(Part, frozen=True):
    """Which objects, by their labels."""

    match_labels: Annotated[Texts, Meta(description="Labels that must be there, with these values.")] = {}
    match_expressions: Annotated[tuple[Requirement, ...], Meta(description="All of them must hold.")] = ()


class KeyRef(Part, frozen=True):
    """One key of a Secret or ConfigMap of this namespace."""

    name: Annotated[Text, Meta(description="Its name.")]
    key: Annotated[Text, Meta(description="The key.")]
    optional: Annotated[bool | None, Meta(description="Whether it may be missing.")] = None


class NameRef(Part, frozen=True):
    """An object of this namespace, by its name."""

    name: Annotated[Text, Meta(description="Its name.")]
    optional: Annotated[bool | None, Meta(description="Whether it may be missing.")] = None


class PullSecret(Part, frozen=True):
    """A Secret of this namespace, with which images are pulled."""

    name: Annotated[Text, Meta(description="Its name.")]


class FieldRef(Part, frozen=True):
    """A field of the pod."""

    field_path: Annotated[Text, Meta(description="metadata.name, status.podIP, ...")]
    api_version: Annotated[Text | None, Meta(description="v1.")] = None


class ResourceFieldRef(Part, frozen=True):
    """A container's request or limit."""

    resource: Annotated[Text, Meta(description="limits.cpu, requests.memory, ...")]
    container_name: Annotated[Text | None, Meta(description="Whose; needed in volumes.")] = None
    divisor: Annotated[Amount | None, Meta(description="The unit that it is told in.")] = None
