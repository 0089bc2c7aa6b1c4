"""Drafts of feeds that nobody described: the layout, the types, and that every record passes the draft."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from dcp_cli.__main__ import main
from support.public_feeds import FEEDS


def dcp(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.mark.parametrize("name", FEEDS)
def test_a_feed_is_drafted_and_every_record_of_it_passes_the_draft(name: str, tmp_path: Path) -> None:
    feed = FEEDS[name]
    (tmp_path / "feed.txt").write_bytes(feed.raw)
    spec = tmp_path / "spec.yaml"
    spec.write_text(dcp("infer", str(tmp_path / "feed.txt")))
    draft = yaml.safe_load(spec.read_text())["spec"]
    words = draft["sources"][0]["format"]
    assert {key: value for key, value in words.items() if key != "pattern"} == feed.words
    fields = {each["name"]: each for each in draft["cleaning"]["fields"]}
    assert {key: fields[key]["type"] for key in feed.types} == feed.types
    assert {key: fields[key]["format"] for key in feed.formats} == feed.formats
    assert json.loads(dcp("validate", str(spec), "-o", "json"))["valid"]
    (preview,) = json.loads(dcp("preview", str(spec), "-o", "json"))["sources"]
    assert [each["reject"] for each in preview["records"]] == [None] * feed.records


def test_what_can_be_read_in_two_ways_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("when,x\n01/02/2024,1\n03/04/2024,2\n")
    assert "CHECK: %m/%d/%Y would fit as well" in dcp("infer", str(tmp_path / "a.csv"))


def test_an_encoding_that_cannot_be_told_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("ip,name\n192.0.2.1,こんにちは\n".encode("cp932"))
    answer = json.loads(dcp("infer", str(tmp_path / "a.csv"), "-o", "json"))
    assert answer["sure"] is False
    assert any("CHECK the encoding" in each for each in answer["format"])


def test_the_key_is_the_fewest_fields_that_tell_records_apart(tmp_path: Path) -> None:
    rows = [f"192.0.2.{n % 5},{n // 5},x" for n in range(20)]
    (tmp_path / "a.csv").write_text("\n".join(["ip,port,note", *rows]) + "\n")
    draft = yaml.safe_load(dcp("infer", str(tmp_path / "a.csv")))["spec"]["cleaning"]
    assert draft["unique"] == ["ip", "port"]
    assert draft["fields"][1]["constraints"] == {"required": True, "minimum": 0, "maximum": 65535}


def test_a_file_that_is_not_there_is_said_and_exits_1(tmp_path: Path) -> None:
    dcp("infer", str(tmp_path / "nowhere.csv"), code=1)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ('id,note\n1,"say \\"hi\\", all"\n2,"b"\n', {"type": "csv", "escapeChar": "\\"}),
        ('id\tnote\n1\t5" disk\n2\t"open\n3\tx\n', {"type": "tsv"}),
        ('id\tnote\n1\t"a\tb"\n2\t"c"\n3\tx\n', {"type": "tsv", "quoteChar": '"'}),
        ('id,note\n1,"a ""quoted"" word"\n2,C:\\\\x\n', {"type": "csv"}),
    ],
)
def test_how_quotes_are_written_is_found(raw: str, words: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "feed.txt").write_text(raw)
    (tmp_path / "spec.yaml").write_text(dcp("infer", str(tmp_path / "feed.txt")))
    found = yaml.safe_load((tmp_path / "spec.yaml").read_text())["spec"]["sources"][0]["format"]
    assert {key: found[key] for key in found if key != "encoding"} == words
    (preview,) = json.loads(dcp("preview", str(tmp_path / "spec.yaml"), "-o", "json"))["sources"]
    assert [each["reject"] for each in preview["records"]] == [None] * (raw.count("\n") - 1)
