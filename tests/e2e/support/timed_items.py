"""Batches that each take as long as they say, put into the queue at once: what autoscalers are measured with.

The workers are the product's own. A module mounted into their pods, where Python looks for `sitecustomize` first, lets
each commit wait for the time that the batch's uri names: an item of one second takes one second and no CPU.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import redis

from dcp_pipeline.batch import Batch, batch_id, compress, digest_of, encode_batch, object_id
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import Cut, ObjectState, SourceObject
from dcp_pipeline.queue import Job, Queue, connect
from dcp_pipeline.spec.parse import pipeline_of
from dcp_pipeline.spec.revision import revision_of
from e2e.support.botnet import Document, resource
from e2e.support.stage import PASSWORD, Stage

SOURCE = "sinkhole"
HEADER = ("item", "number")
SLOW = """
import os, re, signal, time
# As dcp_worker.__main__ does before its imports: a container's first process is deaf to what it has no handler for.
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
from dcp_worker.sink.writer import SinkWriter

commit, commit_together = SinkWriter.commit, SinkWriter.commit_together

def wait(batch):
    found = re.search("-([0-9.]+)s-", batch.uri)
    time.sleep(float(found[1]) if found else 0)

def slowed(self, batch, *rest, **named):
    wait(batch)
    return commit(self, batch, *rest, **named)

def all_slowed(self, cleaned, *rest, **named):
    for account in cleaned.accounts.values():
        wait(account.batch)
    return commit_together(self, cleaned, *rest, **named)

SinkWriter.commit, SinkWriter.commit_together = slowed, all_slowed
"""


def prepare(stage: Stage) -> None:
    """What slow workers mount."""
    stage.kube.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "slow"}, "data": {"sitecustomize.py": SLOW}}
    )


def slow_pipeline(namespace: str, scaling: Document) -> Document:
    """A pipeline of slow workers, one batch at a time each. Its fetcher looks once and then leaves the queue alone."""
    template = {
        "env": [{"name": "PYTHONPATH", "value": "/slow:/opt/dcp-code"}],
        "volumes": [{"name": "slow", "configMap": {"name": "slow"}}],
        "volumeMounts": [{"name": "slow", "mountPath": "/slow", "readOnly": True}],
    }
    document = resource(namespace, worker={"concurrency": 1, "batchTimeout": "2m", "podTemplate": template})
    document["spec"]["sources"][0]["http"]["interval"] = "24h"
    document["spec"]["scaling"] = scaling
    columns = [{"name": "item", "constraints": {"maxLength": 80}}, {"name": "number", "type": "integer"}]
    document["spec"]["cleaning"] = {"fields": columns, "unique": ["item", "number"]}
    return document


@dataclass(frozen=True)
class Items:
    """The ledger and the queue of a slow pipeline, from outside of the cluster."""

    ledger: Ledger
    queue: Queue
    client: redis.Redis
    revision: str
    pipeline: str

    def put(self, seconds: Sequence[float]) -> None:
        """A batch for each of these times: all are in the ledger before the first is in the queue, and the queue gets
        them in one call."""
        self.queue.enqueue(self.recorded(seconds))

    def recorded(self, seconds: Sequence[float]) -> list[Job]:
        """The same batches, in the ledger and not yet in the queue."""
        return [job for each, count in Counter(seconds).items() for job in self._jobs(each, count)]

    def holders(self) -> set[str]:
        """The pods that hold a batch now."""
        ids = self.client.zrange(self.queue.keys.inflight, 0, -1)
        pipeline = self.client.pipeline(transaction=False)
        for each in ids:
            pipeline.hget(self.queue.keys.job(each.decode()), "worker")
        return {each.decode().partition("/")[0] for each in pipeline.execute() if each}

    def _jobs(self, seconds: float, count: int) -> list[Job]:
        """Batches of one object, whose name says how long each of them takes; one record each, all of them new."""
        uri = f"items-{seconds:g}s-{uuid.uuid4().hex}"
        of_object = object_id(self.pipeline, SOURCE, uri, "v1")
        texts = [f"{uri},{n:06}\n".encode() for n in range(count)]
        size = len(texts[0])
        cuts = [
            Cut(
                batch_id(self.pipeline, SOURCE, of_object, n * size, (n + 1) * size, digest_of(text)),
                n, n * size, (n + 1) * size, 1, n + 1, n + 1, digest_of(text),
            )
            for n, text in enumerate(texts)
        ]  # fmt: skip
        found = SourceObject(of_object, self.pipeline, SOURCE, uri, "v1", self.revision, header=HEADER)
        self.ledger.open_object(found)
        self.ledger.record_cuts(of_object, cuts)
        self.ledger.update_object(of_object, state=ObjectState.CUT)
        return [
            Job(cut.batch_id, encode_batch(self._batch(found, cut, text)), pipeline=self.pipeline)
            for cut, text in zip(cuts, texts, strict=True)
        ]

    def _batch(self, of: SourceObject, cut: Cut, raw: bytes) -> Batch:
        return Batch(
            id=cut.batch_id, pipeline=self.pipeline, source=SOURCE, object_id=of.id, uri=of.uri, sequence=cut.sequence,
            start=cut.start, end=cut.end, records=1, first_record=cut.first_record, first_line=cut.first_line,
            digest=cut.digest, revision=self.revision, header=HEADER, defect=None, body=compress(raw),
        )  # fmt: skip


@contextmanager
def items_of(stage: Stage, document: Document) -> Iterator[Items]:
    """Access to a pipeline's queue and ledger."""
    pipeline = pipeline_of({key: document[key] for key in ("apiVersion", "kind", "metadata", "spec")})
    ledger = Ledger(stage.database, pipeline.key)
    ledger.prepare()
    revision, text = revision_of(pipeline, SOURCE)
    ledger.save_spec(revision, text)
    client = connect(f"redis://127.0.0.1:{stage.queue_port}/0", password=PASSWORD)
    try:
        yield Items(ledger, Queue(client, pipeline.queue_name), client, revision, pipeline.key)
    finally:
        client.close()
