"""Volumes: the kinds that the `restricted` profile allows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.kubernetes.pod.shared import (
    Amount,
    FieldRef,
    LabelSelector,
    PullSecret,
    ResourceFieldRef,
    Text,
    Texts,
)
from dcp_pipeline.spec.part import Part

_Mode = Annotated[int | None, Meta(description="Permission bits, in decimal.")]


class KeyToPath(Part, frozen=True):
    """A key, and the file that it becomes."""

    key: Annotated[Text, Meta(description="The key.")]
    path: Annotated[Text, Meta(description="The file, below the volume.")]
    mode: _Mode = None


_Items = Annotated[tuple[KeyToPath, ...], Meta(description="Only these keys; all where nothing is said.")]


class ConfigMapVolume(Part, frozen=True):
    """A ConfigMap of this namespace, as files."""

    name: Annotated[Text, Meta(description="Its name.")]
    items: _Items = ()
    default_mode: _Mode = None
    optional: Annotated[bool | None, Meta(description="Whether it may be missing.")] = None


class SecretVolume(Part, frozen=True):
    """A Secret of this namespace, as files."""

    secret_name: Annotated[Text, Meta(description="Its name.")]
    items: _Items = ()
    default_mode: _Mode = None
    optional: Annotated[bool | None, Meta(description="Whether it may be missing.")] = None


class DownwardItem(Part, frozen=True):
    """A fact about the pod, as a file."""

    path: Annotated[Text, Meta(description="The file, below the volume.")]
    field_ref: Annotated[FieldRef | None, Meta(description="A field of the pod.")] = None
    resource_field_ref: Annotated[ResourceFieldRef | None, Meta(description="A container's request or limit.")] = None
    mode: _Mode = None


class DownwardVolume(Part, frozen=True):
    """Facts about the pod, as files."""

    items: Annotated[tuple[DownwardItem, ...], Meta(description="The files.")] = ()
    default_mode: _Mode = None


class ProjectedNames(Part, frozen=True):
    """Keys of a Secret or ConfigMap."""

    name: Annotated[Text, Meta(description="Its name.")]
    items: _Items = ()
    optional: Annotated[bool | None, Meta(description="Whether it may be missing.")] = None


class Token(Part, frozen=True):
    """A token of the pod's service account."""

    path: Annotated[Text, Meta(description="The file, below the volume.")]
    audience: Annotated[Text | None, Meta(description="For whom.")] = None
    expiration_seconds: Annotated[Annotated[int, Meta(ge=600)] | None, Meta(description="How long it lasts.")] = None


class TrustBundle(Part, frozen=True):
    """A ClusterTrustBundle."""

    path: Annotated[Text, Meta(description="The file, below the volume.")]
    name: Annotated[Text | None, Meta(description="Its name.")] = None
    signer_name: Annotated[Text | None, Meta(description="Or all of a signer.")] = None
    label_selector: Annotated[LabelSelector | None, Meta(description="Of the signer's, those with such labels.")] = None
    optional: Annotated[bool | None, Meta(description="Whether it may be missing.")] = None


class Projection(Part, frozen=True):
    """One of several in a volume."""

    config_map: Annotated[ProjectedNames | None, Meta(description="A ConfigMap.")] = None
    secret: Annotated[ProjectedNames | None, Meta(description="A Secret.")] = None
    downward: Annotated[DownwardVolume | None, Meta(description="Facts about the pod.")] = msgspec.field(
        default=None, name="downwardAPI"
    )
    service_account_token: Annotated[Token | None, Meta(description="A token.")] = None
    cluster_trust_bundle: Annotated[TrustBundle | None, Meta(description="Certificates to trust.")] = None


class ProjectedVolume(Part, frozen=True):
    """Several as one."""

    sources: Annotated[tuple[Projection, ...], Meta(description="What is put together.")]
    default_mode: _Mode = None


class EmptyDir(Part, frozen=True):
    """A folder that lives as long as the pod."""

    medium: Annotated[Text | None, Meta(description="Memory; the node's disk where nothing is said.")] = None
    size_limit: Annotated[Amount | None, Meta(description="Most bytes.")] = None


class Claim(Part, frozen=True):
    """A PersistentVolumeClaim of this namespace."""

    claim_name: Annotated[Text, Meta(description="Its name.")]
    read_only: Annotated[bool | None, Meta(description="Whether it is only read.")] = None


class CsiVolume(Part, frozen=True):
    """A volume that a driver makes for the pod."""

    driver: Annotated[Text, Meta(description="The driver's name.")]
    fs_type: Annotated[Text | None, Meta(description="The file system.")] = None
    read_only: Annotated[bool | None, Meta(description="Whether it is only read.")] = None
    volume_attributes: Annotated[Texts, Meta(description="What the driver is told.")] = {}
    node_publish_secret_ref: Annotated[PullSecret | None, Meta(description="A Secret for the driver.")] = None


class ImageVolume(Part, frozen=True):
    """What is in an image, read-only."""

    reference: Annotated[Text, Meta(description="The image.")]
    pull_policy: Annotated[
        Literal["Always", "IfNotPresent", "Never"] | None, Meta(description="When it is pulled.")
    ] = None


_ClaimTemplate = Annotated[
    dict[str, Any], Meta(extra_json_schema={"x-kubernetes-preserve-unknown-fields": True}, description="The claim.")
]


class EphemeralVolume(Part, frozen=True):
    """A claim that is made for the pod and goes with it."""

    volume_claim_template: _ClaimTemplate


class Volume(Part, frozen=True):
    """A volume of the pod: exactly one kind."""

    name: Annotated[Text, Meta(description="Its name in the pod.")]
    config_map: Annotated[ConfigMapVolume | None, Meta(description="A ConfigMap.")] = None
    secret: Annotated[SecretVolume | None, Meta(description="A Secret.")] = None
    projected: Annotated[ProjectedVolume | None, Meta(description="Several as one.")] = None
    downward: Annotated[DownwardVolume | None, Meta(description="Facts about the pod.")] = msgspec.field(
        default=None, name="downwardAPI"
    )
    empty_dir: Annotated[EmptyDir | None, Meta(description="A folder as long as the pod lives.")] = None
    persistent_volume_claim: Annotated[Claim | None, Meta(description="A claim.")] = None
    ephemeral: Annotated[EphemeralVolume | None, Meta(description="A claim made for the pod.")] = None
    csi: Annotated[CsiVolume | None, Meta(description="By a driver.")] = None
    image: Annotated[ImageVolume | None, Meta(description="What is in an image.")] = None


SOURCES = tuple(each for each in Volume.__struct_encode_fields__ if each != "name")
