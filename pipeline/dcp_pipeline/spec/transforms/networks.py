"""Transforms of IP addresses: one spelling, and whether they are in a list of networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from dcp_pipeline.spec.errors import Place, SpecProblem
from dcp_pipeline.spec.part import Part
from dcp_pipeline.spec.problems import network_problems
from dcp_pipeline.spec.transforms.listed import OTHERWISE, Listed, Otherwise, Steps, Strict


class InNetworks(Part, frozen=True):
    """Whether an address is in one of the networks: true or false."""

    networks: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
        Meta(
            description="Networks as 192.0.2.0/24 or 2001:db8::/32, or single addresses.", min_length=1, max_length=1000
        ),
    ]
    otherwise: Annotated[Otherwise, Meta(description=OTHERWISE)] = "reject"


def _cidr(rule: InNetworks, place: Place) -> Iterator[SpecProblem]:
    yield from network_problems(rule.networks, (*place, "networks"))


STEPS: Steps = {
    "ip": Listed(Strict, "An address in its canonical spelling.", bare=True),
    "isPublicIp": Listed(Strict, "Whether an address is a public one.", bare=True),
    "cidr": Listed(InNetworks, "Whether an address is in one of the networks.", problems=_cidr),
}
