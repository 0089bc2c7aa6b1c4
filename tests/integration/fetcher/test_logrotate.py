"""The real logrotate under a writer of 1,000 lines a second; `make logrotate` is the long form, with processes and kills.

Each look here is of a fetcher that knows nothing but the ledger, as after a kill.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.fetching import Fetching, file_source
from support.rotation import MODES, Rotator, Writer, lines_of, numbers_of
from support.waiting import wait_until


@pytest.mark.parametrize("mode", MODES)
def test_what_was_written_is_read_once_through_every_way_of_rotating(tmp_path: Path, mode: str) -> None:
    log = tmp_path / "logs" / "app.log"
    log.parent.mkdir()
    format_ = {"type": "csv", "header": False}
    fetching = Fetching(file_source(log, growth="append", settle="1ms", format=format_), max_records=500)
    writer = Writer(log, 1000)
    try:
        rotator = Rotator(writer, mode)
        for rotation in range(3):
            before = writer.written
            wait_until(lambda before=before: writer.written > before + 300, "the writer writes", 60)  # type: ignore[misc]
            if rotation != 1:
                fetching.round()  # of two rotations one falls between two looks
            if "dateext" in mode:  # whose names are the seconds'
                wait_until(lambda before=before: writer.written > before + 1100, "a second goes by", 60)  # type: ignore[misc]
            rotator.rotate()
    finally:
        writer.stop()
    for _ in range(3):
        fetching.run()
    on_disk = numbers_of(lines_of(log.parent))
    read = [line for batch in fetching.queue.batches() for line in batch.raw().splitlines()]
    assert numbers_of(read) == on_disk
    assert len(set(on_disk)) == len(on_disk)
    if "copytruncate" not in mode:  # what comes between its copy and its truncation is on no disk
        assert on_disk == list(range(writer.written))
