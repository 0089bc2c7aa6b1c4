"""Hashes of values, with and without a key."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from dcp_pipeline.spec.part import Part, SecretValue
from dcp_pipeline.spec.transforms.listed import Listed, Steps


class Digest(Part, frozen=True):
    """The hexadecimal hash of the value's UTF-8 bytes."""

    algorithm: Annotated[
        Literal["sha256", "sha512", "sha3-256", "blake3", "sha1", "md5"], Meta(description="The hash.")
    ] = "sha256"


class KeyedDigest(Part, frozen=True):
    """The hexadecimal HMAC-SHA256 of the value's UTF-8 bytes."""

    key: Annotated[SecretValue, Meta(description="The key.")]


STEPS: Steps = {
    "hash": Listed(Digest, "A hash of the value."),
    "hmac": Listed(KeyedDigest, "A hash of the value with a secret key."),
}
