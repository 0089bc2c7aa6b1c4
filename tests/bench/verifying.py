"""What `dcp verify` costs of a large table: time and memory, of its own and of the database's server; killed, and resumed.

    PYTHONPATH=tests python -m bench.verifying [--rows 1000000 5000000]

A MariaDB with its defaults. The rows are made by the server itself, 8,600 of each batch, as if workers had written them.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from bench.history import PIPELINE, SINK, SOURCE, SPEC, cost_of, told
from dcp_pipeline.batch import batch_id, object_id
from dcp_pipeline.ledger import Ledger, connect
from dcp_pipeline.spec.parse import load_pipeline
from dcp_worker.sink import SinkWriter
from support.mariadb_server import MariaDBServer, mariadb_server

BATCH_ROWS, BATCHES_OF_OBJECT = 8_600, 500
OBJECT = (
    "INSERT INTO dcp_objects (id, pipeline, source, uri, uri_digest, version, revision, state, header_end, header_lines, "
    "created_at, updated_at) VALUES (:id, :pipeline, :source, :uri, :digest, 'v', 'r', 'cut', 0, 0, NOW(6), NOW(6))"
)
BATCH = (
    "INSERT INTO dcp_batches (id, pipeline, object_id, kind, sequence, start, `end`, records, first_record, first_line, "
    "digest, state, `read`, written, duplicates, rejected, filtered, created_at, settled_at) VALUES (:batch, :pipeline, "
    ":id, 'cut', :sequence, :start, :end, :rows, :first, :first, :digest, 'done', :rows, :rows, 0, 0, 0, NOW(6), NOW(6))"
)
ROWS = (
    "INSERT INTO past (a, b, _dcp_id, _dcp_batch, _dcp_record) SELECT :number + seq, 'some text of a row', "
    "UNHEX(CONCAT(LPAD(HEX(2147483648 + :number + seq), 8, '0'), MD5(:number + seq))), UNHEX(:batch), :first + seq - 1 "
    "FROM seq_1_to_8600"
)


def main() -> None:
    """Print what each number of rows costs."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 5_000_000])
    given = asked.parse_args()
    with mariadb_server() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "feed").mkdir()
        url = server.create_database("verifying")
        spec = SPEC.replace("FOLDER", str(folder / "feed")) + SINK.replace("URL", url)
        (folder / "past.yaml").write_text(spec)
        environment = os.environ | {"DCP_SECRET_SINK_PASSWORD": server.password}
        engine = connect(url, password=server.password)
        Ledger(engine, PIPELINE).prepare()
        SinkWriter(engine, PIPELINE, "past").prepare(load_pipeline(folder / "past.yaml").spec.cleaning)
        batches = 0
        for rows in sorted(given.rows):
            before = server_cpu(server)
            while batches * BATCH_ROWS < rows:
                with engine.begin() as connection:
                    if batches % BATCHES_OF_OBJECT == 0:
                        connection.execute(text(OBJECT), entry(batches))
                    connection.execute(text(BATCH), entry(batches))
                    connection.execute(text(ROWS), entry(batches))
                batches += 1
            filled = server_cpu(server)
            cost = cost_of(folder, environment, "verify", "past.yaml")
            server_seconds = server_cpu(server) - filled
            print(
                f"{batches * BATCH_ROWS:,} rows (put in with {filled - before:.0f} CPU-s of the server): {told(cost)}; "
                f"the server {server_seconds:.1f} CPU-s, {server_peak_mb(server):.0f} MB",
                flush=True,
            )
        resumed(folder, environment, cost.seconds / 2)
        engine.dispose()


def resumed(folder: Path, environment: dict[str, str], seconds: float) -> None:
    """Kill one in the middle, and go on."""
    command = [sys.executable, "-m", "dcp_cli", "verify", "past.yaml"]
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    _, said = process.communicate()
    cost = cost_of(folder, environment, "verify", "past.yaml", "--resume")
    print(f"killed after {seconds:.0f} s ({said.strip().splitlines()[-1:]}), resumed: {told(cost)}", flush=True)
    print((folder / "out").read_text().strip())


def entry(number: int) -> dict[str, object]:
    """What the ledger says of one batch and its object."""
    uri = f"file:///var/feeds/{number // BATCHES_OF_OBJECT:06}.csv"
    one, sequence = object_id(PIPELINE, SOURCE, uri, "v"), number % BATCHES_OF_OBJECT
    start, digest = sequence * 1_000_000, f"{number:032x}"
    return {
        "id": one,
        "pipeline": PIPELINE,
        "source": SOURCE,
        "uri": uri,
        "digest": digest,
        "batch": batch_id(PIPELINE, SOURCE, one, start, start + 1_000_000, digest),
        "sequence": sequence,
        "start": start,
        "end": start + 1_000_000,
        "rows": BATCH_ROWS,
        "first": sequence * BATCH_ROWS + 1,
        "number": number * BATCH_ROWS,
    }


def server_cpu(server: MariaDBServer) -> float:
    """CPU seconds of the database so far."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def server_peak_mb(server: MariaDBServer) -> float:
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
