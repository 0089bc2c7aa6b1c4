"""The way down: who is asked to go, who is marked, and how many may be taken away now. scale_in.py has the order.

A scale-in takes two looks, unless all go: who is found idle is marked at the first and goes at the second. Each is a
list of the pods and one call to Redis; docs/adr/0035 has the why.
"""

from __future__ import annotations

from dcp_operator.cluster.api import Api
from dcp_operator.ground.kinds import POD
from dcp_operator.ground.names import DELETION_COST_ANNOTATION, PipelineKey, selecting
from dcp_operator.scaling.queues import QueueReader
from dcp_operator.scaling.scale_in import costs_to_write, in_order_of_removal, pods_seen, removable
from dcp_operator.scaling.server import Server
from dcp_pipeline.spec.model import Pipeline


class Parting:
    """Remembers which pipelines have workers that were asked to go and are still there, and whom it let go last."""

    def __init__(self, api: Api, reader: QueueReader) -> None:
        self._api, self._reader = api, reader
        self._asked: set[PipelineKey] = set()
        self._let_go: dict[PipelineKey, list[str]] = {}

    def has_asked(self, key: PipelineKey) -> bool:
        """Whether somebody was asked to go who has not gone yet."""
        return key in self._asked

    async def spared(self, server: Server, pipeline: Pipeline, wanted: int, current: int) -> int:
        """How many workers there are to be for now, at least `wanted`: so many that only idle ones are stopped. Those
        that hold a batch are asked to take no other. ApiError, ApiUnreachable and UNREADABLE pass through."""
        key = PipelineKey(pipeline.metadata.namespace, pipeline.metadata.name)
        documents = await self._api.list(POD, key.namespace, selecting(key.name, "worker"))
        pods = in_order_of_removal(pods_seen(documents))
        surplus = len(pods) - wanted
        if surplus <= 0:
            return wanted
        self._asked.add(key)
        names = [each.name for each in pods]
        held = await self._reader.ask_to_go(server, pipeline.queue_name, names, surplus)
        idle = {name for name, count in held.items() if count == 0}
        going = removable(pods, idle, surplus)
        self._let_go[key] = [each.name for each in going]
        for pod, cost in costs_to_write(pods, idle, surplus):
            annotation = {DELETION_COST_ANNOTATION: str(cost)}
            await self._api.annotate(POD, key.namespace, pod.name, pod.uid, annotation)
        if len(going) == surplus:
            self._asked.discard(key)
        return min(current, len(pods) - len(going))

    async def stay(self, server: Server, pipeline: Pipeline) -> None:
        """Whoever was asked to go is to stay after all, but for those that the last write let go: a controller that is
        slow may only now remove them, and they must not have begun anything. UNREADABLE passes through."""
        key = PipelineKey(pipeline.metadata.namespace, pipeline.metadata.name)
        let_go = self._let_go.get(key, [])
        await self._reader.ask_to_go(server, pipeline.queue_name, let_go, len(let_go))
        self._asked.discard(key)

    def forget(self, key: PipelineKey) -> None:
        """The pipeline is gone."""
        self._asked.discard(key)
        self._let_go.pop(key, None)
