"""What others do to the queue: a server that evicts, somebody who forges batches, a worker that is not ours."""

from __future__ import annotations

import random
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import redis
import yaml
from msgspec.structs import replace

from chaos.faults.fault import REDIS, Fault, Undo
from chaos.verdict import PIPELINE
from dcp_pipeline.batch import compress, decode_batch, digest_of, encode_batch
from dcp_pipeline.queue.keys import Keys
from support.dcp_process import DcpProcess

if TYPE_CHECKING:
    from chaos.plan import Strike
    from chaos.stage import Stage

_EVERY_SECONDS = 0.1
QUEUE = PIPELINE.replace("/", ".")


def evicts(stage: Stage, strike: Strike) -> Undo:
    """Keys of any kind are gone one by one, and members of indexes: what allkeys-random does, and somebody's hand."""
    chance, keys = random.Random(strike.draw), Keys(QUEUE)

    def one(client: redis.Redis) -> None:
        found = sorted(client.scan_iter(match=f"{keys.prefix}*", count=1000))
        if found:
            client.delete(chance.choice(found))
        index = chance.choice((keys.ready, keys.age, keys.inflight, keys.scheduled))
        members = client.zrange(index, 0, -1)
        if members:
            client.zrem(index, chance.choice(members))

    return _again_and_again(stage, one)


def forged(stage: Stage, strike: Strike) -> Undo:
    """Somebody writes records, labels or places of his own into batches that wait."""
    chance, keys = random.Random(strike.draw), Keys(QUEUE)

    def one(client: redis.Redis) -> None:
        ready = client.zrange(keys.ready, 0, -1)
        if not ready:
            return
        key = keys.job(chance.choice(ready).decode())
        payload = client.hget(key, "payload")
        if payload is None:
            return
        batch = decode_batch(payload)
        raw = batch.raw().replace(b"1", b"7")
        lies = (
            {"body": compress(raw), "digest": digest_of(raw)},
            {"body": compress(raw)},
            {"header": batch.header[::-1] if batch.header else ("x",)},
            {"first_record": batch.first_record + 1},
        )
        client.hset(key, "payload", encode_batch(replace(batch, **chance.choice(lies))))

    return _again_and_again(stage, one)


def foreign_worker(stage: Stage, strike: Strike) -> Undo:
    """A worker of another pipeline on this one's queue."""
    folder = Path(tempfile.mkdtemp(prefix="dcp-chaos-foreign-"))
    document = yaml.safe_load(stage.cast["worker-1"].spec.read_text())
    document["metadata"]["name"] = "intruder"
    document["spec"]["queue"]["name"] = QUEUE
    document["spec"]["sink"]["sql"]["table"] = "intruder"
    spec = folder / "intruder.yaml"
    spec.write_text(yaml.safe_dump(document, sort_keys=False))
    process = DcpProcess(folder, "worker", str(spec), "--health-port", "0", env=stage.env)
    return process.kill


def _again_and_again(stage: Stage, one: Callable[[redis.Redis], None]) -> Undo:
    over, client = threading.Event(), stage.redis.primary.client()

    def run() -> None:
        while not over.wait(_EVERY_SECONDS):
            with suppress(redis.RedisError):
                one(client)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def end() -> None:
        over.set()
        thread.join()

    return end


FAULTS = (
    Fault(
        "redis-evicts",
        evicts,
        (REDIS,),
        (1.0, 4.0),
        "keys are lost one by one: what the others still know is put back, the rest is read again",
        forgets=True,
    ),
    Fault(
        "batch-forged",
        forged,
        (REDIS,),
        (0.5, 3.0),
        "not what the ledger has: refused, told, and read again from its source",
        forgets=True,
    ),
    Fault(
        "foreign-worker",
        foreign_worker,
        (REDIS,),
        (3.0, 5.0),
        "it is given nothing, and says whose the queue is",
        keeps_leases=True,
        weight=0.5,
    ),
)
