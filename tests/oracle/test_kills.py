"""`dcp run --once`, killed at 20 moments over all phases and started again each time, ends as if nothing had been."""

from __future__ import annotations

import random
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from dcp_pipeline.ledger import connect
from dcp_pipeline.observe.phases import Phase
from oracle.compare import assert_equals_oracle, assert_totals
from oracle.conftest import Feed
from support import killing_run
from support.dcp_process import DcpProcess, dcp, write_spec

FETCHER_PHASES = (Phase.FETCHING, Phase.CUT)
"""First, for as long as there is something to fetch and to cut."""
WORKER_PHASES = (
    Phase.ENQUEUED,
    Phase.CLAIMED,
    Phase.CLEANED,
    Phase.INSERTED,
    Phase.COMMITTED,
    Phase.ACKNOWLEDGED,
)
PHASES = (*FETCHER_PHASES * 3, *WORKER_PHASES * 3)[:20]


@pytest.mark.timeout(1200)
def test_twenty_kills_change_nothing(feed: Feed, tmp_path: Path) -> None:
    seed = 7
    chance = random.Random(seed)
    url = f"sqlite:///{tmp_path}/clean.db"
    spec = write_spec(tmp_path / "spec.yaml", feed.url, sink=url, max_records=500)
    program = [sys.executable, killing_run.__file__]
    fell: Counter[str] = Counter()
    for phase in PHASES:
        process = DcpProcess(tmp_path, str(spec), phase.value, str(chance.randrange(1, 5)), program=program)
        code = process.wait()
        assert code == -signal.SIGKILL, f"not killed at {phase}: {code} {process.err()[-2000:]}"
        fell[phase.value] += 1
    print(f"seed {seed}, kills by the phase after which they fell: {dict(fell)}")
    code, process = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
    assert code == 0, process.err()
    assert_totals(process.answer(), feed.expected)
    assert_equals_oracle(connect(url), feed.expected)
    code, verification = dcp(tmp_path, "verify", str(spec), "-o", "json")
    assert (code, verification.answer()["findings"]) == (0, [])
