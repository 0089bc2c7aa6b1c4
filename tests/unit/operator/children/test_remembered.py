"""What need not be done again while nothing has changed, and what must."""

from __future__ import annotations

from typing import Any

import pytest

from dcp_operator.children.children import Child, Wanted, children_of
from dcp_operator.children.judge import Refusal
from dcp_operator.children.plan import ChildKey, Live, key_of, to_live
from dcp_operator.children.remembered import Remembered
from dcp_operator.ground.names import Owner, PipelineKey
from dcp_operator.ground.settings import PodSettings
from support.pipelines import pipeline, resource

KEY = PipelineKey("feeds", "botnet")
VERSIONS = {"feed/key": "1", "redis/password": "2", "mariadb/password": "3"}


def children() -> tuple[Child, ...]:
    return children_of(Wanted(Owner("feeds", "botnet", "uid-1"), pipeline(), VERSIONS, PodSettings("f", "w")))


def live(children: tuple[Child, ...], **metadata: Any) -> dict[ChildKey, Live]:
    there = {"uid": "u", "resourceVersion": "5", **metadata}
    return {
        key_of(each): to_live(each.kind, {**each.document, "metadata": {**each.document["metadata"], **there}})
        for each in children
    }


def test_a_spec_is_parsed_once_and_anew_when_it_or_its_uid_is_another_whatever_its_generation_says() -> None:
    known = Remembered()
    first = known.parsed(KEY, resource())
    assert known.parsed(KEY, resource(resourceVersion="11", generation=9)) is first
    changed = known.parsed(KEY, resource({"worker": {"maxAttempts": 9}}, generation=9))
    assert changed is not first
    assert known.parsed(KEY, resource({"worker": {"maxAttempts": 9}}, uid="uid-2")) is not changed
    bad = known.parsed(KEY, resource({"worker": {"maxAttempts": 0}}))
    assert isinstance(bad.pipeline, Refusal)
    assert bad.refs == ()


def test_children_are_built_anew_for_another_spec_or_another_secret() -> None:
    known, built = Remembered(), []
    first = known.parsed(KEY, resource())

    def build() -> tuple[Child, ...]:
        built.append(1)
        return children()

    one = known.built(KEY, first, VERSIONS, build)
    assert known.built(KEY, first, dict(VERSIONS), build) is one
    assert known.revision(KEY) == one.revision
    known.built(KEY, first, {**VERSIONS, "feed/key": "9"}, build)
    known.built(KEY, known.parsed(KEY, resource({"paused": True})), VERSIONS, build)
    assert len(built) == 3
    known.forget(KEY)
    assert known.revision(KEY) is None


def test_children_of_whom_nothing_happens_to_are_built_anew_when_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dcp_operator.children.remembered.MOST_CHILDREN", 2)
    known, made = Remembered(), []
    keys = [PipelineKey("feeds", name) for name in ("a", "b", "c")]

    def build() -> tuple[Child, ...]:
        made.append(1)
        return children()

    built = {key: known.built(key, known.parsed(key, resource()), VERSIONS, build) for key in keys}
    assert len(made) == 3
    assert known.children(keys[2], built[keys[2]]) == known.children(keys[1], built[keys[1]])
    assert len(made) == 3
    assert known.children(keys[0], built[keys[0]]) == children()
    assert len(made) == 4
    known.children(keys[1], built[keys[1]])
    assert len(made) == 4, "it was asked for after the third"


def test_what_was_clean_is_clean_until_a_child_changes_goes_or_comes() -> None:
    known = Remembered()
    built = known.built(KEY, known.parsed(KEY, resource()), VERSIONS, children)
    first, *rest = built.build()
    there = live((first, *rest))
    assert not known.is_clean(KEY, built, there)
    known.found_clean(KEY, built, there)
    assert known.is_clean(KEY, built, dict(there))
    assert not known.is_clean(KEY, built, {key: each for key, each in there.items() if key != key_of(first)})
    changed = {**there, **live((first,), resourceVersion="6")}
    assert not known.is_clean(KEY, built, changed)
    assert not known.is_clean(KEY, built, {**there, ChildKey(first.kind, "feeds", "more"): changed[key_of(first)]})
    other = known.built(KEY, known.parsed(KEY, resource({"paused": True})), VERSIONS, children)
    assert not known.is_clean(KEY, other, there)
