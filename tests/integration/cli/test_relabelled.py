"""An IIS log whose fields change while it grows: whole runs, the books, rejects replayed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import yaml

from support.dcp_process import dcp

FIRST = b"#Fields: date cs-uri-stem c-ip sc-status\n2024 /a 192.0.2.1 200\n2024 /b 192.0.2.2 404\n"
SECOND = b"#Fields: c-ip sc-status cs-uri-stem\n192.0.2.3 200 /c\n192.0.2.4 many /d\n"
THIRD = b"#Software: IIS\n#Fields: sc-status c-ip cs-uri-stem\n200 192.0.2.5 /e\n"
FORMAT = {"type": "csv", "delimiter": " ", "commentChar": "#", "commentedHeader": True}


def write(path: Path) -> Path:
    fields = [{"name": "client", "from": "c-ip", "type": "ip"}, {"name": "stem", "from": "cs-uri-stem"}]
    spec = {
        "sources": [{"name": "f", "file": {"path": "in.log", "growth": "append"}, "format": FORMAT}],
        "cleaning": {
            "fields": [*fields, {"name": "status", "from": "sc-status", "type": "integer"}],
            "unique": ["stem"],
        },
        "sink": {"sql": {"url": f"sqlite:///{path.parent}/clean.db", "table": "t"}},
    }
    head = {"apiVersion": "datacleaning.io/v1beta1", "kind": "DataCleaningPipeline", "metadata": {"name": "iis"}}
    path.write_text(yaml.safe_dump({**head, "spec": spec}))
    return path


def rows(folder: Path) -> list[tuple[str, ...]]:
    with sqlite3.connect(folder / "clean.db") as connection:
        return connection.execute("SELECT stem, client, CAST(status AS TEXT) FROM t ORDER BY stem").fetchall()


def test_the_fields_of_a_growing_log_change_and_its_rejects_are_replayed_with_their_own(tmp_path: Path) -> None:
    spec, log = write(tmp_path / "spec.yaml"), tmp_path / "in.log"
    read = 0
    for more, now in ((FIRST, 2), (SECOND, 4), (THIRD, 5)):
        with log.open("ab") as out:
            out.write(more)
        code, process = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
        assert code == 0, process.err()
        read = process.answer()["read"]
        assert read == now
    good = [
        ("/a", "192.0.2.1", "200"),
        ("/b", "192.0.2.2", "404"),
        ("/c", "192.0.2.3", "200"),
        ("/e", "192.0.2.5", "200"),
    ]
    assert rows(tmp_path) == good
    text = yaml.safe_load(spec.read_text())
    text["spec"]["cleaning"]["missingValues"] = ["", "many"]
    spec.write_text(yaml.safe_dump(text))
    code, replay = dcp(tmp_path, "rejects", "replay", str(spec), "-o", "json")
    assert code == 0, replay.err()
    assert (replay.answer()["replayed"], replay.answer()["written"]) == (1, 1)
    assert rows(tmp_path) == sorted([*good, ("/d", "192.0.2.4", None)])
    code, verification = dcp(tmp_path, "verify", str(spec), "-o", "json")
    assert (code, verification.answer()["balanced"]) == (0, True)
