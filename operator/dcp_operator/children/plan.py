"""From the children that are wanted and those that there are to what is to be done. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any

import msgspec

from dcp_operator.children.children import Child
from dcp_operator.children.drift import difference, digest, projection
from dcp_operator.ground.kinds import CONFIG_MAP, DEPLOYMENT, Kind
from dcp_operator.ground.names import (
    APPLIED_ANNOTATION,
    ASKED_ANNOTATION,
    FIELD_MANAGER,
    INSTANCE,
    SCALER_FIELD_MANAGER,
    PipelineKey,
)


@dataclass(frozen=True, slots=True)
class ChildKey:
    """Which object."""

    kind: Kind
    namespace: str
    name: str


class Live(msgspec.Struct, frozen=True, gc=False):
    """An object as the cluster has it, without its managedFields. What is asked for all the time is at hand; the whole
    is kept as text, which takes a quarter of the room: of 10,000 pipelines there are 100,000 of them."""

    key: ChildKey
    uid: str
    version: int
    pipeline: PipelineKey
    """Which pipeline's label it bears."""
    controller: str | None
    """The uid of the object that it belongs to."""
    going: bool
    """Whether it is being deleted."""
    text: bytes
    replicas_owners: frozenset[str] = frozenset()
    """The field managers of spec.replicas, where it is a Deployment."""

    @property
    def document(self) -> dict[str, Any]:
        """All of it, read from the text each time."""
        found: dict[str, Any] = msgspec.json.decode(self.text)
        return found

    def with_replicas(self, replicas: int, owners: frozenset[str]) -> Live:
        """The same, with another spec.replicas."""
        document = self.document
        document["spec"]["replicas"] = replicas
        return msgspec.structs.replace(self, text=msgspec.json.encode(document), replicas_owners=owners)


@dataclass(frozen=True)
class Apply:
    """Apply a child, for a reason."""

    child: Child
    reason: str
    new: bool = False


@dataclass(frozen=True)
class HandOver:
    """Have the scaler own a worker Deployment's replicas, so that an apply without them leaves them alone.

    A field that its only owner no longer sends is taken away, and replicas would fall back to their default of 1.
    """

    child: Child
    replicas: int


@dataclass(frozen=True)
class Delete:
    """Delete a child that is no longer wanted."""

    key: ChildKey
    uid: str


@dataclass(frozen=True)
class Blocked:
    """Nothing can be done about this child now: the one that there is is another's, or on its way out."""

    key: ChildKey
    reason: str


Action = Apply | HandOver | Delete | Blocked


def plan(
    wanted: Sequence[Child],
    live: Mapping[ChildKey, Live],
    owner_uid: str,
    settled: Mapping[ChildKey, str],
    keda_scales: bool = False,
) -> list[Action]:
    """What is to be done, in order. Empty when all is as it should be. Former specs stay: former_specs.py says when
    they go.

    `settled` holds echo() of what the server made of our last apply of a child: a value that it writes in another
    way than we do is no difference, once it was sent. While `keda_scales`, replicas are left to whoever has them, once
    that is not we alone.
    """
    actions: list[Action] = []
    for child in wanted:
        actions += _for_child(child, live.get(key_of(child)), owner_uid, settled.get(key_of(child)), keda_scales)
    keys = {key_of(child) for child in wanted}
    actions += [
        Delete(key, each.uid)
        for key, each in live.items()
        if key.kind != CONFIG_MAP and key not in keys and each.controller == owner_uid and not each.going
    ]
    return actions


def by_release(action: Action, live: Mapping[ChildKey, Live]) -> bool:
    """Whether it would renew pods of which people ask nothing new: a release of the operator wants them otherwise."""
    if not isinstance(action, Apply) or action.child.kind != DEPLOYMENT:
        return False
    found = live.get(key_of(action.child))
    if found is None:
        return False
    document = found.document
    there = document["metadata"].get("annotations") or {}
    asked = action.child.document["metadata"].get("annotations", {}).get(ASKED_ANNOTATION)
    foreign = there.get(APPLIED_ANNOTATION) == digest(action.child.document)  # changed by hand: mended at once
    replicas = action.child.document["spec"].get("replicas")
    steered = replicas not in (None, document["spec"].get("replicas", 1))  # paused, drained: no release does that
    same = there.get(ASKED_ANNOTATION, asked) == asked and APPLIED_ANNOTATION in there
    return same and not foreign and not steered


def key_of(child: Child) -> ChildKey:
    return ChildKey(child.kind, str(child.document["metadata"]["namespace"]), child.name)


def echo(child: Child, live: Mapping[str, Any]) -> str:
    """What the server made of a child: a digest over both sides."""
    return digest([child.document, projection(child.document, live)])


def _for_child(child: Child, live: Live | None, owner_uid: str, settled: str | None, keda_scales: bool) -> list[Action]:
    if live is None:
        born = [] if child.replicas_at_birth is None else [HandOver(child, child.replicas_at_birth)]
        return [Apply(child, "there is none", new=True), *born]
    if live.going:
        return [Blocked(key_of(child), "is being deleted")]
    if live.controller not in (owner_uid, None):
        return [Blocked(key_of(child), "is there already, and is of another owner")]
    actions: list[Action] = []
    if child.replicas_at_birth is not None and not _handed_over(live.replicas_owners, keda_scales):
        actions.append(HandOver(child, int(live.document["spec"].get("replicas", 1))))
    reason = difference(child.document, live.document)
    if live.controller is None:
        reason = "it bears our labels and is nobody's: it is adopted"
    if reason and settled != echo(child, live.document):
        actions.append(Apply(child, reason))
    return actions


def _handed_over(owners: frozenset[str], keda_scales: bool) -> bool:
    return bool(owners - {FIELD_MANAGER}) if keda_scales else SCALER_FIELD_MANAGER in owners


def to_live(kind: Kind, document: Mapping[str, Any]) -> Live:
    """What is kept of an object that the API server sent."""
    metadata = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
    owners: frozenset[str] = frozenset()
    if kind == DEPLOYMENT:
        owners = frozenset(
            str(each.get("manager"))
            for each in document["metadata"].get("managedFields", ())
            if "f:replicas" in (each.get("fieldsV1") or {}).get("f:spec", {})
        )
    namespace = intern(str(metadata["namespace"]))
    return Live(
        key=ChildKey(kind, namespace, str(metadata["name"])),
        uid=str(metadata["uid"]),
        version=int(metadata["resourceVersion"]),
        pipeline=PipelineKey(namespace, intern(str(metadata.get("labels", {}).get(INSTANCE, "")))),
        controller=controller_of(document),
        going="deletionTimestamp" in metadata,
        text=msgspec.json.encode({**document, "metadata": metadata}),
        replicas_owners=owners,
    )


def controller_of(document: Mapping[str, Any]) -> str | None:
    """The uid of what an object belongs to, if it does to anything."""
    references = document["metadata"].get("ownerReferences") or ()
    return next((intern(str(each["uid"])) for each in references if each.get("controller")), None)
