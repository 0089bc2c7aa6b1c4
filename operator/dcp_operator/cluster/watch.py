"""kopf's part: it watches, and each event only updates the store and marks a key. rounds.py does the rest.

Event handlers alone make kopf write nothing: no finalizer, no annotation, no Event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import kopf

from dcp_operator.cluster.api import log_in
from dcp_operator.cluster.dirty import DirtyKeys
from dcp_operator.cluster.store import Store
from dcp_operator.ground.kinds import PIPELINE, Kind
from dcp_operator.ground.names import FIELD_MANAGER, MANAGED_BY, PipelineKey

WATCH_SECONDS = 300
"""A watch is opened anew after this time, so that one that has silently died is replaced."""


def kopf_settings() -> kopf.OperatorSettings:
    """Settings under which kopf watches and nothing else."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.client_timeout = WATCH_SECONDS + 30
    settings.watching.connect_timeout = 20
    settings.watching.chunk_size = 500
    settings.networking.request_timeout = 60
    return settings


def watch(
    store: Store, dirty: DirtyKeys, kinds: Sequence[Kind], settings: kopf.OperatorSettings
) -> kopf.OperatorRegistry:
    """The registry with a handler for the pipelines and for each kind of child."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(_login)
    kopf.on.event(PIPELINE.group, PIPELINE.version, PIPELINE.plural, registry=registry, id="pipeline")(
        _pipeline_handler(store, dirty)
    )
    for kind in kinds:
        selector = (kind.group, kind.version, kind.plural)
        settings.watching.label_selectors[selector] = f"{MANAGED_BY}={FIELD_MANAGER}"
        kopf.on.event(*selector, registry=registry, id=kind.plural)(_child_handler(kind, store, dirty))
    return registry


def _login(**_: Any) -> kopf.ConnectionInfo:
    return log_in()


Handler = Callable[..., Any]


def _pipeline_handler(store: Store, dirty: DirtyKeys) -> Handler:
    async def changed(event: kopf.RawEvent, **_: Any) -> None:
        document = event["object"]
        metadata = document["metadata"]
        key = PipelineKey(metadata["namespace"], metadata["name"])
        before = store.pipeline(key)
        if event["type"] == "DELETED":
            if before is not None and before["metadata"]["uid"] == metadata["uid"]:
                store.drop_pipeline(key)
            dirty.mark(key)
            return
        store.put_pipeline(document)
        if before is None or _worth_a_look(document) != _worth_a_look(before):
            dirty.mark(key)

    return changed


def _worth_a_look(document: Any) -> tuple[Any, ...]:
    """What changes when a person changes a pipeline: our own writes of its status come back too."""
    metadata = document["metadata"]
    return metadata["uid"], metadata.get("generation"), metadata.get("deletionTimestamp")


def _child_handler(kind: Kind, store: Store, dirty: DirtyKeys) -> Handler:
    async def changed(event: kopf.RawEvent, **_: Any) -> None:
        document = event["object"]
        gone = event["type"] == "DELETED"
        dirty.mark((store.drop_child if gone else store.put_child)(kind, document))

    return changed
