"""`dcp doctor` on real servers: each fault by its name, with what mends it; all of them at once."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import yaml

from dcp_cli.doctor.command import found
from dcp_cli.findings.finding import Finding, State
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.setup import load_setup
from support.botnet_feed import HEADER
from support.databases import Database
from support.dcp_process import dcp, served, write_spec
from support.mariadb_server import free_port
from support.redis_groups import cluster
from support.redis_server import redis_server


def examined(spec: Path, environment: dict[str, str] | None = None) -> dict[str, list[Finding]]:
    environment = {"DCP_STATE_DIR": str(spec.parent / "state"), **(environment or {})}
    by_name: dict[str, list[Finding]] = {}
    for each in found(load_setup(spec, environment)):
        by_name.setdefault(each.about, []).append(each)
    return by_name


def feed_of(folder: Path) -> Path:
    folder.mkdir()
    (folder / "a.csv").write_text(f"{HEADER}\n")
    return folder


def test_a_user_without_rights_is_told_each_by_name_and_the_grant_that_mends_it(
    tmp_path: Path, mysql_like: Database
) -> None:
    server, database = mysql_like.server, str(mysql_like.engine.url.database)
    assert server is not None
    Ledger(mysql_like.engine, "default/botnet").prepare()
    with served(feed_of(tmp_path / "feed")) as url, redis_server() as redis:
        spec = write_spec(tmp_path / "spec.yaml", url, sink=mysql_like.url, redis=redis.url)
        secret = {"DCP_SECRET_SINK_PASSWORD": server.password}
        well = examined(spec, secret)
        assert [each for all_ in well.values() for each in all_ if each.state is State.WRONG] == []
        assert well["sink.rights"][0].state is State.OK
        server.grant(database, "SELECT, INSERT, CREATE, INDEX")
        (finding, unseen) = examined(spec, secret)["sink.rights"]
        assert (finding.state, unseen.state) == (State.WRONG, State.WARNING)
        assert f"lacks UPDATE, DELETE, ALTER in {database}" in finding.says
        assert "lacks TRIGGER" in unseen.says
        statement = finding.mend
        assert statement.startswith("GRANT UPDATE, DELETE, ALTER ON")
        server.execute(statement)
        assert examined(spec, secret)["sink.rights"][0].state is State.OK


def test_who_keeps_rows_for_a_while_is_told_that_they_go_slowly_without_drop(
    tmp_path: Path, mysql_like: Database
) -> None:
    server, database = mysql_like.server, str(mysql_like.engine.url.database)
    assert server is not None
    Ledger(mysql_like.engine, "default/botnet").prepare()
    rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, TRIGGER"
    server.grant(database, rights)
    secret = {"DCP_SECRET_SINK_PASSWORD": server.password}
    with served(feed_of(tmp_path / "feed")) as url:
        spec = write_spec(tmp_path / "spec.yaml", url, sink=mysql_like.url)
        assert [each.state for each in examined(spec, secret)["sink.rights"]] == [State.OK]
        document = yaml.safe_load(spec.read_text())
        document["spec"]["sink"]["sql"]["retention"] = {"by": "seen_at", "keep": "90d"}
        spec.write_text(yaml.safe_dump(document))
        _, finding = examined(spec, secret)["sink.rights"]
        assert (finding.state, "lacks DROP" in finding.says) == (State.WARNING, True)
        server.execute(finding.mend)
        assert [each.state for each in examined(spec, secret)["sink.rights"]] == [State.OK]


def test_rights_by_a_role_count(tmp_path: Path, mariadb: Database) -> None:
    server, database = mariadb.server, str(mariadb.engine.url.database)
    assert server is not None
    server.grant(database, "SELECT", user="by_role")
    server.execute("CREATE OR REPLACE ROLE cleaner")
    server.execute(f"GRANT ALL ON `{database}`.* TO cleaner")
    server.execute("GRANT cleaner TO 'by_role'@'%'")
    server.execute("SET DEFAULT ROLE cleaner FOR 'by_role'@'%'")
    with served(feed_of(tmp_path / "feed")) as url:
        sink = mariadb.url.replace("pipeline@", "by_role@")
        spec = write_spec(tmp_path / "spec.yaml", url, sink=sink)
        assert examined(spec, {"DB_PASSWORD": server.password})["sink.rights"][0].state is State.OK


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    port = free_port()
    with sqlite3.connect(tmp_path / "clean.db") as connection:
        connection.execute("CREATE TABLE botnet (id INTEGER PRIMARY KEY, src_ip TEXT)")
    spec = write_spec(tmp_path / "spec.yaml", f"http://127.0.0.1:{port}/", sink=f"sqlite:///{tmp_path}/clean.db")
    code, process = dcp(tmp_path, "doctor", str(spec), "--redis", f"redis://127.0.0.1:{port}/0", "-o", "json")
    answer = process.answer()
    code_of_validate, validated = dcp(tmp_path, "validate", str(spec), "--connect")
    assert (code_of_validate, "spec.sink: sink.table: table botnet" in validated.err()) == (2, True), validated.err()
    assert dcp(tmp_path, "validate", str(spec))[0] == 0, "needs no server"
    told = {each["about"]: each["state"] for each in answer["findings"]}
    assert (code, answer["healthy"]) == (1, False)
    assert {name for name, state in told.items() if state == "wrong"} == {
        "source.sinkhole", "queue.connection", "sink.table"
    }  # fmt: skip
    assert all(each["mend"] for each in answer["findings"] if each["state"] != "ok")


def test_a_secret_that_is_not_at_hand_is_named_and_no_value_is_shown(tmp_path: Path, mariadb: Database) -> None:
    assert mariadb.server is not None
    with served(feed_of(tmp_path / "feed")) as url:
        spec = write_spec(tmp_path / "spec.yaml", url, sink=mariadb.url)
        without = examined(spec)
        assert "export DCP_SECRET_SINK_PASSWORD" in without["secrets"][0].mend
        wrong = examined(spec, {"DCP_SECRET_SINK_PASSWORD": "not-the-password"})
    assert wrong["sink.connection"][0].state is State.WRONG
    assert "not-the-password" not in str(wrong)


def test_a_queue_that_throws_work_away_when_it_is_full_is_a_warning(tmp_path: Path) -> None:
    with (
        served(feed_of(tmp_path / "feed")) as url,
        redis_server(maxmemory="100mb", maxmemory_policy="allkeys-lru") as redis,
    ):
        spec = write_spec(tmp_path / "spec.yaml", url, redis=redis.url)
        policy, memory = examined(spec)["queue.memory"]
    assert (policy.state, memory.state) == (State.WARNING, State.WRONG)
    assert "allkeys-lru" in policy.says


def test_of_several_hosts_the_silent_ones_are_named_and_one_server_of_a_cluster_is_not_enough(tmp_path: Path) -> None:
    with served(feed_of(tmp_path / "feed")) as url, cluster() as servers:
        dead = f"127.0.0.1:{free_port()}"
        spec = write_spec(tmp_path / "spec.yaml", url, redis=f"{servers.url},{dead}")
        found_ = examined(spec)
        (silent,) = found_["queue.hosts"]
        assert (silent.state, silent.says.startswith(f"{dead}: ")) == (State.WARNING, True)
        here = servers.owner("{default.botnet}:meta").port
        assert found_["queue.connection"][0].says.endswith(f" on 127.0.0.1:{here}")
        one = write_spec(tmp_path / "one.yaml", url, redis=f"redis://127.0.0.1:{here}/0")
        (told,) = examined(one)["queue.cluster"]
    assert (told.state, "redis+cluster://" in told.mend) == (State.WRONG, True)


def test_a_doctor_makes_nothing(tmp_path: Path, sqlite: Database) -> None:
    with served(feed_of(tmp_path / "feed")) as url:
        spec = write_spec(tmp_path / "spec.yaml", url, sink=f"sqlite:///{tmp_path}/never.db")
        before = sorted(tmp_path.iterdir())
        found_ = examined(spec)
    assert [each for all_ in found_.values() for each in all_ if each.state is State.WRONG] == []
    assert sorted(tmp_path.iterdir()) == before
