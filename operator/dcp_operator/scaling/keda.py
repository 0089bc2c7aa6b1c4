"""`scaling.engine: keda`: the ScaledObject by which KEDA scales the workers instead of scaler.py. Pure.

The trigger is KEDA's Redis scaler, of which there are three by how the server is found, on `{queue}:age`, a sorted set
of all batches that are not done: its size is the very backlog that scaler.py goes by, what is in flight included
(docs/adr/0037).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dcp_operator.children.children import Child, Wanted, annotated, child
from dcp_operator.children.plan import Live
from dcp_operator.ground.kinds import DEPLOYMENT, SCALED_OBJECT, TRIGGER_AUTHENTICATION
from dcp_operator.ground.names import child_name
from dcp_operator.scaling.server import seen_from_outside
from dcp_operator.status.conditions import moment_of
from dcp_operator.status.seen import KedaSeen
from dcp_pipeline.queue.keys import Keys
from dcp_pipeline.redis_url import kind_of_url, redis_url
from dcp_pipeline.scaling.of_spec import bounds_of
from dcp_pipeline.spec.model import Pipeline, Redis, ScaleDown, ScaleUp, SecretKeyRef

_TRIGGERS = {"server": "redis", "sentinel": "redis-sentinel", "cluster": "redis-cluster"}
DEFAULT_BACKLOG_PER_WORKER = 20
POLLING_SECONDS = 2
"""Between two of KEDA's looks at an idle queue: as often as scaler.py looks."""
DOWN_WINDOW_SECONDS = 30
"""The HPA's own default of 300 s would keep workers for five minutes after the last batch."""
FAILURE_THRESHOLD = 3
PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"
"""KEDA's own annotation: so many, whatever the trigger says."""
UNFINISHED_SECONDS = 30.0
"""A ScaledObject that is being deleted waits for KEDA. Where KEDA is gone it waits for ever; the workers must not."""


def keda_children(wanted: Wanted) -> tuple[Child, ...]:
    """ScaledObject and, where the queue's server asks for secrets, the TriggerAuthentication that names them."""
    if wanted.pipeline.spec.scaling.engine != "keda" or wanted.pipeline.spec.queue.redis is None:
        return ()
    parameters = _secret_parameters(wanted.pipeline.spec.queue.redis)
    authentication = [_trigger_authentication(wanted, parameters)] if parameters else []
    return (*authentication, _scaled_object(wanted, wanted.pipeline.spec.queue.redis, bool(parameters)))


def _trigger_authentication(wanted: Wanted, parameters: Mapping[str, SecretKeyRef]) -> Child:
    targets = [{"parameter": name, "name": ref.name, "key": ref.key} for name, ref in parameters.items()]
    return child(wanted, TRIGGER_AUTHENTICATION, "worker", "worker", spec={"secretTargetRef": targets})


def _scaled_object(wanted: Wanted, redis: Redis, authenticated: bool) -> Child:
    spec, name = wanted.pipeline.spec, child_name(wanted.owner.name, "worker")
    kind = _TRIGGERS[kind_of_url(redis.url)]
    trigger: dict[str, Any] = {"type": kind, "metadata": trigger_metadata(wanted.pipeline, redis)}
    if authenticated:
        trigger["authenticationRef"] = {"name": name}
    behavior = {"scaleUp": _up(spec.scaling.behavior.scale_up, spec.scaling.max_replicas),
                "scaleDown": _down(spec.scaling.behavior.scale_down)}  # fmt: skip
    scaled = {
        "scaleTargetRef": {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "name": name},
        "pollingInterval": POLLING_SECONDS,
        "cooldownPeriod": round(spec.scaling.cooldown.seconds),
        "minReplicaCount": bounds_of(wanted.pipeline).least,
        "maxReplicaCount": spec.scaling.max_replicas,
        "fallback": {"failureThreshold": FAILURE_THRESHOLD, "replicas": spec.scaling.fallback.replicas},
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}},
        "triggers": [trigger],
    }
    made = child(wanted, SCALED_OBJECT, "worker", "worker", spec=scaled)
    return annotated(made, {PAUSED_REPLICAS: "0"}) if spec.wanted_state == "Stopped" else made


