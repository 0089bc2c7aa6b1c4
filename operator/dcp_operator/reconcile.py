"""One pipeline brought to where it should be: observe, judge, plan, apply, report. By level: from what there is now,
whatever has happened before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from dcp_operator.apply import Applier
from dcp_operator.children.children import COMPONENTS, Child, Wanted, children_of
from dcp_operator.children.former_specs import former_specs, unread
from dcp_operator.children.judge import Refusal, SecretSeen, missing_secrets
from dcp_operator.children.pace import Pace
from dcp_operator.children.plan import Action, ChildKey, Delete, Live, by_release, plan
from dcp_operator.children.remembered import Built, Parsed, Remembered
from dcp_operator.children.secret_refs import all_refs, queue_refs
from dcp_operator.cluster.answers import Document
from dcp_operator.cluster.api import Api, ApiError
from dcp_operator.cluster.parts import Parts
from dcp_operator.cluster.secret_reader import SecretReader
from dcp_operator.cluster.store import Store
from dcp_operator.forgetting.forgetter import LOOK_SECONDS, Forgetter, holds
from dcp_operator.ground.kinds import PIPELINE, POD, SCALED_OBJECT
from dcp_operator.ground.names import PAUSE_ANNOTATION, Owner, PipelineKey, selecting
from dcp_operator.ground.settings import PodSettings
from dcp_operator.scaling.keda import keda_children, keda_holds, keda_seen
from dcp_operator.scaling.reach import Reach
from dcp_operator.scaling.scaler import Scaler
from dcp_operator.scaling.server import not_allowed, server_of
from dcp_operator.scaling.targets import Target, Targets
from dcp_operator.status.at_rest import LOOK_AGAIN_SECONDS, AtRest
from dcp_operator.status.events import Recorder
from dcp_operator.status.news import news_of
from dcp_operator.status.none_ready import NoneReady
from dcp_operator.status.seen import DeploymentSeen, KedaSeen, Observed, deployment_seen
from dcp_operator.status.status import due_in, status_of
from dcp_operator.status.trouble import being_made, trouble_of
from dcp_operator.status.writing import write_status
from dcp_pipeline.spec.kubernetes.status import Status, from_document, to_document
from dcp_pipeline.spec.model import Pipeline, SecretKeyRef, State

log = logging.getLogger(__name__)

RETRY_SECONDS = {"ChildBlocked": 2.0, "SecretMissing": 5.0, "ChildRejected": 10.0}
"""How soon to look again at what no watch tells of: the end of a former child, the making of a Secret."""


class Reconciler:
    """run_once(key) brings one pipeline to where it should be."""

    def __init__(
        self,
        store: Store,
        api: Api,
        secrets: SecretReader,
        applier: Applier,
        targets: Targets,
        scaler: Scaler,
        recorder: Recorder,
        pods: PodSettings,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
        parts: Parts,
        pace: Pace,
        remembered: Remembered,
        forgetter: Forgetter,
        leading: Callable[[], bool] = lambda: True,
        reach: Reach = Reach(),  # noqa: B008 - frozen
    ) -> None:
        self._reach, self._pace, self._forgetter = reach, pace, forgetter
        self._parts, self._leading = parts, leading
        self._store, self._api, self._secrets, self._applier = store, api, secrets, applier
        self._targets, self._scaler, self._recorder, self._pods = targets, scaler, recorder, pods
        self._monotonic, self._now = monotonic, now
        self._remembered = remembered
        self._counted_at: dict[PipelineKey, float] = {}
        self._none_ready = NoneReady(monotonic)
        self._at_rest = AtRest(self._pods_of, monotonic)

    async def run_once(self, key: PipelineKey) -> float | None:
        """In how many seconds to come back, if sooner than the next resync. ApiError and ApiUnreachable pass
        through: to be tried again."""
        resource = self._store.pipeline(key)
        if resource is None or "deletionTimestamp" in resource["metadata"]:
            self._forget(key)
            return None if resource is None else await self._goes(key, resource)
        if not self._parts.settled(key.namespace):
            return None  # Parts marks it again once it is known which children there are
        owner = Owner(key.namespace, key.name, str(resource["metadata"]["uid"]))
        found = self._remembered.parsed(key, resource)
        try:
            wanted = await self._wanted(owner, found, resource)
            if not isinstance(wanted, Built):
                self._pace.done(key)  # nothing is renewed now: its place is another's
            refusal = await self._made_good(owner, resource, wanted) if isinstance(wanted, Built) else wanted
        except ApiError as error:
            if "NamespaceTerminating" in error.causes:
                return None  # the pipeline itself goes next
            raise
        if not self._leading():
            return None
        again = await self._report(owner, resource, refusal)
        return RETRY_SECONDS.get(refusal.reason, again) if refusal else again

    async def _made_good(self, owner: Owner, resource: Document, built: Built) -> Refusal | None:
        """What holds the resource, if anything is to, before there is anything to delete; then the children."""
        marked = None
        if isinstance(built.of.pipeline, Pipeline):
            marked = await self._forgetter.mark(resource, built.of.pipeline)
        return await self._carry_out(owner, built) or marked

    async def _goes(self, key: PipelineKey, resource: Document) -> float | None:
        """One that is being deleted: nothing is done about it, but where deletionPolicy asks for it."""
        if not self._leading() or not holds(resource):
            return None
        owner = Owner(key.namespace, key.name, str(resource["metadata"]["uid"]))
        waits = await self._forgetter.run_once(owner, resource, self._remembered.parsed(key, resource).pipeline)
        if waits is None:
            return None
        await self._report(owner, resource, waits.refusal)
        return waits.seconds or LOOK_SECONDS

    async def _wanted(self, owner: Owner, found: Parsed, resource: Document) -> Built | Refusal | None:
        """What is to be there; None where nothing is to be done about it."""
        pipeline, held = found.pipeline, _held(resource)
        self._targets.hold(owner.key, held)
        if isinstance(pipeline, Refusal):
            if found.scaled is not None and owner.key not in self._targets.by_key:
                await self._scaled(owner, found.scaled, all_refs(found.scaled), held)
            return pipeline
        if pipeline.spec.scaling.engine == "keda" and not self._pods.keda:
            return Refusal("KedaNotEnabled", "spec.scaling.engine is keda, and this operator runs without KEDA=true")
        secrets = await self._scaled(owner, pipeline, found.refs, held)
        if isinstance(secrets, Refusal):
            return secrets
        if held:
            return None
        versions = {f"{ref.name}/{ref.key}": secrets[ref.name].digest_of(ref.key) for ref in found.refs}
        built = self._remembered.built(owner.key, found, versions, lambda: self._children(owner, pipeline, versions))
        return built if self._leading() else None  # a replica that stands by has everything ready, and writes nothing

    async def _scaled(
        self, owner: Owner, pipeline: Pipeline, refs: Sequence[SecretKeyRef], held: bool
    ) -> Mapping[str, SecretSeen] | Refusal:
        """Its workers follow its queue from now on; its Secrets."""
        redis, reach = pipeline.spec.queue.redis, self._reach
        if redis is not None and (refusal := not_allowed(redis.url, owner.namespace, reach.hosts, reach.domain)):
            self._targets.drop(owner.key)
            return refusal
        secrets = await self._secrets.read(owner.namespace, {ref.name for ref in refs})
        refusal = missing_secrets(pipeline, secrets, refs)
        # Where only another Secret lacks, workers that there are follow the queue: by the last usable spec, or after
        # a restart, which knows none, by this one.
        unscaled = owner.key not in self._targets.by_key
        if redis is not None and (
            refusal is None or (unscaled and missing_secrets(pipeline, secrets, queue_refs(pipeline)) is None)
        ):
            server = server_of(redis, pipeline.queue_name, owner.namespace, secrets)
            self._targets.put(Target(owner, pipeline, server, held))
        return refusal or secrets

    async def _carry_out(self, owner: Owner, built: Built) -> Refusal | None:
        live = self._store.children(owner.key)
        if self._remembered.is_clean(owner.key, built, live):
            return None
        unseen = self._parts.unseen(owner.namespace)
        children = self._remembered.children(owner.key, built)
        wanted = [each for each in children if each.kind not in unseen]
        kedas = any(each.kind == SCALED_OBJECT for each in wanted)
        kedas = kedas or keda_holds(self._store.scaled_object(owner.key), self._now())
        seen = {each: found for each, found in live.items() if each.kind not in unseen}
        actions = plan(wanted, seen, owner.uid, self._applier.settled(owner.key), kedas)
        clean = not actions and not unseen and self._store.scaled_object(owner.key) is None
        actions = self._in_turn(owner.key, actions, seen)
        refusal = await self._applier.carry_out(owner.key, actions)
        former = former_specs(wanted, self._store.children(owner.key), owner.uid, _is_out)
        if clean and len(children) == len(live):
            self._remembered.found_clean(owner.key, built, live)
        return refusal or await self._let_go(owner, former)

    def _in_turn(self, key: PipelineKey, actions: list[Action], live: Mapping[ChildKey, Live]) -> list[Action]:
        """Less what a release of the operator would renew before this pipeline's turn."""
        renewing = [each for each in actions if by_release(each, live)]
        if renewing:
            return actions if self._pace.may(key) else [each for each in actions if each not in renewing]
        self._pace.wants_none(key, all(each is None or each.out for each in self._deployments(key)))
        return actions

    async def _let_go(self, owner: Owner, former: Sequence[Delete]) -> Refusal | None:
        """Delete the specs of former revisions that no pod reads any more. Pods are asked for where there are such."""
        if not former:
            return None
        return await self._applier.carry_out(owner.key, unread(former, await self._pods_of(owner.key)))

    def _children(self, owner: Owner, pipeline: Pipeline, versions: Mapping[str, str]) -> tuple[Child, ...]:
        wanted = Wanted(owner, pipeline, versions, self._pods)
        return (*children_of(wanted), *keda_children(wanted))

    async def _report(self, owner: Owner, resource: Document, refusal: Refusal | None) -> float | None:
        key, held = owner.key, _held(resource)
        before = from_document(resource.get("status"))
        scaled = self._scaler.known(key)
        if refusal is None and (scaled is None or scaled.shown is None):
            return None  # the scaler tells once it has looked: until then the status would only flap
        generation, state = int(resource["metadata"]["generation"]), _state(resource)
        deployments = self._deployments(key)
        fetcher, workers = deployments
        read_at = scaled.read_at if scaled and scaled.queue.stats is not None else None
        at_rest: bool | None = True
        if refusal is None and not held:  # else Ready tells of that
            at_rest = await self._at_rest.seen(key, state, deployments, before, generation, read_at)
        if at_rest is None:
            return LOOK_AGAIN_SECONDS
        lacking = await self._lacking(key, deployments)
        seen = Observed(
            generation=generation,
            refusal=refusal,
            state=state,
            held=held,
            at_rest=at_rest,
            waiting=self._pace.waits(key),
            fetcher=fetcher,
            workers=workers,
            queue=scaled.shown if scaled else None,
            scaling_reason=scaled.decision.reason if scaled and scaled.decision else None,
            now=self._now(),
            scaling_cause=scaled.cause if scaled else "",
            scaling_refused=scaled.refused if scaled else None,
            trouble=trouble_of(lacking),
            being_made=being_made(lacking, self._now()),
            revision=self._remembered.revision(key) if refusal is None and not held else None,
            unseen={kind.plural: each.status for kind, each in self._parts.unseen(key.namespace).items()},
            keda=self._keda(key),
            none_ready_seconds=self._none_ready.seconds(key, workers, before),
        )
        status = status_of(seen, before, scaled.changed if scaled else None)
        due = due_in(status, before, self._monotonic() - self._counted_at.get(key, float("-inf")))
        if due == 0.0:
            await self._write(owner, status)
            await self._tell(owner, status, before)
            due = None
        ending = None if seen.at_rest else LOOK_AGAIN_SECONDS
        times = (due, self._none_ready.due_in(key), ending)
        return min((each for each in times if each is not None), default=None)

    async def _write(self, owner: Owner, status: Status) -> None:
        await write_status(self._api, self._store, PIPELINE, owner, to_document(status))
        self._counted_at[owner.key] = self._monotonic()

    async def _tell(self, owner: Owner, status: Status, before: Status | None) -> None:
        """An Event for each condition that people want to hear of, where it has changed so."""
        for news in news_of(status, before):
            await self._recorder.post(owner, news)

    def _deployments(self, key: PipelineKey) -> list[DeploymentSeen | None]:
        """Those of fetcher and workers."""
        found = [self._store.deployment(key, each) for each in COMPONENTS]
        return [deployment_seen(each.document) if each else None for each in found]

    async def _lacking(self, key: PipelineKey, seen: Sequence[DeploymentSeen | None]) -> Sequence[Document]:
        """Its pods, which are asked for only where some are wanted that are not ready."""
        if all(each is None or each.ready >= each.wanted for each in seen):
            return ()
        return await self._pods_of(key)

    async def _pods_of(self, key: PipelineKey) -> Sequence[Document]:
        return await self._api.list(POD, key.namespace, selecting(key.name))

    def _keda(self, key: PipelineKey) -> KedaSeen | None:
        """What KEDA says, where it is its turn to scale."""
        scaled_object = self._store.scaled_object(key)
        return keda_seen(scaled_object) if keda_holds(scaled_object, self._now()) else None

    def _forget(self, key: PipelineKey) -> None:
        target = self._targets.drop(key)
        if target is not None:
            self._recorder.forget(target.owner)
        self._applier.forget(key)
        self._remembered.forget(key)
        self._counted_at.pop(key, None)
        self._none_ready.forget(key)
        self._at_rest.forget(key)
        self._pace.done(key)


def _is_out(deployment: Mapping[str, Any]) -> bool:
    return deployment_seen(deployment).out


def _held(resource: Document) -> bool:
    """Whether somebody has asked the operator to keep its hands off."""
    return (resource["metadata"].get("annotations") or {}).get(PAUSE_ANNOTATION) == "true"


def _state(resource: Document) -> State:
    """As the resource says it, be the rest of its spec usable or not."""
    spec = resource["spec"]
    if spec.get("state") == "Stopped":
        return "Stopped"
    return "Draining" if spec.get("state") == "Draining" or spec.get("paused") is True else "Running"
