"""A pipeline that got another name reads all anew into the table that it has: told at its start, not found out later."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from support.dcp_process import dcp


def write(folder: Path, name: str, table: str) -> Path:
    (folder / "in").mkdir(exist_ok=True)
    (folder / "in" / "a.csv").write_text("id,n\n1,10\n2,20\n")
    spec = {
        "sources": [{"name": "f", "file": {"path": "in", "include": ["*.csv"], "growth": "append", "settle": "1ms"}}],
        "cleaning": {"fields": [{"name": "id", "type": "integer"}, {"name": "n", "type": "integer"}]},
        "sink": {"sql": {"url": f"sqlite:///{folder}/clean.db", "table": table}},
    }
    head = {"apiVersion": "datacleaning.io/v1beta1", "kind": "DataCleaningPipeline", "metadata": {"name": name}}
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump({**head, "spec": spec}))
    return path


@pytest.mark.parametrize("table", ["t", "记录"])
def test_a_new_name_on_a_table_that_another_wrote_is_told_once(tmp_path: Path, table: str) -> None:
    code, process = dcp(tmp_path, "run", str(write(tmp_path, "first", table)), "--once")
    assert (code, "another name" in process.err()) == (0, False), process.err()
    _, process = dcp(tmp_path, "run", str(write(tmp_path, "second", table)), "--once")
    assert "has rows of pipeline default/first, and default/second has read nothing yet" in process.err()
    for known in ("second", "first"):
        _, process = dcp(tmp_path, "run", str(write(tmp_path, known, table)), "--once")
        assert "another name" not in process.err()
