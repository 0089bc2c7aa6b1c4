"""A resource is applied: its rows are the oracle's and the laptop's, and its workers follow the backlog."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcp_pipeline.ledger import connect
from e2e.support.botnet import Document, on_a_laptop, resource
from e2e.support.clean_table import digest, done, held
from e2e.support.stage import Stage, wait_for
from oracle.compare import assert_equals_oracle, assert_totals
from oracle.oracle import expect
from support.botnet_feed import Mix, write_feed
from support.dcp_process import EXAMPLES, dcp, served

RECORDS = 20_000
MOST = 3
COUNTRIES = EXAMPLES / "country.mmdb"


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records that stand in two files are equal in both, so that it does not matter which of them stays: two tables
    are compared byte by byte."""
    folder = tmp_path_factory.mktemp("feed")
    write_feed(folder / "sinkhole", RECORDS, files=4, seed=20261122, mix=Mix(duplicates=0))
    (folder / "country.mmdb").write_bytes(COUNTRIES.read_bytes())
    return folder


@pytest.fixture(scope="module")
def botnet(stage: Stage) -> Document:
    batch = {"maxRecords": 1_000}
    document = resource(stage.kube.namespace, fetcher={"batch": batch}, scaling={"maxReplicas": MOST})
    stage.start(document)
    return document


def files(feed: Path) -> list[Path]:
    return sorted((feed / "sinkhole").iterdir())


def test_workers_come_up_to_the_most_and_clean_what_the_oracle_expects(
    stage: Stage, botnet: Document, feed: Path, tmp_path: Path
) -> None:
    assert stage.replicas() == 0
    stage.put(files(feed)[0], f"sinkhole/{files(feed)[0].name}")
    wait_for(lambda: stage.replicas(), "workers to be wanted")
    first = expect(files(feed)[:1], COUNTRIES).read
    wait_for(lambda: done(stage.database, first), "the first file to be cleaned", 120)
    with held(stage.database):
        for path in files(feed)[1:]:
            stage.put(path, f"sinkhole/{path.name}")
        wait_for(lambda: len(stage.ready_workers()) == MOST, "as many workers as there may be", 120)
        wait_for(lambda: stage.status()["workers"]["ready"] == MOST, "the status to say so")
        wait_for(lambda: stage.status()["backlog"]["batches"] > 0, "it to tell the backlog")
        assert stage.status()["scaling"]["replicas"] == stage.replicas() == MOST
        assert any(f"-> {MOST}:" in each for each in stage.events("Scaled"))
    expected = expect(files(feed), COUNTRIES)
    settled(stage, expected.read)
    assert_equals_oracle(stage.database, expected)
    books = stage.dcp("verify", botnet, tmp_path)
    assert books["findings"] == []
    assert_totals(books, expected)


def test_the_same_pipeline_on_a_laptop_gives_the_same_table(
    stage: Stage, botnet: Document, feed: Path, tmp_path: Path
) -> None:
    with served(feed) as url:
        spec = on_a_laptop(botnet, url, tmp_path / "botnet.yaml")
        code, process = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
    assert code == 0, process.err()
    assert digest(connect(f"sqlite:///{tmp_path}/botnet.db")) == digest(stage.database)


def test_drained_workers_go_and_a_new_object_brings_them_back(
    stage: Stage, botnet: Document, feed: Path, tmp_path: Path
) -> None:
    wait_for(lambda: stage.replicas() == 0, "no worker to be wanted", 90)
    wait_for(lambda: not stage.ready_workers(), "no worker to be there")
    wait_for(lambda: stage.status()["workers"] == {"replicas": 0, "ready": 0, "desired": 0}, "the status to say so")
    assert stage.condition("Ready")["status"] == "True"
    assert stage.events("Scaled")[-1].endswith("-> 0: the queue is empty")
    later = write_feed(tmp_path / "later", 2_000, files=1, seed=7)[0].rename(feed / "sinkhole" / "later.csv")
    stage.put(later, "sinkhole/later.csv")
    wait_for(lambda: stage.replicas(), "a worker to be wanted again")
    # Of an Event that was posted a moment ago with the same words there is no second one: the status tells.
    wait_for(lambda: stage.status()["scaling"]["replicas"] > 0, "the status to say so")
    expected = expect(files(feed), COUNTRIES)
    settled(stage, expected.read)
    assert_equals_oracle(stage.database, expected)
    assert_totals(stage.dcp("verify", botnet, tmp_path), expected)


def settled(stage: Stage, read: int) -> None:
    """Wait until every record is accounted for: in the ledger, and then in the resource's own status."""
    wait_for(lambda: done(stage.database, read), "every record to be accounted for", 120)

    def told() -> bool:
        records = stage.status().get("records", {})
        return records.get("read") == read and records.get("pending") == 0

    # On a busy machine the books are summed up as seldom as once a minute.
    wait_for(told, "the status to say so", 90)
