"""The pipelines that are shown, by their keys, as their files are now."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from dcp_pipeline.setup import Setup
from dcp_ui.ground.ports import Found


class Member(msgspec.Struct, frozen=True):
    """A pipeline that can be shown."""

    key: str
    path: Path
    setup: Setup


class Broken(msgspec.Struct, frozen=True):
    """A file that is no pipeline, and why."""

    path: Path
    problem: str


class Fleet(msgspec.Struct, frozen=True):
    """All of them."""

    members: dict[str, Member]
    broken: tuple[Broken, ...]


def fleet_of(found: Iterable[Found]) -> Fleet:
    """The fleet. Of two files that name the same pipeline the first counts, and the other is told."""
    members: dict[str, Member] = {}
    broken: list[Broken] = []
    for each in found:
        if each.setup is None:
            broken.append(Broken(each.path, each.problem or "cannot be read"))
            continue
        key = each.setup.pipeline.key
        if key in members:
            broken.append(Broken(each.path, f"names the pipeline {key}, as {members[key].path} does"))
        else:
            members[key] = Member(key, each.path, each.setup)
    return Fleet(members, tuple(broken))