def trigger_metadata(pipeline: Pipeline, redis: Redis) -> dict[str, str]:
    """What KEDA's Redis scaler is told; all of it text. The server is named as seen from KEDA's own namespace."""
    url = redis_url(seen_from_outside(redis.url, pipeline.metadata.namespace))
    each = pipeline.spec.scaling.backlog_per_worker or DEFAULT_BACKLOG_PER_WORKER
    addresses = ",".join(map(str, url.nodes))
    metadata = {
        **({"address": addresses} if url.kind == "server" else {"addresses": addresses}),
        **({} if url.kind == "cluster" else {"databaseIndex": str(url.database)}),
        "listName": Keys(pipeline.queue_name).age,
        "listLength": str(each),
    }
    if url.master:
        metadata["sentinelMaster"] = url.master
    if redis.sentinel and redis.sentinel.username:
        metadata["sentinelUsername"] = redis.sentinel.username
    username = redis.username or url.user
    if username:
        metadata["username"] = username
    if url.tls or (redis.tls and redis.tls.enabled):
        metadata["enableTLS"] = "true"
    if redis.tls and redis.tls.insecure_skip_verify:
        metadata["unsafeSsl"] = "true"
    return metadata


def _secret_parameters(redis: Redis) -> dict[str, SecretKeyRef]:
    values = {"password": redis.password, "sentinelPassword": redis.sentinel.password if redis.sentinel else None}
    if redis.tls and redis.tls.enabled:
        values |= {"ca": redis.tls.ca, "cert": redis.tls.cert, "key": redis.tls.key}
    return {name: value.secret_key_ref for name, value in values.items() if value is not None}


def _up(rules: ScaleUp, most: int) -> dict[str, Any]:
    """The HPA's own default, 4 pods or twice as many in 15 s, gives way to ours: as many as are wanted, at once."""
    return {
        "stabilizationWindowSeconds": rules.stabilization_window_seconds or 0,
        **_limits(rules),
        "policies": _policies(rules) or [{"type": "Pods", "value": most, "periodSeconds": 1}],
    }


def _down(rules: ScaleDown) -> dict[str, Any]:
    window = rules.stabilization_window_seconds
    policies = _policies(rules)
    return {
        "stabilizationWindowSeconds": DOWN_WINDOW_SECONDS if window is None else window,
        **_limits(rules),
        **({"policies": policies} if policies else {}),
    }


def _limits(rules: ScaleUp | ScaleDown) -> dict[str, Any]:
    tolerance = {"tolerance": str(rules.tolerance)} if rules.tolerance else {}
    return {"selectPolicy": rules.select_policy, **tolerance}


def _policies(rules: ScaleUp | ScaleDown) -> list[dict[str, Any]]:
    return [{"type": p.type, "value": p.value, "periodSeconds": p.period_seconds} for p in rules.policies]


def keda_holds(scaled_object: Live | None, now: datetime) -> bool:
    """Whether replicas are still KEDA's: there is a ScaledObject, or the last of one that KEDA is taking down."""
    if scaled_object is None:
        return False
    if not scaled_object.going:
        return True
    since = moment_of(scaled_object.document["metadata"]["deletionTimestamp"])
    return (now - since).total_seconds() < UNFINISHED_SECONDS


def keda_seen(scaled_object: Live | None) -> KedaSeen | None:
    """None where there is no ScaledObject."""
    if scaled_object is None:
        return None
    for each in scaled_object.document.get("status", {}).get("conditions") or ():
        if each["type"] == "Ready" and each["status"] != "Unknown":
            return KedaSeen(each["status"] == "True", str(each.get("message", "")))
    return KedaSeen(None, "KEDA has not taken it up: is it installed, and does it watch this namespace?")
