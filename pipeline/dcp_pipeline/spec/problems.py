"""Checks that many parts share: exactly one of some members, patterns in linear time, networks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_network

import msgspec

from dcp_pipeline.spec.errors import Place, SpecProblem, path_of

NOT_LINEAR = "uses look-around or a back-reference, which cannot be matched in linear time"
_NOT_LINEAR = re.compile(r"\(\?(=|!|<=|<!|P=|\()|\\[1-9]")


def exactly_one(part: msgspec.Struct, members: Iterable[str], place: Place) -> Iterator[SpecProblem]:
    """The problem of a part that has none or several of these members."""
    members = tuple(members)
    given = given_members(part, members)
    if len(given) != 1:
        found = f"has {' and '.join(given)}" if given else "has no member"
        yield SpecProblem(path_of(place), f"{found}; exactly one of {', '.join(members)} is wanted")


def given_members(part: msgspec.Struct, members: Iterable[str]) -> list[str]:
    """Those of the members, as people write them, that are set."""
    attributes = dict(zip(part.__struct_encode_fields__, part.__struct_fields__, strict=True))
    return [each for each in members if getattr(part, attributes[each]) is not None]


def not_linear(pattern: str) -> bool:
    """Whether a pattern uses look-around or a back-reference."""
    return _NOT_LINEAR.search(pattern) is not None


def pattern_problems(pattern: str | None, place: Place) -> Iterator[SpecProblem]:
    """The problem of a pattern that is not matched in linear time."""
    if pattern is not None and not_linear(pattern):
        yield SpecProblem(path_of(place), NOT_LINEAR)


def network_problems(networks: Iterable[str], place: Place) -> Iterator[SpecProblem]:
    """The problems of texts that are no networks."""
    for number, network in enumerate(networks):
        try:
            ip_network(network)
        except ValueError as error:
            yield SpecProblem(path_of((*place, number)), f"is no network such as 192.0.2.0/24: {error}")
