"""`deletionPolicy: Delete` in a cluster: keys and books go, rows stay; what cannot go is told, and holds up no namespace."""

from __future__ import annotations

from pathlib import Path

import redis
from sqlalchemy import text

from e2e.support.botnet import NAME, resource
from e2e.support.clean_table import TABLE, done
from e2e.support.stage import GONE_WITHIN_SECONDS, PASSWORD, Stage, wait_for
from support.botnet_feed import write_feed

RECORDS = 2_000
LEDGER = ("dcp_objects", "dcp_batches", "dcp_totals", "dcp_specs")


def count(stage: Stage, table: str) -> int:
    with stage.database.connect() as connection:
        return int(connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one())


def keys(stage: Stage) -> list[bytes]:
    with redis.Redis(port=stage.queue_port, password=PASSWORD) as client:
        return sorted(client.scan_iter(match=f"*{stage.kube.namespace}*"))


def test_keys_and_books_go_with_the_pipeline_and_what_cannot_go_holds_up_no_namespace(
    stage: Stage, tmp_path: Path
) -> None:
    document = resource(stage.kube.namespace, deletionPolicy="Delete")
    stage.start(document)
    for path in write_feed(tmp_path, RECORDS, files=1, seed=5):
        stage.put(path, f"sinkhole/{path.name}")
    wait_for(lambda: done(stage.database, RECORDS), "every batch to be done", 180)
    rows = count(stage, TABLE)
    assert (rows > RECORDS * 0.9, bool(keys(stage)), count(stage, "dcp_objects")) == (True, True, 1)

    stage.kube.delete("DataCleaningPipeline", NAME)
    wait_for(lambda: stage.kube.get("DataCleaningPipeline", NAME) is None, "the resource to go", GONE_WITHIN_SECONDS)
    assert {each: count(stage, each) for each in LEDGER} == dict.fromkeys(LEDGER, 0)
    assert (keys(stage), count(stage, TABLE)) == ([], rows)
    (forgotten,) = stage.events("Forgotten")
    assert "1 objects" in forgotten

    stage.start(document)
    wait_for(lambda: done(stage.database, RECORDS), "all to be read again", 180)
    assert count(stage, TABLE) == rows, "what stands there is not doubled"
    stage.kube.delete("Secret", "mariadb")
    stage.kube.delete("DataCleaningPipeline", NAME)
    wait_for(lambda: stage.condition("Ready").get("reason") == "SecretMissing", "it to be told", GONE_WITHIN_SECONDS)
    assert "spec.deletionPolicy: Retain lets it go" in stage.condition("Ready")["message"]
    # The stage's own end deletes the namespace now, and fails where that does not go.
