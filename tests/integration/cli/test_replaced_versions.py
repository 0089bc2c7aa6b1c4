"""Rejects of a file that was mended since: no longer listed, exported or replayed, unless they are asked for."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from support.dcp_process import dcp

GOOD, BAD = "id,n\n1,10\n2,20\n", "id,n\n1,10\n2,twenty\n"


def write(path: Path, growth: str, **cleaning: object) -> Path:
    fields = [{"name": "id", "type": "integer"}, {"name": "n", "type": "integer"}]
    spec = {
        "sources": [{"name": "f", "file": {"path": "in", "include": ["*.csv"], "growth": growth, "settle": "1ms"}}],
        "cleaning": {"fields": fields, "unique": ["id"], **cleaning},
        "sink": {"sql": {"url": f"sqlite:///{path.parent}/clean.db", "table": "t"}},
    }
    head = {"apiVersion": "datacleaning.io/v1beta1", "kind": "DataCleaningPipeline", "metadata": {"name": "p"}}
    path.write_text(yaml.safe_dump({**head, "spec": spec}))
    return path


def run(folder: Path, spec: Path) -> None:
    code, process = dcp(folder, "run", str(spec), "--once")
    assert code == 0, process.err()


def listed(folder: Path, spec: Path, *more: str) -> tuple[int, int]:
    """How many rejects are listed, and how many are left out as those of replaced versions."""
    code, listing = dcp(folder, "rejects", "ls", str(spec), "-o", "json", *more)
    assert code == 0, listing.err()
    return listing.answer()["total"], listing.answer()["replaced"]


def test_the_rejects_of_a_version_stand_until_a_newer_one_was_read(tmp_path: Path) -> None:
    spec = write(tmp_path / "spec.yaml", "replace")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text(BAD)
    (tmp_path / "in" / "b.csv").write_text(BAD.replace("1,", "7,").replace("2,", "8,"))
    run(tmp_path, spec)
    assert listed(tmp_path, spec) == (2, 0)
    (tmp_path / "in" / "a.csv").write_text(GOOD)
    run(tmp_path, spec)
    assert listed(tmp_path, spec) == (1, 1)
    assert listed(tmp_path, spec, "--replaced") == (2, 0)
    _, told = dcp(tmp_path, "rejects", "ls", str(spec))
    assert "b.csv" in told.out()
    assert "a.csv" not in told.out()
    assert "1 more are of versions of a file that a newer one has replaced" in told.out()
    _, export = dcp(tmp_path, "rejects", "export", str(spec), "--format", "ndjson")
    assert [json.loads(line)["uri"].rsplit("/", 1)[-1] for line in export.out().splitlines()] == ["b.csv"]
    assert "--replaced" in export.err()
    write(spec, "replace", missingValues=["", "twenty"])
    _, replay = dcp(tmp_path, "rejects", "replay", str(spec), "-o", "json")
    assert (replay.answer()["replayed"], replay.answer()["written"], replay.answer()["replaced"]) == (1, 1, 1)
    _, replay = dcp(tmp_path, "rejects", "replay", str(spec), "--replaced", "-o", "json")
    assert (replay.answer()["replayed"], replay.answer()["duplicates"], replay.answer()["replaced"]) == (1, 1, 0)
    assert dcp(tmp_path, "verify", str(spec))[0] == 0


def test_a_newer_version_that_cannot_be_read_replaces_nothing(tmp_path: Path) -> None:
    spec = write(tmp_path / "spec.yaml", "replace")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text(BAD)
    run(tmp_path, spec)
    (tmp_path / "in" / "a.csv").write_text("An error occurred\nwhile the list was made\n")
    assert dcp(tmp_path, "run", str(spec), "--once")[0] == 1
    assert listed(tmp_path, spec) == (1, 0)


def test_a_generation_of_a_growing_file_replaces_none(tmp_path: Path) -> None:
    spec = write(tmp_path / "spec.yaml", "append")
    log = tmp_path / "in" / "a.csv"
    log.parent.mkdir()
    log.write_text(BAD)
    run(tmp_path, spec)
    log.rename(tmp_path / "in" / "a.csv.1")
    log.write_text(GOOD.replace("1,", "3,").replace("2,", "4,"))
    run(tmp_path, spec)
    assert listed(tmp_path, spec) == (1, 0)
