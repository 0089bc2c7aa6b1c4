"""The small parts: settings, the queue of dirty keys, the store, reports."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from dcp_operator.cluster.answers import page_of
from dcp_operator.cluster.dirty import DirtyKeys
from dcp_operator.cluster.store import Store
from dcp_operator.ground.kinds import CONFIG_MAP, DEPLOYMENT, PIPELINE
from dcp_operator.ground.names import PipelineKey
from dcp_operator.ground.scope import Scope
from dcp_operator.ground.settings import SettingInvalid, read_settings
from dcp_operator.rounds import Rounds
from dcp_operator.scaling.server import seen_from_outside
from dcp_operator.status.metrics import Metrics

IMAGES = {"FETCHER_IMAGE": "f:1", "WORKER_IMAGE": "w:1"}
A, B = PipelineKey("n", "a"), PipelineKey("n", "b")


def test_settings_have_defaults() -> None:
    settings = read_settings(IMAGES)
    assert (settings.sync_seconds, settings.resync_seconds, settings.scope) == (2.0, 30.0, Scope())
    assert read_settings({**IMAGES, "WATCH_NAMESPACES": "a, b"}).scope == Scope(("a", "b"))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"WORKER_IMAGE": ""}, "WORKER_IMAGE"),
        ({"SYNC_PERIOD": "2"}, "SYNC_PERIOD"),
        ({"HEALTH_PORT": "x"}, "HEALTH_PORT"),
        ({"ROLLOUT_AT_ONCE": "0"}, "ROLLOUT_AT_ONCE=0: 1 or more"),
        ({"RECONCILE_CONCURRENCY": "0"}, "RECONCILE_CONCURRENCY=0: 1 or more"),
    ],
)
def test_a_bad_setting_is_named(given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingInvalid, match=named):
        read_settings({**IMAGES, **given})


async def test_a_key_is_in_the_works_once_at_a_time_and_again_when_marked_meanwhile() -> None:
    dirty = DirtyKeys()
    for key in (A, A, B):
        dirty.mark(key)
    assert await dirty.take() == A
    dirty.mark(A)
    assert await dirty.take() == B
    dirty.done(A)
    assert await dirty.take() == A
    dirty.done(A)
    dirty.done(B)
    assert dirty.idle


async def test_the_earlier_time_counts() -> None:
    dirty = DirtyKeys()
    dirty.mark_later(A, 60)
    dirty.mark_later(A, 0.001)
    dirty.mark_later(A, 60)
    assert await dirty.take() == A


def document(version: int, uid: str = "u", name: str = "x", kind: str = "ConfigMap") -> dict[str, Any]:
    labels = {"app.kubernetes.io/instance": "a"}
    metadata = {"name": name, "namespace": "n", "uid": uid, "resourceVersion": str(version), "labels": labels}
    return {"kind": kind, "metadata": metadata, "spec": {}}


async def test_what_happened_to_one_goes_before_what_a_resync_marks() -> None:
    dirty = DirtyKeys()
    keys = [PipelineKey("n", f"p{n}") for n in range(5)]
    for key in keys:
        dirty.mark(key, at_leisure=True)
    dirty.mark(B)
    dirty.mark(keys[3])
    dirty.mark(keys[3], at_leisure=True)
    order = [await dirty.take() for _ in range(6)]
    assert order == [B, keys[3], keys[0], keys[1], keys[2], keys[4]]
    dirty.mark(B, at_leisure=True)
    for key in order:
        dirty.done(key)
    assert await dirty.take() == B
    dirty.done(B)
    assert dirty.idle


async def test_whoever_hears_of_a_change_is_heard_while_thousands_are_looked_at() -> None:
    """A pipeline that nothing happened to is looked at without a pause: one after the other, they would be all."""
    dirty, done = DirtyKeys(), list[PipelineKey]()

    class Known:
        async def run_once(self, key: PipelineKey) -> float | None:
            done.append(key)
            return None

    keys = [PipelineKey("n", f"p{n}") for n in range(1000)]
    for key in keys:
        dirty.mark(key, at_leisure=True)
    rounds = Rounds(dirty, Known(), Metrics())
    workers = [asyncio.create_task(rounds.run_reconcile()) for _ in range(4)]
    await asyncio.sleep(0)  # as a watch does, whose line has not come yet
    dirty.mark(B)
    while B not in done:  # noqa: ASYNC110 - who waits here is one of those that are to be let in
        await asyncio.sleep(0)
    assert len(done) < 50
    for each in workers:
        each.cancel()
    await asyncio.gather(*workers, return_exceptions=True)


LISTED = {"metadata": {"resourceVersion": "20"}, "items": [document(9), document(9, name="y")]}


def test_an_older_version_never_replaces_a_newer_one() -> None:
    store = Store()
    store.put_child(CONFIG_MAP, document(9))
    store.put_child(CONFIG_MAP, document(7))
    (live,) = store.children(A).values()
    assert live.document["metadata"]["resourceVersion"] == "9"


def test_of_the_same_version_what_is_here_stays() -> None:
    store, sent = Store(), page_of(CONFIG_MAP, msgspec.json.encode(LISTED)).objects
    assert [store.knows_child(each) for each in sent] == [False, False]
    store.put_child(CONFIG_MAP, document(9))
    (live,) = store.children(A).values()
    store.put_child(CONFIG_MAP, document(9))
    assert next(iter(store.children(A).values())) is live
    assert [store.knows_child(each) for each in sent] == [True, False]
    store.put_child(CONFIG_MAP, document(8, uid="v"))
    assert [store.knows_child(each) for each in sent] == [False, False], "another object by the same name"


def test_a_child_whose_label_was_changed_is_no_longer_the_formers() -> None:
    store = Store()
    store.put_child(CONFIG_MAP, document(9))
    other = document(10)
    other["metadata"]["labels"] = {"app.kubernetes.io/instance": "b"}
    store.put_child(CONFIG_MAP, other)
    assert not store.children(A)
    assert len(store.children(PipelineKey("n", "b"))) == 1
    assert store.keep_children(CONFIG_MAP, None, (), None) == {PipelineKey("n", "b")}


def test_a_list_takes_away_what_it_no_longer_has_but_nothing_newer() -> None:
    store = Store()
    store.put_child(CONFIG_MAP, document(5, name="old"))
    store.put_child(CONFIG_MAP, document(50, name="new"))
    store.put_child(DEPLOYMENT, document(5, name="other-kind", kind="Deployment"))
    store.keep_children(CONFIG_MAP, None, [], "20")
    assert {key.name for key in store.children(A)} == {"new", "other-kind"}


def test_the_end_of_a_former_object_is_not_the_end_of_its_successor() -> None:
    store = Store()
    store.put_child(CONFIG_MAP, document(9, uid="new"))
    store.drop_child(CONFIG_MAP, document(8, uid="old"))
    assert len(store.children(A)) == 1


def test_a_path_names_the_subresource() -> None:
    path = "/apis/datacleaning.io/v1beta1/namespaces/n/datacleaningpipelines/x/status"
    assert PIPELINE.path("n", "x", "status") == path


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("redis://redis:6379/0", "redis://redis.feeds.svc:6379/0"),
        ("redis://redis", "redis://redis.feeds.svc"),
        ("rediss://me@redis:1/2?x=y", "rediss://me@redis.feeds.svc:1/2?x=y"),
        ("redis://redis.feeds:6379/0", "redis://redis.feeds.svc:6379/0"),
        ("redis://redis.feeds.", "redis://redis.feeds."),
        ("redis://redis.other:6379/0", "redis://redis.other:6379/0"),
        ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
        ("redis://[::1]:6379", "redis://[::1]:6379"),
        ("redis://localhost:6379", "redis://localhost:6379"),
    ],
)
def test_a_service_of_the_pipelines_namespace_is_found_from_the_operators(url: str, seen: str) -> None:
    assert seen_from_outside(url, "feeds") == seen
