"""docs/upgrades.md: a second folder beside the first, verified, then switched to."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from support.fleet import PATIENT, Fleet, gone, write_pipeline
from support.waiting import wait_until

GREEN = """extends: ../blue/one.yaml
kind: DataCleaningPipeline
metadata: {name: one-green}
spec:
  sources: [{name: feed, file: {path: ../blue/feed-one}}]
  sink: {sql: {url: "sqlite:///../blue/one.db", table: one_green}}
  cleaning: {filter: [{drop: {field: n, equals: 1}}]}
"""


def table(path: Path, name: str) -> list[int]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as connection:
        return [row[0] for row in connection.execute(f"SELECT n FROM {name} ORDER BY n")]


def test_green_is_verified_beside_blue_and_takes_over(tmp_path: Path) -> None:
    blue, green = Fleet(tmp_path / "blue", tmp_path / "work-blue"), Fleet(tmp_path / "green", tmp_path / "work-green")
    write_pipeline(blue.folder, "one", rows=4)
    (green.folder / "one.yaml").write_text(GREEN)
    ups = [blue.up(), green.up()]
    try:
        blue.wait_for_rows("one", 4)
        database = blue.folder / "one.db"

        def settled() -> bool:
            code, status = green.run("status", str(green.folder / "one.yaml"), "-o", "json")
            answer = status.answer() if status.out() else {"read": 0, "pending": 1}
            return code == 0 and answer["read"] == 4 and answer["pending"] == 0

        wait_until(settled, "green has read everything", PATIENT, 0.5)
        code, verified = green.run("verify", str(green.folder / "one.yaml"))
        assert code == 0, verified.err() + verified.out()
        assert (table(database, "one"), table(database, "one_green")) == ([0, 1, 2, 3], [0, 2, 3])

        pids = blue.all_pids()
        assert blue.run("down", str(blue.folder))[0] == 0
        assert gone(pids)
        assert ups[0].wait(PATIENT) == 0
        (blue.folder / "feed-one" / "second.csv").write_text("n\n1\n9\n")
        wait_until(lambda: table(database, "one_green") == [0, 2, 3, 9], "green goes on", PATIENT, 0.2)
        assert table(database, "one") == [0, 1, 2, 3]
    finally:
        for up in ups:
            if up.process.poll() is None:
                up.terminate(PATIENT)
