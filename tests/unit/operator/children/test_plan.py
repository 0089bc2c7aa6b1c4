"""What is done about children, given what there is."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec
import pytest

from dcp_operator.children.children import Child
from dcp_operator.children.drift import difference, stamped
from dcp_operator.children.plan import Apply, Blocked, ChildKey, Delete, HandOver, Live, echo, key_of, plan, to_live
from dcp_operator.ground.kinds import CONFIG_MAP, DEPLOYMENT
from dcp_operator.ground.names import FIELD_MANAGER, SCALER_FIELD_MANAGER

OWNER = "uid-1"


def child(kind: str = "ConfigMap", replicas_at_birth: int | None = None, **content: Any) -> Child:
    document = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {
            "name": "x",
            "namespace": "feeds",
            "labels": {"app.kubernetes.io/instance": "botnet"},
            "ownerReferences": [{"uid": OWNER, "controller": True}],
        },
        **(content or {"data": {"a": "1"}}),
    }
    return Child(CONFIG_MAP if kind == "ConfigMap" else DEPLOYMENT, document, replicas_at_birth)


def live(of: Child, owner: str = SCALER_FIELD_MANAGER, **metadata: Any) -> Live:
    document = deepcopy(stamped(of.document))
    document["metadata"] |= {"uid": "uid-child", "resourceVersion": "1", **metadata}
    return owned(of, document, owner)


def owned(of: Child, document: dict[str, Any], owner: str) -> Live:
    """As somebody owns its replicas."""
    return msgspec.structs.replace(to_live(of.kind, document), replicas_owners=frozenset({owner}))


def changed(of: Child, **data: str) -> Live:
    """With other data than it was applied with."""
    document = live(of).document
    document["data"] |= data
    return owned(of, document, SCALER_FIELD_MANAGER)


WORKER = child("Deployment", 0, spec={"template": {"spec": {"containers": [{"name": "w", "image": "w:1"}]}}})


def test_nothing_is_done_when_all_is_as_it_should_be() -> None:
    one = child()
    assert plan([one], {key_of(one): live(one)}, OWNER, {}) == []
    assert plan([WORKER], {key_of(WORKER): live(WORKER)}, OWNER, {}) == []


def test_a_missing_child_is_made() -> None:
    one = child()
    assert plan([one], {}, OWNER, {}) == [Apply(one, "there is none", new=True)]


def test_a_worker_deployment_is_born_with_none_and_handed_to_the_scaler() -> None:
    assert plan([WORKER], {}, OWNER, {}) == [Apply(WORKER, "there is none", new=True), HandOver(WORKER, 0)]


def test_replicas_are_handed_over_before_anything_else_when_the_operator_died_in_between() -> None:
    found = live(WORKER, FIELD_MANAGER)
    document = {**found.document, "spec": {**WORKER.document["spec"], "replicas": 4}}
    document["spec"]["template"] = {"spec": {"containers": [{"name": "w", "image": "other"}]}}
    actions = plan([WORKER], {key_of(WORKER): owned(WORKER, document, FIELD_MANAGER)}, OWNER, {})
    assert actions[0] == HandOver(WORKER, 4)
    assert isinstance(actions[1], Apply)


def test_a_changed_wish_is_applied() -> None:
    before, now = child(data={"a": "1"}), child(data={"a": "2"})
    assert plan([now], {key_of(now): live(before)}, OWNER, {}) == [Apply(now, "it is to be otherwise now")]


def test_a_field_that_is_wanted_no_longer_is_applied_too() -> None:
    before, now = child(data={"a": "1", "b": "2"}), child(data={"a": "1"})
    assert isinstance(plan([now], {key_of(now): live(before)}, OWNER, {})[0], Apply)


def test_a_change_by_hand_is_undone_and_named() -> None:
    one = child()
    found = changed(one, a="by hand")
    assert plan([one], {key_of(one): found}, OWNER, {}) == [Apply(one, "data.a was changed")]


def test_what_others_added_is_theirs() -> None:
    one = child()
    found = changed(one, b="theirs")
    assert plan([one], {key_of(one): found}, OWNER, {}) == []


def test_a_value_that_the_server_writes_otherwise_is_sent_only_once() -> None:
    one = child(data={"a": "odd"})
    found = changed(one, a="normalised")
    settled = {key_of(one): echo(one, found.document)}
    assert plan([one], {key_of(one): found}, OWNER, settled) == []
    found = changed(one, a="by hand")
    assert len(plan([one], {key_of(one): found}, OWNER, settled)) == 1


def test_a_child_that_is_wanted_no_longer_is_deleted_another_owners_is_not() -> None:
    key = ChildKey(DEPLOYMENT, "feeds", "x")
    assert plan([], {key: live(child())}, OWNER, {}) == [Delete(key, "uid-child")]
    assert plan([], {key: live(child())}, "uid-2", {}) == []
    assert plan([], {key: live(child(), deletionTimestamp="now")}, OWNER, {}) == []


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (live(child(), ownerReferences=[{"uid": "uid-0", "controller": True}]), "of another owner"),
        (live(child(), deletionTimestamp="now"), "is being deleted"),
    ],
)
def test_what_belongs_to_another_or_is_going_is_left_alone(found: Live, reason: str) -> None:
    one = child()
    (action,) = plan([one], {key_of(one): found}, OWNER, {})
    assert isinstance(action, Blocked)
    assert reason in action.reason


@pytest.mark.parametrize(
    ("wanted", "found", "where"),
    [
        ({"cpu": "0.5"}, {"cpu": "500m"}, None),
        ({"memory": "1024Mi"}, {"memory": "1Gi"}, None),
        ({"cpu": 1}, {"cpu": "1"}, None),
        ({"cpu": "500m"}, {"cpu": "501m"}, "data.cpu"),
        ({"env": [{"name": "a", "v": 1}]}, {"env": [{"name": "z"}, {"name": "a", "v": 1, "d": 2}]}, None),
        ({"env": [{"name": "a", "v": 1}]}, {"env": [{"name": "a", "v": 2}]}, "data.env[0].v"),
        ({"env": [{"name": "a"}]}, {"env": []}, "data.env[0]"),
        ({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "a"}, {"key": "b"}]}, "data.tolerations"),
        ({"ports": [{"port": 8080}]}, {"ports": [{"port": 8080}, {"port": 22}]}, "data.ports"),
        (
            {"ports": [{"port": 1, "targetPort": 2}]},
            {"ports": [{"port": 9, "targetPort": 9}, {"port": 1, "targetPort": 2, "protocol": "TCP"}]},
            None,
        ),
        ({"e": ["a", "b"]}, {"e": ["a"]}, "data.e"),
        ({"e": {}}, {"e": {}}, None),
        ({"e": {}}, {}, None),
        ({"e": False}, {}, None),
        ({"e": True}, {}, "data.e"),
        ({"e": True}, {"e": False}, "data.e"),
    ],
)
def test_the_comparison_reads_values_as_the_server_does(wanted: Any, found: Any, where: str | None) -> None:
    one = child(data=wanted)
    actual = deepcopy(stamped(one.document)) | {"data": found}
    assert difference(one.document, actual) == (f"{where} was changed" if where else None)


def test_who_owns_the_replicas_is_read_from_the_managed_fields() -> None:
    document = live(WORKER).document
    fields = [{"manager": "dcp-scaler", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]
    metadata = {**document["metadata"], "managedFields": fields}
    found = to_live(DEPLOYMENT, {**document, "metadata": metadata})
    assert found.replicas_owners == {SCALER_FIELD_MANAGER}
    assert "managedFields" not in found.document["metadata"]
    assert not to_live(DEPLOYMENT, document).replicas_owners


def test_while_keda_scales_replicas_are_taken_from_nobody_but_ourselves() -> None:
    def planned(owner: str) -> list[Any]:
        return plan([WORKER], {key_of(WORKER): live(WORKER, owner)}, OWNER, {}, keda_scales=True)

    assert planned("keda") == planned(SCALER_FIELD_MANAGER) == []
    assert [type(each) for each in planned(FIELD_MANAGER)] == [HandOver]


def test_an_orphan_with_our_labels_is_adopted_and_keeps_its_replicas() -> None:
    for one in (child(), WORKER):
        found = live(one, ownerReferences=[])
        (action,) = plan([one], {key_of(one): found}, OWNER, {})
        assert isinstance(action, Apply)
        assert "adopted" in action.reason
        assert not action.new
