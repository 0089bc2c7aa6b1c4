"""The files for process managers: what can be checked without them."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path

from dcp_pipeline.process.exit_codes import INVALID, OVERLAPPING

PACKAGING = Path(__file__).parents[3] / "packaging"
UNIT = (PACKAGING / "systemd" / "dcp@.service").read_text()
MOST_EXPOSURE = 30
"""systemd-analyze's points times ten: under 3 of 10."""


def test_no_manager_starts_again_what_no_start_mends() -> None:
    ends = {INVALID, OVERLAPPING}
    unit = re.search(r"^RestartPreventExitStatus=(.+)$", UNIT, re.MULTILINE)
    assert unit is not None
    assert {int(each) for each in unit[1].split()} == ends
    supervisor = configparser.ConfigParser()
    supervisor.read(PACKAGING / "supervisor" / "dcp-feed.conf")
    assert {int(each) for each in supervisor["program:dcp-feed"]["exitcodes"].split(",")} == {0, *ends}
    (app,) = json.loads((PACKAGING / "pm2" / "ecosystem.config.json").read_text())["apps"]
    assert set(app["stop_exit_codes"]) == {0, *ends}


def test_the_unit_is_hardened(tmp_path: Path) -> None:
    settings = set(UNIT.splitlines())
    assert {"DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="} <= settings
    if program := shutil.which("systemd-analyze"):
        unit = tmp_path / "dcp@feed.service"
        # No dcp is installed where this is tested.
        unit.write_text(re.sub(r"/opt/dcp/bin/dcp\b", "/bin/true", UNIT))
        for words in (["verify"], ["security", "--offline=yes", f"--threshold={MOST_EXPOSURE}", "--no-pager"]):
            done = subprocess.run([program, *words, str(unit)], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout[-600:] + done.stderr
            assert "dcp@" not in done.stderr, "no warning about a line of it"
