"""How the fetcher's process starts where servers are not there yet, as in a cluster where all pods start together."""

from __future__ import annotations

from pathlib import Path

from support.dcp_process import DcpProcess, write_spec
from support.mariadb_server import free_port
from support.waiting import wait_until


def test_it_waits_for_servers_that_are_not_there_yet_and_stops_when_asked(tmp_path: Path) -> None:
    nobody, sink = f"redis://127.0.0.1:{free_port()}/0", f"mysql+pymysql://dcp@127.0.0.1:{free_port()}/clean"
    spec = write_spec(tmp_path / "spec.yaml", "http://127.0.0.1:9/", redis=nobody, sink=sink)
    fetcher = DcpProcess(
        tmp_path, "fetcher", str(spec), "--health-port", "0", env={"DCP_SECRET_SINK_PASSWORD": "secret"}
    )
    try:
        wait_until(
            lambda: "waiting: " in fetcher.err() or fetcher.process.poll() is not None, "the fetcher to wait", 180
        )
        assert fetcher.process.poll() is None, fetcher.err()
        assert fetcher.terminate() == 0
    finally:
        fetcher.kill()
