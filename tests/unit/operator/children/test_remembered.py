"""What need not be done again while nothing has changed, and what must."""

from __future__ import annotations

from typing import Any

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
        key_of(each): to_live({**each.document, "metadata": {**each.document["metadata"], **there}})
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


def test_what_was_clean_is_clean_until_a_child_changes_goes_or_comes() -> None:
    known = Remembered()
    built = known.built(KEY, known.parsed(KEY, resource()), VERSIONS, children)
    there = live(built.children)
    assert not known.is_clean(KEY, built, there)
    known.found_clean(KEY, built, there)
    assert known.is_clean(KEY, built, live(built.children))
    assert not known.is_clean(KEY, built, live(built.children[1:]))
    changed = {**there, **live(built.children[:1], resourceVersion="6")}
    assert not known.is_clean(KEY, built, changed)
    assert not known.is_clean(
        KEY, built, {**there, ChildKey(built.children[0].kind, "feeds", "more"): changed[key_of(built.children[0])]}
    )
    other = known.built(KEY, known.parsed(KEY, resource({"paused": True})), VERSIONS, children)
    assert not known.is_clean(KEY, other, there)
