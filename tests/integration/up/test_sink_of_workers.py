"""What workers meet at the sink is known to the fetcher that tells of it."""

from __future__ import annotations

from pathlib import Path

from dcp_cli.up.children import sink_of_workers
from dcp_pipeline.connect import open_shared
from dcp_pipeline.observe.reporter import Reporter
from dcp_pipeline.setup import load_setup
from support.fleet import write_pipeline
from support.redis_server import valkey_server


def test_a_table_that_refuses_rows_is_a_trouble_of_the_sink_though_the_ledger_answers(tmp_path: Path) -> None:
    with valkey_server() as server:
        spec = write_pipeline(tmp_path, "one", more=f"  queue: {{redis: {{url: '{server.url}'}}}}\n")
        shared = open_shared(load_setup(spec, {}), pool_size=1)
        shared.ledger.prepare()
        assert sink_of_workers(shared) is None
        met = ["TableMismatch: table one has no column n"]
        reporter = Reporter(
            shared.client,
            shared.queue.name,
            "worker",
            shared.ledger.totals,
            period_seconds=0.001,
            sink=lambda: met[0] if met else None,
        )
        reporter.run_once()
        assert sink_of_workers(shared) == met[0]
        met.clear()
        shared.client.flushall()  # the turn
        reporter.run_once()
        assert sink_of_workers(shared) is None
        shared.close()
