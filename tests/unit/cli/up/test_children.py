"""The processes of `dcp up`."""

from __future__ import annotations

import logging
import signal
from pathlib import Path

from dcp_cli.up.children import begin
from dcp_pipeline.setup import load_setup
from support.fleet import write_pipeline


def test_a_process_logs_into_its_own_file_and_errors_into_the_one_that_is_asked_for(tmp_path: Path) -> None:
    root, user = logging.getLogger(), signal.getsignal(signal.SIGUSR1)
    before, level = list(root.handlers), root.level
    root.handlers[:] = []
    errors = tmp_path / "all" / "errors.log"
    environment = {"LOG_ERRORS_FILE": str(errors), "LOG_MAX_BYTES": "2000", "LOG_KEEP": "1"}
    spec = write_pipeline(tmp_path, "one")
    try:
        for name in ("one.fetcher", "one.worker"):
            begin(load_setup(spec, environment), tmp_path / f"{name}.log", "redis://h/0", name)
            for number in range(40):
                logging.getLogger("dcp").info("line %d of many that fill a file", number)
            logging.getLogger("dcp").error("%s is in trouble", name)
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = before
        root.setLevel(level)
        signal.signal(signal.SIGUSR1, user)
    assert [line.rpartition(" error ")[2].strip() for line in errors.read_text().splitlines()] == [
        "one.fetcher is in trouble",
        "one.worker is in trouble",
    ]
    assert {each.name for each in tmp_path.glob("*.log*")} == {
        f"one.{role}.log{rotated}" for role in ("fetcher", "worker") for rotated in ("", ".1")
    }
