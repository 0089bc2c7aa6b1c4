"""Whose turn it is: of what changes a pipeline's tables or queue, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from dcp_operator.cluster.api import Api, Document
from dcp_operator.ground.kinds import JOB, POD
from dcp_operator.ground.names import PIPELINE_LABEL, PipelineKey
from dcp_operator.tasks.runs import writer_at_work


class Turns:
    """For one event loop. Who is at work is asked of the API server, not of what a watch has told: it may lag, and a
    replica that led before may have begun one."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._locks: WeakValueDictionary[PipelineKey, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(
        self, pipeline: PipelineKey, writes: bool, ours: Callable[[Document], bool] = lambda each: False
    ) -> AsyncIterator[str | None]:
        """What has to end first, of what is not `ours`; None: begin, inside of the block."""
        if not writes:
            yield None
            return
        lock = self._locks.setdefault(pipeline, asyncio.Lock())
        async with lock:
            selector = f"{PIPELINE_LABEL}={pipeline.name}"
            jobs = await self._api.list(JOB, pipeline.namespace, selector)
            pods = await self._api.list(POD, pipeline.namespace, selector)
            yield writer_at_work(*([each for each in found if not ours(each)] for found in (jobs, pods)))
