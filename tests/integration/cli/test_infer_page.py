"""docs/infer.md, done as it says: from a feed that nobody described to its rows."""

from __future__ import annotations

import csv
import re
import sqlite3
from pathlib import Path

from support.dcp_process import dcp, served

PAGE = (Path(__file__).parents[3] / "docs" / "infer.md").read_text()


def block(name: str) -> str:
    found = re.search(rf"```\w+ {name}\n(.*?)```", PAGE, re.DOTALL)
    assert found, name
    return found[1]


def test_a_never_seen_feed_becomes_clean_rows_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "feed").mkdir()
    (tmp_path / "feed" / "blacklist.txt").write_bytes(block("feed").encode("latin-1"))
    with served(tmp_path / "feed") as url:
        code, process = dcp(tmp_path, "infer", f"{url.rstrip('/')}/blacklist.txt")
        assert code == 0, process.err()
        draft = process.out()
        assert re.sub(r"http://[^/]+/", "http://127.0.0.1:8000/", draft) == block("draft")
        edited = draft
        for line in block("edited").splitlines():
            name = line.split(",")[0]
            edited = "\n".join(line if each.startswith(f"{name},") else each for each in edited.split("\n"))
        assert edited != draft
        spec = tmp_path / "blacklist.yaml"
        spec.write_text(edited)
        code, process = dcp(tmp_path, "preview", str(spec))
        assert code == 0, process.err()
        code, process = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
        assert code == 0, process.err()
        answer = process.answer()
    assert {name: answer[name] for name in ("read", "written", "duplicates", "rejected")} == {
        "read": 4, "written": 3, "duplicates": 1, "rejected": 0,
    }  # fmt: skip
    labels, *expected = csv.reader(block("rows").splitlines())
    with sqlite3.connect(tmp_path / "blacklist.db") as connection:
        found = connection.execute(f"SELECT {', '.join(labels)} FROM blacklist ORDER BY datum, adresse").fetchall()
    shown = [["" if cell is None else re.sub(r"\.0+$", "", str(cell)) for cell in row] for row in found]
    assert shown == expected
