"""The fetcher on a real ledger and a real queue."""

from __future__ import annotations

import asyncio
from pathlib import Path

from dcp_fetcher.loop import FetcherLoop
from dcp_pipeline.batch import decode_batch
from dcp_pipeline.ledger import Ledger, connect
from dcp_pipeline.ledger.model import ObjectState, TaskState
from dcp_pipeline.queue import Inbox, Queue
from support.feed_server import FeedServer, gzipped
from support.fetching import QUICK, http_source, pipeline_of
from support.redis_server import valkey_server

ROWS = b"".join(b"%06d,x\n" % n for n in range(5_000))


def test_cuts_are_recorded_enqueued_and_put_back_after_flushall(feed: FeedServer, tmp_path: Path) -> None:
    feed.put("a.csv.gz", gzipped(b"a,b\n" + ROWS))
    damaged = feed.put("b.csv.gz", gzipped(b"a,b\n" + ROWS)[:-20])
    engine = connect(f"sqlite:///{tmp_path}/ledger.db")
    with valkey_server() as server:
        client = server.client()
        ledger, queue, inbox = Ledger(engine, "default/test"), Queue(client, "test"), Inbox(client, "test")
        ledger.prepare()
        pipeline = pipeline_of(http_source(feed.url), fetcher={"batch": {"maxRecords": 300}})

        def run() -> tuple[str, ...]:
            fetcher = FetcherLoop(
                pipeline, ledger=ledger, queue=queue, inbox=inbox, secrets=lambda ref: "", backoff=QUICK
            )
            return asyncio.run(fetcher.run(once=True)).problems

        inbox.push(f'{{"url": "{damaged}", "id": "one"}}')
        assert len(run()) == 1
        whole, broken = sorted(ledger.objects("feed"), key=lambda each: each.uri)
        assert (whole.state, broken.state) == (ObjectState.CUT, ObjectState.UNAVAILABLE)
        before = queue.stats()
        assert before.ready == ledger.pending_batches() > 17
        client.flushall()
        run()
        assert queue.stats().ready == before.ready
        assert inbox.length() == 0
        task = ledger.task("one")
        assert task is not None
        assert task.state is TaskState.OPEN
        leases = queue.exchange("worker", [], 100).leases
        batches = sorted((decode_batch(lease.payload) for lease in leases), key=lambda each: (each.uri, each.sequence))
        assert b"".join(batch.raw() for batch in batches if batch.object_id == whole.id) == ROWS
        client.close()
    engine.dispose()
