"""Whoever cannot begin because of the database says so to the operator: SinkReachable is not what it was last."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcp_pipeline.observe.report import report_key, reports_of
from dcp_pipeline.observe.reporter import Reporter
from support.dcp_process import DcpProcess, write_spec
from support.mariadb_server import shared_mariadb
from support.redis_server import redis_server
from support.waiting import wait_until

PASSWORD = "wrong-never-shown"


@pytest.mark.parametrize("component", ["fetcher", "worker"])
@pytest.mark.parametrize("denied", [True, False], ids=["a wrong password", "nobody there"])
def test_it_is_told_before_there_is_a_ledger_to_sum_up(tmp_path: Path, component: str, denied: bool) -> None:
    port = shared_mariadb().port if denied else 1
    with redis_server() as redis:
        spec = write_spec(
            tmp_path / "botnet.yaml",
            "http://127.0.0.1:1/",
            sink=f"mysql+pymysql://nobody@127.0.0.1:{port}/clean",
            redis=redis.url,
        )
        env = {"DCP_SECRET_SINK_PASSWORD": PASSWORD}
        process = DcpProcess(tmp_path, component, str(spec), "--health-port", "0", env=env)
        client = redis.client()
        try:

            def problem() -> str:
                found = reports_of(client.hgetall(report_key("default.botnet"))).get(component)
                return str(found.sink) if found is not None and found.sink else ""

            wait_until(problem, f"the {component} to tell of the database", 120)
            assert "1045" in problem() if denied else f"127.0.0.1:{port}" in problem()
            assert "never-shown" not in problem()
        finally:
            process.kill()
            client.close()


def test_what_a_server_repeats_of_a_secret_is_in_no_report() -> None:
    sources = {"files": f"403 for {PASSWORD}", "other": None}
    with redis_server() as redis:
        client = redis.client()
        Reporter(
            client, "q", "fetcher", None, lambda: sources,
            sink=lambda: f"no such user ({PASSWORD})", redact=lambda text: text.replace(PASSWORD, "***"),
        ).run_once()  # fmt: skip
        told = reports_of(client.hgetall(report_key("q")))["fetcher"]
    assert (told.sink, told.sources) == ("no such user (***)", {"files": "403 for ***", "other": None})
