"""A run with a retention, as its user sees it: what went is told, in a backup too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from support.dcp_process import dcp


def write(path: Path, **retention: str) -> Path:
    fields = [{"name": "at", "type": "datetime"}, {"name": "n", "type": "integer"}]
    sql = {"url": f"sqlite:///{path.parent}/clean.db", "table": "t"} | ({"retention": retention} if retention else {})
    spec = {
        "sources": [{"name": "f", "file": {"path": "in"}}],
        "cleaning": {"fields": fields, "unique": ["at", "n"]},
        "sink": {"sql": sql},
    }
    head = {"apiVersion": "datacleaning.io/v1alpha1", "kind": "DataCleaningPipeline", "metadata": {"name": "p"}}
    path.write_text(yaml.safe_dump({**head, "spec": spec}))
    return path


def days_ago(*days: float) -> str:
    now = datetime.now(UTC)
    return "at,n\n" + "".join(f"{(now - timedelta(days=each)).isoformat()},{n}\n" for n, each in enumerate(days))


def test_what_expires_is_told(tmp_path: Path) -> None:
    spec = write(tmp_path / "spec.yaml")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text(days_ago(1, 2, 40, 400))
    code, first = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
    assert (code, first.answer()["written"], first.answer()["expired"]) == (0, 4, 0)
    write(spec, by="at", keep="30d")
    (tmp_path / "in" / "b.csv").write_text(days_ago(3, 50, 500))
    code, second = dcp(tmp_path, "run", str(spec), "--once")
    assert code == 0, second.err()
    assert "expired: 4 of 7 written, by the spec's retention; 3 rows are left" in second.out()
    code, books = dcp(tmp_path, "verify", str(spec), "-o", "json")
    answer = books.answer()
    assert (code, answer["written"], answer["expired"], answer["looked_at"]["rows"]) == (0, 7, 4, 3)
    assert [each["expired"] for each in answer["objects"]] == [2, 2]
    assert dcp(tmp_path, "backup", str(spec), "p.dcp")[0] == 0
    code, restored = dcp(
        tmp_path, "restore", str(spec), "p.dcp", "--sink", f"sqlite:///{tmp_path}/again.db", "-o", "json"
    )
    assert (code, restored.answer()["books"]["expired"]) == (0, 4)
