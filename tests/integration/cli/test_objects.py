"""`dcp objects`: what could not be read is listed, forgotten, read again."""

from __future__ import annotations

import gzip
import json
import os
import time
from pathlib import Path

import pytest

from dcp_cli import look
from dcp_cli.ledger import objects
from dcp_cli.ledger.objects import list_objects
from dcp_pipeline.setup import load_setup
from support.dcp_process import dcp

SPEC = """
apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {name: objects}
spec:
  sources: [{name: in, file: {path: in}}]
  sink: {sql: {url: "sqlite:///out.db", table: clean}}
  cleaning:
    fields: [{name: a, type: integer}, {name: b}]
    unique: [a]
"""


def test_objects_are_listed_forgotten_and_read_again(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.csv").write_text("a,b\n1,x\n2,y\n")
    bad = tmp_path / "in" / "坏 1.csv"
    bad.write_bytes(gzip.compress(b"a,b\n3,z\n4,w\n")[:-9])
    os.utime(bad, (0, time.time() - 3600))  # long ago: nobody is still writing it
    code, ran = dcp(tmp_path, "run", "spec.yaml", "--once", "-o", "json")
    assert (code, ran.answer()["errors"], ran.answer()["balanced"]) == (1, 1, False)
    assert ran.err().count("the compressed data is truncated") == 1, ran.err()
    code, ran = dcp(tmp_path, "run", "spec.yaml", "--once")
    assert (code, ran.out().count("the compressed data is truncated")) == (1, 1), ran.out()
    for command in (["run", "spec.yaml", "--once"], ["status", "spec.yaml"], ["verify", "spec.yaml"]):
        code, told = dcp(tmp_path, *command)
        assert (code, "/坏 1.csv" in told.out(), "%E5" in told.out()) == (1, True, False), told.out()
        assert "NOT balance" in told.out(), "run, status and verify say the same"
    code, listed = dcp(tmp_path, "objects", "ls", "spec.yaml", "--state", "unavailable", "-o", "json")
    (found,) = listed.answer()["objects"]
    assert found["uri"].endswith("%E5%9D%8F%201.csv")
    assert "truncated" in found["reason"]
    assert dcp(tmp_path, "objects", "forget", "spec.yaml", found["id"][:12])[0] == 0
    code, ran = dcp(tmp_path, "run", "spec.yaml", "--once", "-o", "json")
    assert (code, ran.answer()["errors"], ran.answer()["balanced"]) == (0, 0, True)
    assert "history: 1 objects" in dcp(tmp_path, "run", "spec.yaml", "--once")[1].out()
    assert dcp(tmp_path, "verify", "spec.yaml")[0] == 0
    good = next(each for each in ran.answer()["objects"] if each["uri"].endswith("good.csv"))
    code, refused = dcp(tmp_path, "objects", "forget", "spec.yaml", good["id"])
    assert (code, "not unavailable, but cut" in refused.err()) == (1, True)
    assert dcp(tmp_path, "objects", "reread", "spec.yaml", good["id"])[0] == 0
    code, ran = dcp(tmp_path, "run", "spec.yaml", "--once", "-o", "json")
    assert (code, ran.answer()["this_run"]["duplicates"], ran.answer()["this_run"]["written"]) == (0, 2, 0)
    code, ran = dcp(tmp_path, "run", "spec.yaml", "--once", "-o", "json")
    assert ran.answer()["this_run"]["read"] == 0, "it is read again once"


def test_a_long_list_comes_page_by_page_and_whole_where_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "in").mkdir()
    for number in range(5):
        file = tmp_path / "in" / f"{number}.csv"
        file.write_text(f"a,b\n{number},x\n")
        os.utime(file, (0, time.time() - 3600))
    assert dcp(tmp_path, "run", "spec.yaml", "--once")[0] == 0
    code, told = dcp(tmp_path, "verify", "spec.yaml", "--since", "1h", "-o", "json")
    assert (code, told.answer()["balanced"], told.answer()["looked_at"]["rows"]) == (0, True, 5)
    assert dcp(tmp_path, "verify", "spec.yaml", "--recount")[0] == 0
    monkeypatch.chdir(tmp_path)
    for module in (objects, look):
        monkeypatch.setattr(module, "LATEST", 2)
    setup = load_setup("spec.yaml", os.environ)
    pages, before = [], None
    for _ in range(4):
        list_objects(setup, None, None, "json", before)
        answer = json.loads(capsys.readouterr().out)
        pages.append([each["uri"][-5:] for each in answer["objects"]])
        before = answer["before"]
        if before is None:
            break
    everything = sorted(f"{number}.csv" for number in range(5))
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(uri for page in pages for uri in page) == everything
    list_objects(setup, "cut", None, "json", every=True)
    answer = json.loads(capsys.readouterr().out)
    assert [each["uri"][-5:] for each in answer["objects"]] == [uri for page in reversed(pages) for uri in page]
    list_objects(setup, None, None, "text")
    assert "2 objects; those before them: --before" in capsys.readouterr().out
    list_objects(setup, "history", None, "text", every=True)
    assert "there are no such objects" in capsys.readouterr().out
