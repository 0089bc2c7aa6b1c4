"""`dcp up` as its users run it, over a folder of small specs."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from support.dcp_process import DcpProcess, dcp
from support.waiting import wait_until

PATIENT = 180
"""Seconds: on a starved machine everything begins late."""


def write_pipeline(folder: Path, name: str, rows: int = 3, more: str = "") -> Path:
    """NAME.yaml with a feed of so many rows; `more` is put below `spec`."""
    feed = folder / f"feed-{name}"
    feed.mkdir(parents=True, exist_ok=True)
    (feed / "first.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(rows)))
    spec = folder / f"{name}.yaml"
    spec.write_text(
        f"apiVersion: datacleaning.io/v1beta1\nkind: DataCleaningPipeline\nmetadata: {{name: {name}}}\nspec:\n"
        f"  sources: [{{name: feed, file: {{path: feed-{name}, interval: 200ms}}}}]\n"
        f"  cleaning: {{fields: [{{name: n, type: integer}}], unique: [n]}}\n{more}"
    )
    return spec


class Fleet:
    """A folder and its `dcp up`."""

    def __init__(self, folder: Path, state: Path) -> None:
        self.folder, self.state = folder, state
        folder.mkdir(exist_ok=True)

    def up(self, *options: str) -> DcpProcess:
        """Start it; it is up when this returns."""
        process = DcpProcess(self.state, "up", str(self.folder), *options)
        wait_until(lambda: "up: " in process.err() or process.process.poll() is not None, "it is up", PATIENT)
        assert process.process.poll() is None, process.err()
        return process

    def run(self, *arguments: str) -> tuple[int, DcpProcess]:
        """Another command, as from the same shell."""
        return dcp(self.state, *arguments)

    def status(self) -> dict[str, Any]:
        """What the supervisor last wrote."""
        return dict(json.loads((self.state / "state" / "up" / "status.json").read_bytes()))

    def pipeline(self, name: str) -> dict[str, Any]:
        """Of one pipeline; empty where there is none."""
        return next((each for each in self.status()["pipelines"] if each["name"] == name), {})

    def pids(self, name: str, role: str = "fetcher", state: str = "running") -> list[int]:
        """Its processes of a kind."""
        found = self.pipeline(name).get("processes", [])
        return [each["pid"] for each in found if each["role"] == role and each["state"] == state]

    def all_pids(self) -> list[int]:
        """Of every process, the supervisor's first."""
        status = self.status()
        return [status["pid"], *(each["pid"] for one in status["pipelines"] for each in one["processes"])]

    def rows(self, name: str) -> int:
        """In its table; 0 where there is none yet."""
        path = self.folder / f"{name}.db"
        if not path.exists():
            return 0
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
        try:
            return int(connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0])
        except sqlite3.OperationalError:
            return 0
        finally:
            connection.close()

    def wait_for_rows(self, name: str, count: int) -> None:
        wait_until(lambda: self.rows(name) == count, f"{count} rows of {name}", PATIENT, 0.1)


def is_alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pids: list[int]) -> bool:
    return not any(is_alive(pid) for pid in pids)
