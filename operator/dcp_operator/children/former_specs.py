"""The specs of former revisions: kept as long as a pod may need one, then deleted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dcp_operator.children.children import Child
from dcp_operator.children.plan import ChildKey, Delete, Live, key_of
from dcp_operator.ground.kinds import CONFIG_MAP, DEPLOYMENT


def former_specs(
    wanted: Sequence[Child],
    live: Mapping[ChildKey, Live],
    owner_uid: str,
    is_out: Callable[[Mapping[str, Any]], bool],
) -> list[Delete]:
    """The ConfigMaps of this pipeline that none of its wanted pods reads; none while a Deployment may still make pods
    that do. (A ReplicaSet of an older revision makes none once its Deployment is out, which `is_out` tells.)"""
    names = {key_of(each) for each in wanted}
    former = [
        Delete(key, each.uid)
        for key, each in live.items()
        if key.kind == CONFIG_MAP and key not in names and each.controller == owner_uid and not each.going
    ]
    deployments = [key_of(each) for each in wanted if each.kind == DEPLOYMENT]
    if not former or not deployments or not live.keys() >= {*deployments}:
        return []
    documents = [live[each].document for each in deployments]
    templates = [each["spec"]["template"] for each in documents if is_out(each)]
    out = len(templates) == len(documents)
    return [each for each in former if out and not any(_reads(one["spec"], each.key.name) for one in templates)]


def unread(former: Sequence[Delete], pods: Sequence[Mapping[str, Any]]) -> list[Delete]:
    """Those that no pod reads, also none that is ending."""
    return [each for each in former if not any(_reads(pod.get("spec") or {}, each.key.name) for pod in pods)]


def _reads(pod_spec: Mapping[str, Any], name: str) -> bool:
    volumes = pod_spec.get("volumes") or ()
    return any((each.get("configMap") or {}).get("name") == name for each in volumes)
