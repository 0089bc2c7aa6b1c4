"""Telephone numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from dcp_pipeline.spec.part import Part
from dcp_pipeline.spec.transforms.listed import OTHERWISE, Listed, Otherwise, Steps


class Phone(Part, frozen=True):
    """A telephone number in one spelling."""

    country: Annotated[
        Annotated[str, Meta(pattern="^[A-Z]{2}$", max_length=2)] | None,
        Meta(description="Country of numbers that name none (ISO 3166, two letters)."),
    ] = None
    format: Annotated[Literal["e164", "international", "national", "rfc3966"], Meta(description="The spelling.")] = (
        "e164"
    )
    otherwise: Annotated[Otherwise, Meta(description=OTHERWISE)] = "reject"


STEPS: Steps = {"phone": Listed(Phone, "A telephone number in one spelling.", bare=True)}
