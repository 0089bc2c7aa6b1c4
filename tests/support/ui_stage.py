"""Pipelines for the page to show: one that ran for real, spread over weeks; one at work with a queue; one that never ran."""

from __future__ import annotations

import gzip
import itertools
import os
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis

from dcp_pipeline.batch import stable_id
from dcp_pipeline.ledger import Ledger, connect
from dcp_pipeline.ledger.model import Cut, ObjectState, SourceObject
from dcp_pipeline.observe.report import Report, publish
from dcp_pipeline.observe.scaling_note import ScalingNote, history_commands, note_command
from dcp_pipeline.queue import Job, Queue, WorkerVitals
from support.dcp_process import EXAMPLES, dcp
from support.redis_server import RunningServer, redis_server

HOSTILE = '<script>alert("x")</script>'
HOSTILE_NAME = '0000 it\'s "<img src=x onerror=alert(1)>".csv'
SECRET = "sesame-open-4711"


@dataclass
class Stage:
    """Where it all is."""

    folder: Path
    redis: RunningServer
    env: dict[str, str]

    def database(self, name: str) -> sqlite3.Connection:
        """A pipeline's database."""
        return sqlite3.connect(self.folder / f"{name}.db")


@contextmanager
def stage(folder: Path, days: int = 40) -> Iterator[Stage]:
    """The pipelines in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with redis_server() as server:
        built = Stage(folder, server, {"DCP_SECRET_FEED_KEY": SECRET})
        _botnet(folder, days)
        _sensors(folder, server)
        (folder / "new-feed.yaml").write_text(_spec("new-feed", folder / "new-feed", ["id"], "    unique: [id]\n"))
        (folder / "broken.yaml").write_text("kind: DataCleaningPipeline\nspec: {sources: 3}\n")
        yield built


def _botnet(folder: Path, days: int) -> None:
    """The bundled example's records, a few of them each day, by a run of `dcp run`."""
    feed = folder / "feed"
    feed.mkdir()
    folder_of_feed = EXAMPLES / "feed" / "sinkhole"
    whole = [(folder_of_feed / f"2026-10-{day}-sinkhole.csv").read_bytes() for day in ("01", "03")]
    whole.append(gzip.decompress((folder_of_feed / "2026-10-02-sinkhole.csv.gz").read_bytes()))
    label = whole[0].split(b"\n")[0].strip()
    lines = [line for each in whole for line in each.split(b"\n")[1:] if line.strip()]
    size = -(-len(lines) // days)
    for day in range(days):
        part = lines[day * size : (day + 1) * size]
        (feed / f"sinkhole-{day:03}.csv").write_bytes(b"\n".join([label, *part]) + b"\n")
    odd = [
        f"2026-10-01 01:00:00,192.0.2.7,{HOSTILE},1,-,443,tcp,emotet,agent,1",
        "2026-10-01 01:00:00,192.0.2.7,70000,1,-,443,tcp,emotet,agent,2",
        "yesterday,192.0.2.8,80,1,-,443,tcp,emotet,agent,3",
    ]
    (feed / HOSTILE_NAME).write_text("\n".join([label.decode(), *odd]) + "\n")
    (feed / "torn.csv.gz").write_bytes(gzip.compress(label + b"\n" + b"x" * 4000)[:60])
    text = (EXAMPLES / "botnet.yaml").read_text()
    start, end = text.index("      http:"), text.index("      format: {type: csv")
    text = text[:start] + f"      file: {{path: {feed}, interval: 60s}}\n" + text[end:]
    text = text.replace("path: country.mmdb", f"path: {EXAMPLES / 'country.mmdb'}")
    (folder / "botnet.yaml").write_text(text + "  expect: {newDataWithin: 72h, records: {min: 100000}}\n")
    code, process = dcp(folder, "run", "botnet.yaml", "--once")
    assert code == 1, process.err()  # for the torn file
    _spread(folder / "botnet.db", days)


def _spread(path: Path, days: int) -> None:
    """Have the objects arrive one a day, at about the same time, but for two days without any."""
    draw = random.Random(7)
    now = datetime.now(UTC).replace(tzinfo=None)
    with sqlite3.connect(path) as database:
        ids = [row[0] for row in database.execute("SELECT id FROM dcp_objects ORDER BY uri DESC")]
        for place, object_id in enumerate(ids):
            back = place if place < 9 else place + 2
            for number, (batch,) in enumerate(
                database.execute("SELECT id FROM dcp_batches WHERE object_id = ?", (object_id,)).fetchall()
            ):
                at = now - timedelta(days=back, minutes=draw.randrange(90) + 3 * number)
                text = f"{at:%Y-%m-%d %H:%M:%S.%f}"
                database.execute(
                    "UPDATE dcp_batches SET settled_at = ?, created_at = ? WHERE id = ?", (text, text, batch)
                )
                database.execute("UPDATE dcp_objects SET created_at = ? WHERE id = ?", (text, object_id))
    database.close()


def _spec(name: str, feed: Path, fields: list[str], extra: str = "") -> str:
    columns = "\n".join(f"      - {{name: {each}}}" for each in fields)
    return (
        "apiVersion: datacleaning.io/v1beta1\nkind: DataCleaningPipeline\n"
        f"metadata: {{name: {name}}}\nspec:\n  sources:\n    - name: files\n      file: {{path: {feed}}}\n"
        f"      format: {{type: csv}}\n  cleaning:\n    fields:\n{columns}\n{extra}"
    )


def _sensors(folder: Path, server: RunningServer) -> None:
    """A pipeline at work: a ledger with a dead batch, a queue with a backlog, workers that beat."""
    extra = (
        "    unique: [id]\n"
        f'  queue: {{redis: {{url: "{server.url}", username: page, password: {{secretKeyRef: {{name: feed, key: key}}}}}}}}\n'
    )
    (folder / "sensors.yaml").write_text(_spec("sensors", folder / "sensors", ["id", "value"], extra))
    admin = server.client()
    admin.execute_command("ACL", "SETUSER", "page", "on", f">{SECRET}", "~*", "&*", "+@all")
    engine = connect(f"sqlite:///{folder / 'sensors.db'}")
    ledger = Ledger(engine, "default/sensors")
    ledger.prepare()
    numbers = itertools.count(1)
    for name in ("stationary.csv", "mobile.csv"):
        one = SourceObject(stable_id(name), "default/sensors", "files", f"file:///data/{name}", "v1", "r1")
        ledger.open_object(one)
        cuts = [
            Cut(stable_id(name, str(n)), n, n * 1000, n * 1000 + 1000, 100, n * 100 + 1, n * 100 + 1, "d" * 32)
            for n in range(8)
        ]
        ledger.record_cuts(one.id, cuts)
        ledger.update_object(one.id, state=ObjectState.CUT)
    ledger.mark_dead(stable_id("mobile.csv", "3"), "the worker was killed while it had this batch, 5 times", 5)
    engine.dispose()
    with sqlite3.connect(folder / "sensors.db") as database:
        database.execute(
            "UPDATE dcp_batches SET state = 'done', read = 100, written = 97, duplicates = 3, rejected = 0, filtered = 0,"
            " settled_at = strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || sequence || ' hours') || '000'"
            " WHERE state = 'cut' AND sequence < 6"
        )
        database.execute("UPDATE dcp_batches SET created_at = settled_at WHERE state = 'done'")
    database.close()
    client = server.client()
    queue = Queue(client, "default.sensors", lease_seconds=600, pipeline="default/sensors")
    queue.enqueue([Job(f"job-{next(numbers)}", os.urandom(40_000), pipeline="default/sensors") for _ in range(14)])
    queue.exchange("sensors-worker-0", [], 3)
    for place in range(3):
        queue.beat(f"sensors-worker-{place}", _vitals(place), ttl_seconds=3600)
    _scaled(client, queue.name)
    problem = "https://sensors.example: 403 Forbidden: the key is not accepted"
    publish(client, queue.name, "fetcher", Report(at=time.time(), sources={"files": problem}))


def _scaled(client: redis.Redis, queue: str) -> None:
    """A morning of decisions, in the operator's own words."""
    told = (
        (190, 1, "Backlog", "1 batch waits: 1 worker clears it within 20 s"),
        (172, 4, "Backlog", "38 batches wait, 310 kB/s a worker: 4 workers clear them within 20 s"),
        (150, 6, "Backlog", "71 batches wait: 6 workers clear them within 20 s"),
        (118, 4, "Stabilizing", "fewer have been wished for for 12 s, as long as a worker takes to start"),
        (95, 2, "Stabilizing", "12 batches wait: 2 workers clear them within 20 s"),
        (40, 3, "SinkSlow", "the sink's commits take 6.2 s: no worker is added beyond 3"),
    )
    for minutes, replicas, cause, reason in told:
        note = ScalingNote(at=time.time() - 60 * minutes, replicas=replicas, cause=cause, reason=reason)
        for command in (note_command(queue, note), *history_commands(queue, note)):
            client.execute_command(*command)


def _vitals(place: int) -> WorkerVitals:
    return WorkerVitals(
        started_at=datetime.now(UTC) - timedelta(hours=3),
        tasks_done=420 + 31 * place,
        records=3_900_000 + 170_000 * place,
        cpu_seconds=2100.0,
        rss_bytes=190 << 20,
        busy=place < 2,
        host=f"host-{place}",
        pid=4000 + place,
    )
