"""Names in other scripts than ASCII's: files, labels, columns, tables and values, from bytes to rows and back."""

from __future__ import annotations

import json
from pathlib import Path

from support.databases import Database
from support.dcp_process import dcp

SPEC = """
apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {{name: names}}
spec:
  sources:
    - {{name: logs, file: {{path: 日志, include: ["*.csv"]}}, format: {{encoding: {encoding}}}}}
  cleaning:
    fields:
      - {{name: 地址, type: ip, from: 源地址}}
      - {{name: größe, type: integer, from: Größe}}
      - {{name: Имя, type: string, from: имя, transforms: [trim]}}
    unique: [地址, Имя]
  sink: {{sql: {{url: "{url}", table: 数据_表{password}}}}}
"""
LINES = "源地址,Größe,имя\n192.0.2.1,7, Пётр \n192.0.2.2,много,Анна\n192.0.2.1,8,Пётр\n"


def test_everything_may_be_named_in_any_script(database: Database, tmp_path: Path) -> None:
    encoding = "gb18030" if database.kind == "sqlite" else "utf-8"
    folder = tmp_path / "日志"
    folder.mkdir()
    (folder / "二月 №1.csv").write_bytes(LINES.encode(encoding))
    spec = tmp_path / "规格.yaml"
    secret = ", password: {secretKeyRef: {name: sink, key: password}}" if database.password else ""
    spec.write_text(SPEC.format(encoding=encoding, url=database.url, password=secret))
    env = {"DCP_SECRET_SINK_PASSWORD": database.password or ""}

    code, run = dcp(tmp_path, "run", str(spec), "--once", "-o", "json", env=env)
    assert code == 0, run.err()
    answer = json.loads(run.out())
    assert [answer[each] for each in ("read", "written", "duplicates", "rejected")] == [3, 1, 1, 1]
    assert database.execute("SELECT `地址`, `größe`, `Имя` FROM `数据_表`") == [("192.0.2.1", 7, "Пётр")]
    code, verify = dcp(tmp_path, "verify", str(spec), env=env)
    assert code == 0, verify.out() + verify.err()
    code, rejects = dcp(tmp_path, "rejects", "ls", str(spec), "-o", "json", env=env)
    (reject,) = json.loads(rejects.out())["rejects"]
    assert reject["field"] == "größe"
    assert "много" in json.dumps(reject, ensure_ascii=False)
