"""One step nearer to the end of a pipeline that was deleted while its deletionPolicy was Delete. By level: from what
there is now, by whichever replica. What cannot be done is tried again for ever, and told; a person may say Retain, or
take the finalizer off. A namespace that ends is never held up: what cannot be deleted there any more is left, and told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from dcp_operator.children.children import COMPONENTS
from dcp_operator.children.judge import Refusal, missing_secrets
from dcp_operator.children.plan import controller_of
from dcp_operator.children.secret_refs import forgetting_refs
from dcp_operator.cluster.answers import ApiError, Document
from dcp_operator.cluster.api import Api
from dcp_operator.cluster.secret_reader import SecretReader
from dcp_operator.cluster.store import Store
from dcp_operator.forgetting.job import attempt_of, is_of, job, needed_by, selector_of
from dcp_operator.ground.kinds import CONFIG_MAP, DEPLOYMENT, JOB, PIPELINE, POD, Kind
from dcp_operator.ground.names import (
    FIELD_MANAGER,
    FINALIZER,
    PAUSE_ANNOTATION,
    Owner,
    child_name,
    labels,
    selecting,
)
from dcp_operator.ground.settings import PodSettings
from dcp_operator.status.at_rest import still_there
from dcp_operator.status.condition_gauges import condition_in
from dcp_operator.status.conditions import moment_of
from dcp_operator.status.events import News, Recorder
from dcp_operator.status.metrics import Metrics
from dcp_operator.status.trouble import trouble_of
from dcp_operator.tasks.runs import JOB_NAME_LABEL, ended, ended_well, result_of, suspended
from dcp_operator.tasks.turns import Turns
from dcp_pipeline.spec.model import Pipeline

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 300.0
WAY_OUT = "spec.deletionPolicy: Retain lets it go as it is, and leaves them"
NEEDS_IMAGE = Refusal(
    "NoImage", "spec.deletionPolicy is Delete, which is done by the image of `dcp`: the operator was not told DCP_IMAGE"
)


@dataclass(frozen=True)
class Waits:
    """Why it is still there, for programs and people; in how many seconds to look again, where that is not soon."""

    refusal: Refusal
    seconds: float | None = None


class _Over(Exception):
    """It may go: with this told."""

    def __init__(self, news: News, left: bool) -> None:
        super().__init__(news.note)
        self.news, self.left = news, left


class Forgetter:
    """run_once() for one that is being deleted; mark() for one that is not."""

    def __init__(
        self, api: Api, store: Store, secrets: SecretReader, turns: Turns, recorder: Recorder, metrics: Metrics,
        pods: PodSettings, now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._api, self._store, self._secrets, self._turns = api, store, secrets, turns
        self._recorder, self._metrics, self._pods, self._now = recorder, metrics, pods, now

    async def mark(self, resource: Document, pipeline: Pipeline) -> Refusal | None:
        """The finalizer where Delete is asked for, and nowhere else."""
        wanted, there = pipeline.spec.deletion_policy == "Delete", holds(resource)
        if wanted and self._pods.dcp_image is None:
            return NEEDS_IMAGE
        if wanted == there:
            return None
        others = _of_others(resource)
        try:
            made = await self._api.set_finalizers(PIPELINE, resource, [*others, FINALIZER] if wanted else others)
        except ApiError as error:
            if error.status in (404, 409) or error.passing:
                raise
            said = (
                f"the finalizer that deletionPolicy asks for cannot be set or taken off (HTTP {error.status}): {error}"
            )
            return Refusal("FinalizerRejected", said)
        self._store.put_pipeline({"apiVersion": PIPELINE.api_version, "kind": PIPELINE.kind, **made})
        return None

    async def run_once(self, owner: Owner, resource: Document, pipeline: Pipeline | Refusal) -> Waits | None:
        """None: it is gone, or will be once Kubernetes sees that nothing holds it. ApiError passes through."""
        try:
            return await self._brought_on(owner, resource, pipeline)
        except _Over as over:
            if (ending := await self._job_ends(owner)) is not None:
                return ending
            left = over.left
            await self._recorder.post(owner, over.news)
        except ApiError as error:
            if not _is_of_ending_namespace(error):
                raise
            left = True
            log.warning("its namespace ends: keys and books are left behind", extra={"pipeline": str(owner.key)})
        # Counted once: whoever finds the resource changed meanwhile, or gone already, comes here again.
        if await self._let_go(resource) and left:
            self._metrics.left_behind(owner.key)
        return None

    async def _job_ends(self, owner: Owner) -> Waits | None:
        """A Job that is to delete would outlive the resource, and take the next one's of its name: ended before."""
        at_work = [each for each in await self._api.list(JOB, owner.namespace, selector_of(owner)) if not ended(each)]
        for each in at_work:
            await self._api.delete(JOB, owner.namespace, each["metadata"]["name"], each["metadata"]["uid"])
        pods = still_there(await self._api.list(POD, owner.namespace, selector_of(owner)))
        if not at_work and not pods:
            return None
        name = (at_work or pods)[0]["metadata"]["name"]
        return Waits(Refusal("Ending", f"{name}, which deletes its keys and books, is being ended before it may go"))

    async def _let_go(self, resource: Document) -> bool:
        """Whether it was here still. ApiError 409 where it has changed."""
        try:
            await self._api.set_finalizers(PIPELINE, resource, _of_others(resource))
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return True

    async def _brought_on(self, owner: Owner, resource: Document, pipeline: Pipeline | Refusal) -> Waits:
        if resource["spec"].get("deletionPolicy", "Retain") != "Delete":
            raise _Over(
                News("Normal", "Delete", "Retained", "its keys and books stay: deletionPolicy is Retain"), False
            )
        if (resource["metadata"].get("annotations") or {}).get(PAUSE_ANNOTATION) == "true":
            await self._namespace_stands(owner)
            said = f"nothing is deleted while the annotation {PAUSE_ANNOTATION} is true; {WAY_OUT}"
            return Waits(Refusal("ReconciliationPaused", said))
        if (ending := await self._pods_end(owner, resource)) is not None:
            return ending
        await self._namespace_stands(owner)
        async with self._turns.of(owner.key, True, lambda each: is_of(owner, each)) as other:
            if other is not None:
                return Waits(Refusal("Ending", f"{other} changes its tables or queue: after it"))
            return await self._forgotten(owner, resource, pipeline)

    async def _namespace_stands(self, owner: Owner) -> None:
        """Raises ApiError of NamespaceTerminating, or 404, where nothing can be made there any more: told by what would
        be made, for a namespace's Secrets may be gone before we ask for them."""
        probe = {"apiVersion": CONFIG_MAP.api_version, "kind": CONFIG_MAP.kind,
                 "metadata": {"namespace": owner.namespace, "generateName": "dcp-forget-"}}  # fmt: skip
        try:
            await self._api.may_create(CONFIG_MAP, probe)
        except ApiError as error:
            if _is_of_ending_namespace(error) or error.passing:
                raise

    async def _pods_end(self, owner: Owner, resource: Document) -> Waits | None:
        """Whoever works for it, ended. `--cascade=orphan` leaves them at work, and then all is left."""
        ours = await self._deployments(owner)
        if "orphan" in _finalizers(resource) or any(controller_of(each) is None for each in ours):
            said = "its pods go on without it (--cascade=orphan): its keys and books stay, with them"
            raise _Over(News("Warning", "Delete", "Orphaned", said), True)
        for each in ours:
            metadata = each["metadata"]
            if controller_of(each) == owner.uid and "deletionTimestamp" not in metadata:
                await self._api.delete(DEPLOYMENT, owner.namespace, metadata["name"], metadata["uid"])
        going = still_there(await self._api.list(POD, owner.namespace, selecting(owner.name)))
        if not going:
            return None
        some = f"{len(going)} pods, {going[0]['metadata']['name']} among them,"
        return Waits(Refusal("Ending", f"{some} are ending; keys and books are deleted after that"))

    async def _deployments(self, owner: Owner) -> list[Document]:
        """Asked of the API server: what a watch has told may be older than an orphaning."""
        wanted = labels(owner.name)
        found = [await self._api.get(DEPLOYMENT, owner.namespace, child_name(owner.name, each)) for each in COMPONENTS]
        return [each for each in found if each and wanted.items() <= (each["metadata"].get("labels") or {}).items()]

    async def _forgotten(self, owner: Owner, resource: Document, pipeline: Pipeline | Refusal) -> Waits:
        jobs = await self._api.list(JOB, owner.namespace, selector_of(owner))
        newest = max(jobs, key=attempt_of, default=None)
        if newest is None:
            return await self._begun(owner, pipeline, 1)
        if suspended(newest):
            lacks = await self._lacks(owner, pipeline)
            return Waits(lacks) if isinstance(lacks, Refusal) else await self._resumed(owner, lacks, newest)
        pods = await self._api.list(POD, owner.namespace, f"{JOB_NAME_LABEL}={newest['metadata']['name']}")
        if ended(newest) is None:
            return await self._at_work(owner, pipeline, newest, pods)
        result = result_of(newest, pods)
        if ended_well(newest, result):
            raise _Over(
                News("Normal", "Delete", "Forgotten", f"its keys and books are deleted: {result.outcome}"), False
            )
        attempt = attempt_of(newest)
        left = _pause(attempt) - self._seconds_since(result.finished_at)
        failed = f"attempt {attempt}: {result.outcome}"
        told = failed in str(condition_in(resource, "Ready").get("message", ""))
        if left <= 0 and told:  # a failure is, however late it is seen
            return await self._begun(owner, pipeline, attempt + 1)
        said = f"{failed}; tried again in {_pause(attempt):.0f} s; {WAY_OUT}"
        return Waits(Refusal("ForgettingFailed", said), min(max(left, LOOK_SECONDS), LONGEST_PAUSE_SECONDS))

    async def _at_work(
        self, owner: Owner, pipeline: Pipeline | Refusal, running: Document, pods: Sequence[Document]
    ) -> Waits:
        said = f"Job {running['metadata']['name']} deletes its keys and books"
        if any((each.get("status") or {}).get("phase") == "Running" for each in pods):
            return Waits(Refusal("Forgetting", said))
        lacks = await self._lacks(owner, pipeline)  # a pod whose Secret has gone says nothing, and waits
        if isinstance(lacks, Refusal):
            return Waits(lacks)
        trouble = next(iter(trouble_of(pods).values()), "")
        return Waits(
            Refusal("NotStarting", f"{said}: {trouble}; {WAY_OUT}") if trouble else Refusal("Forgetting", said)
        )

    async def _begun(self, owner: Owner, pipeline: Pipeline | Refusal, attempt: int) -> Waits:
        lacks = await self._lacks(owner, pipeline)
        if isinstance(lacks, Refusal):
            return Waits(lacks)
        document = job(owner, lacks, self._pods, str(self._pods.dcp_image), attempt)
        try:
            made = await self._api.create(JOB, document, FIELD_MANAGER)
        except ApiError as error:
            if error.status == 409:
                return Waits(Refusal("Forgetting", "its Job is being made"))
            return _rejected(JOB, error)
        return await self._resumed(owner, lacks, made)

    async def _resumed(self, owner: Owner, pipeline: Pipeline, made: Document) -> Waits:
        for each in needed_by(owner, pipeline, self._pods, made):
            try:
                await self._api.apply(each.kind, each.document, FIELD_MANAGER)
            except ApiError as error:
                return _rejected(each.kind, error)
        metadata = made["metadata"]
        await self._api.resume(JOB, owner.namespace, metadata["name"], metadata["uid"])
        return Waits(Refusal("Forgetting", f"Job {metadata['name']} begins to delete its keys and books"))

    async def _lacks(self, owner: Owner, pipeline: Pipeline | Refusal) -> Pipeline | Refusal:
        """The pipeline; or what has to be there first."""
        if isinstance(pipeline, Refusal):
            return Refusal(
                pipeline.reason, f"{pipeline.message}; so nobody knows where its keys and books are; {WAY_OUT}"
            )
        if self._pods.dcp_image is None:
            return NEEDS_IMAGE
        refs = forgetting_refs(pipeline)
        secrets = await self._secrets.read(owner.namespace, {ref.name for ref in refs})
        missing = missing_secrets(pipeline, secrets, refs)
        return pipeline if missing is None else Refusal(missing.reason, f"{missing.message}; {WAY_OUT}")

    def _seconds_since(self, moment: str | None) -> float:
        if moment is None:
            return LONGEST_PAUSE_SECONDS
        return (self._now() - moment_of(moment)).total_seconds()


def _rejected(kind: Kind, error: ApiError) -> Waits:
    """What a person is to mend; the rest passes through."""
    if error.passing or _is_of_ending_namespace(error):
        raise error
    said = f"the {kind.kind} that is to delete them is refused by the API server (HTTP {error.status}): {error}"
    return Waits(Refusal("ChildRejected", f"{said}; {WAY_OUT}"), FIRST_PAUSE_SECONDS)


def holds(resource: Document) -> bool:
    """Whether our finalizer is on it."""
    return FINALIZER in _finalizers(resource)


def _pause(attempt: int) -> float:
    return min(FIRST_PAUSE_SECONDS * 2.0 ** min(attempt - 1, 10), LONGEST_PAUSE_SECONDS)


def _finalizers(resource: Document) -> Sequence[str]:
    return resource["metadata"].get("finalizers") or ()


def _of_others(resource: Document) -> list[str]:
    return [each for each in _finalizers(resource) if each != FINALIZER]


def _is_of_ending_namespace(error: ApiError) -> bool:
    return "NamespaceTerminating" in error.causes or (error.status == 404 and "namespaces" in str(error))
