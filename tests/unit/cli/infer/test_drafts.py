"""Drafts of feeds that nobody described: the layout, the types, and that every record passes the draft."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import openpyxl
import pytest
import yaml
from click.testing import CliRunner

from dcp_cli.__main__ import main
from dcp_cli.infer.command import name_of
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


def test_only_a_label_that_means_identity_is_a_key(tmp_path: Path) -> None:
    rows = [f"192.0.2.{n % 5},{n // 5},x" for n in range(20)]
    (tmp_path / "a.csv").write_text("\n".join(["ip,port,note", *rows]) + "\n")
    draft = yaml.safe_load(dcp("infer", str(tmp_path / "a.csv")))["spec"]["cleaning"]
    assert draft["unique"] == ["ip", "port", "note"]
    assert draft["fields"][1]["constraints"] == {"minimum": 0, "maximum": 65535}
    (tmp_path / "b.csv").write_text(
        "\n".join(["eventId,ip,port,note", *(f"{n},{row}" for n, row in enumerate(rows))]) + "\n"
    )
    assert yaml.safe_load(dcp("infer", str(tmp_path / "b.csv")))["spec"]["cleaning"]["unique"] == ["eventid"]


def test_a_key_that_does_not_hold_to_the_end_of_the_file_is_none(tmp_path: Path) -> None:
    rows = [f"{n},{n % 7}" for n in range(1500)] + [f"{n},{n % 5 + 10}" for n in range(700)]
    (tmp_path / "a.csv").write_text("\n".join(["id,n", *rows]) + "\n")
    draft = yaml.safe_load(dcp("infer", str(tmp_path / "a.csv")))
    assert draft["spec"]["cleaning"]["unique"] == ["id", "n"]


def test_what_the_end_of_the_file_refutes_is_told_and_is_not_sure(tmp_path: Path) -> None:
    rows = [f"192.0.2.{n % 250},{n}" for n in range(1200)] + ["192.0.2.1,n/k"] * 3
    (tmp_path / "a.csv").write_text("\n".join(["ip,n", *rows]) + "\n")
    answer = json.loads(dcp("infer", str(tmp_path / "a.csv"), "-o", "json"))
    assert [each["type"] for each in answer["spec"]["spec"]["cleaning"]["fields"]] == ["ip", "integer"]
    assert answer["sure"] is False
    assert "99.8% of them: not 'n/k'" in answer["yaml"]
    late = [f"a,{n}" for n in range(3000)] + ["late"] * 20
    (tmp_path / "b.csv").write_text("\n".join(["x,n", *late]) + "\n")
    answer = json.loads(dcp("infer", str(tmp_path / "b.csv"), "-o", "json"))
    assert answer["sure"] is False
    assert any("CHECK: tried on 2020 records" in line for line in answer["yaml"].splitlines())
    assert any(line.startswith("#  20 ") and "line 3002" in line for line in answer["yaml"].splitlines())


def test_keys_that_only_late_objects_have_are_fields_too(tmp_path: Path) -> None:
    early, late = ['{"a": 1}'] * 1000, ['{"a": 1, "b": {"c": "x"}}'] * 100
    (tmp_path / "a.ndjson").write_text("\n".join([*early, *late]) + "\n")
    draft = yaml.safe_load(dcp("infer", str(tmp_path / "a.ndjson")))["spec"]["cleaning"]
    assert [each["name"] for each in draft["fields"]] == ["a", "b_c"]


WIDE = ",".join(f"c{n}" for n in range(90)) + "\n" + "".join(",".join(["1"] * 89 + [str(n)]) + "\n" for n in range(3))


@pytest.mark.parametrize(
    ("raw", "types", "rows"),
    [
        pytest.param("id,tag,tag,\n1,a,b,c\n2,a,c,d\n", {"id": "integer", "tag": "string", "tag_2": "string", "col4": "string"}, 2, id="labels twice, and none"),
        pytest.param(WIDE, {"c0": "integer", "c89": "integer"}, 3, id="more columns than a key used to have"),
        pytest.param("[2024-01-01 10:00:00] ERROR a, b\n[2024-01-01 10:00:00] WARN c\n[2024-01-01 10:00:00] WARN c\n", {"line": "string"}, 3, id="lines of a log in brackets, two of them equal"),
        pytest.param("Mon Feb  5 10:00:01 2024 start\nMon Feb  5 10:00:02 2024 stop now\n", {"line": "string"}, 2, id="ctime first"),
        pytest.param("act=block src=192.0.2.1\nact=pass src=192.0.2.2 dst=192.0.2.3\n", {"line": "string"}, 2, id="key=value"),
        pytest.param("land,2021,2022,2023\nFR,1,2,3\nDE,4,5,6\n", {"land": "string", "f_2021": "integer", "f_2023": "integer"}, 2, id="years as labels"),
        pytest.param("kind,what\nwhat,kind of\nx,y\n", {"kind": "string", "what": "string"}, 2, id="a label among the values"),
        pytest.param("Menge (€/kg);Größe\n1;2\n3;4\n", {"menge_kg": "integer", "größe": "integer"}, 2, id="labels of other letters"),
        pytest.param("von,bis\n07:11,08:00\n23:59,00:00\n", {"von": "time", "bis": "time"}, 2, id="times of day"),
        pytest.param('d,x\n"Mon, 05 Feb 2024 01:02:03 GMT",1\n"Tue, 06 Feb 2024 01:02:03 GMT",2\n', {"d": "datetime"}, 2, id="RFC 1123"),
        pytest.param("p,q\n50%,1\n-3.5 %,2\n", {"p": "number"}, 2, id="percentages"),
        pytest.param('n,x\n"1.234.567,5",1\n"12,25",2\n', {"n": "number"}, 2, id="points between groups"),
        pytest.param("192.0.2.1~7~a b\n192.0.2.2~8~c\n", {"col1": "ip", "col2": "integer", "col3": "string"}, 2, id="a rare delimiter"),
        pytest.param("a,b,c,d\n1,2\n3,4\n5,6\n", {"a": "integer", "b": "integer", "c": "string", "d": "string"}, 3, id="all records are short"),
        pytest.param('{\n "ip": "192.0.2.1",\n "tags": {"n": 1}\n}\n', {"ip": "ip", "tags_n": "integer"}, 1, id="one object over several lines"),
        pytest.param('{\n "n": 1\n}\n{\n "n": 2,\n "t": [{"x": 1}]\n} {"n": 3}\n', {"n": "integer", "t": "string"}, 3, id="objects one behind the other"),
        pytest.param("\n\na.example\n\nb.example\n", {"col1": "string"}, 2, id="blank lines first and between"),
        pytest.param("http://a.example/1\nhttp://b.example/?x=1,2,3\n", {"line": "string"}, 2, id="one value a line, with commas"),
        pytest.param("a;n;c\n192.000.002.001;1.234.567;1,5\n192.168.001.255;12;2,25\n", {"a": "string", "n": "integer", "c": "number"}, 2, id="points and commas"),
        pytest.param("sep=;\nid;v\n1;a\n2;b\n", {"id": "integer", "v": "string"}, 2, id="Excel's line of the delimiter"),
        pytest.param("id\x1fv\n1\x1fa b\n2\x1fb\n", {"id": "integer", "v": "string"}, 2, id="unit separators"),
        pytest.param("id,v\n1,a\u2028b\n2,c\x1cd\n", {"id": "integer", "v": "string"}, 2, id="line ends that are none"),
        pytest.param("How often do you on average eat out in a week of the year that has no holiday? (number),😀\n1,2\n3,4\n", {"col2": "integer"}, 2, id="questions and emojis as labels"),
        pytest.param("tel,version,ts\n+4930901820,1.10,1709208000123\n+33142685300,1.9,1709208000999\n", {"tel": "string", "version": "string", "ts": "datetime"}, 2, id="numbers that are none, and milliseconds"),
        pytest.param("2024-01-01 10:00:00,1 ERROR boom\njava.lang.X: y\n\tat a.b(C.java:1)\n2024-01-01 10:00:01,2 INFO ok\n2024-01-01 10:00:01,2 INFO ok\n", {"line": "string"}, 5, id="a log with a stack trace"),
        pytest.param('https 2024-07-02T22:23:00.1Z lb 192.0.2.1:28 "GET https://e:443/ HTTP/1.1"\n' * 2, {"line": "string"}, 2, id="a load balancer's lines, equal"),
        pytest.param("#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\n#types\ttime\taddr\n1.5\t192.0.2.1\n2.5\t-\n#close\tx\n", {"ts": "number", "id_orig_h": "ip"}, 2, id="Zeek's"),
        pytest.param('{"count":2,"next":null,"results":[{"id":1,"v":"a"},{"id":2,"v":"b"}]}', {"id": "integer", "v": "string"}, 2, id="an answer on one line"),
        pytest.param('{"type":"x","m":{"rows":[{"id":1},{"id":"b"}]}}\n', {"id": "string"}, 2, id="an answer on one line, deeper"),
        pytest.param('{"id":1,"tags":[{"k":1}]}\n', {"id": "integer", "tags": "string"}, 1, id="one record with an array"),
        pytest.param("who,age\nNone,1\nNA,2\nBo,NA\n", {"who": "string", "age": "integer"}, 3, id="words that are names"),
    ],
)  # fmt: skip
def test_a_draft_that_is_believed_loses_nothing(raw: str, types: dict[str, str], rows: int, tmp_path: Path) -> None:
    (tmp_path / "feed.txt").write_text(raw)
    spec = tmp_path / "spec.yaml"
    spec.write_text(dcp("infer", str(tmp_path / "feed.txt")))
    fields = {each["name"]: each["type"] for each in yaml.safe_load(spec.read_text())["spec"]["cleaning"]["fields"]}
    assert {name: fields.get(name) for name in types} == types
    (preview,) = json.loads(dcp("preview", str(spec), "-o", "json"))["sources"]
    assert [each["reject"] for each in preview["records"] if not each["filtered"]] == [None] * rows
    assert sum(each["row"] is not None for each in preview["records"]) == rows


def test_an_encoding_of_one_byte_is_never_sure(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("id,name\n1,José Núñez\n2,Chloé\n".encode("mac_roman"))
    answer = json.loads(dcp("infer", str(tmp_path / "a.csv"), "-o", "json"))
    assert answer["sure"] is False
    assert any("CHECK the encoding" in each and "mac_roman" in each for each in answer["format"])
    (tmp_path / "b.csv").write_bytes("id,name\n1,Jürgen Müller\n2,Käthe Groß\n".encode("cp1252"))
    answer = json.loads(dcp("infer", str(tmp_path / "b.csv"), "-o", "json"))
    assert answer["sure"] is False
    assert answer["spec"]["spec"]["sources"][0]["format"]["encoding"] == "cp1252"


@pytest.mark.parametrize(
    ("raw", "words", "rows"),
    [
        ('{"192.0.2.1": {"n": 1}, "192.0.2.2": {"n": 2}}', {"keyAs": "key"}, 2),
        ('{\n "7": {"key": "a"},\n "8": {"key": "b", "n": 2}\n}\n', {"keyAs": "name"}, 2),
        ('{"1001": [{"ioc": "a"}], "1002": [{"ioc": "b"}, {"ioc": "c"}]}', {"keyAs": "key"}, 3),
        ('{"src": {"ip": "192.0.2.1"}, "count": 3}', {}, 1),
    ],
)
def test_an_object_of_records_by_name_is_found(raw: str, words: dict[str, str], rows: int, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(raw)
    (tmp_path / "spec.yaml").write_text(dcp("infer", str(tmp_path / "a.json")))
    form = yaml.safe_load((tmp_path / "spec.yaml").read_text())["spec"]["sources"][0]["format"]
    assert form.get("keyAs") == words.get("keyAs")
    (preview,) = json.loads(dcp("preview", str(tmp_path / "spec.yaml"), "-o", "json"))["sources"]
    assert [each["reject"] for each in preview["records"]] == [None] * rows


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


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("data/Orders 2026.csv", "orders-2026"),
        ("http://feed.example/", "feed-example"),
        ("数据/销售.csv", "feed-68f3a4"),
        ("数据/流水-2026.csv", "2026-7aeddc"),
        ("_.csv", "feed"),
    ],
)
def test_a_pipeline_is_named_after_its_file_and_files_of_other_letters_are_told_apart(where: str, name: str) -> None:
    assert name_of(where) == name


def test_of_a_folder_the_file_that_was_looked_at_is_named(tmp_path: Path) -> None:
    for name in ("一.csv", "二.csv"):
        (tmp_path / name).write_text("id,name\n1,x\n")
    assert "# CHECK the other files: only 一.csv was looked at" in dcp("infer", str(tmp_path))


def test_the_labels_of_each_file_of_an_archive_are_labels(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for start in (0, 2, 4):
            archive.writestr(f"{start}.csv", f"n,v\n{start},x\n{start + 1},y\n")
    spec = tmp_path / "spec.yaml"
    spec.write_text(dcp("infer", str(tmp_path / "a.zip")))
    fields = yaml.safe_load(spec.read_text())["spec"]["cleaning"]["fields"]
    assert [(each["name"], each["type"]) for each in fields] == [("n", "integer"), ("v", "string")]
    (preview,) = json.loads(dcp("preview", str(spec), "-o", "json"))["sources"]
    assert [each["row"]["n"] for each in preview["records"]] == list(range(6))


def test_a_first_record_that_comes_again_among_texts_is_none_of_labels(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("ann,in\nbo,in\nann,in\nann,out\nann,in\n")
    draft = yaml.safe_load(dcp("infer", str(tmp_path / "a.csv")))
    assert draft["spec"]["sources"][0]["format"]["header"] is False


def test_titles_above_a_sheets_table_are_skipped(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [["Report of 2024"], [], ["by nobody"], ["id", None, "v"], [1, "x", "a"], [2, None, "b"]]:
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    answer = json.loads(dcp("infer", str(tmp_path / "a.xlsx"), "-o", "json"))
    fields = {each["name"]: each["type"] for each in answer["spec"]["spec"]["cleaning"]["fields"]}
    assert (fields, answer["sure"]) == ({"id": "integer", "col2": "string", "v": "string"}, False)


def test_a_word_over_words_may_be_a_label(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("name\nann\nbob\n")
    answer = json.loads(dcp("infer", str(tmp_path / "a.txt"), "-o", "json"))
    assert answer["sure"] is False
    assert any("CHECK: there is no header" in each and "skipRows: 1" in each for each in answer["format"])


def test_xml_is_said_to_be_read_by_lines_only(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text('<?xml version="1.0"?>\n<a>\n<b x="1">2</b>\n</a>\n')
    answer = json.loads(dcp("infer", str(tmp_path / "a.xml"), "-o", "json"))
    assert (answer["sure"], any("it is XML" in each for each in answer["format"])) == (False, True)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("1,€ 5 – “x”\n2,naïve\n", "cp1252"),
        ("1,it’s 20° – or §3\n2,Zürich\n", "cp1252"),
        ("1,José Núñez\n2,García de León\n", "mac_roman"),
    ],
)
def test_signs_are_where_a_writer_puts_them_in_the_encoding_that_is_guessed(
    text: str, encoding: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes(f"id,name\n{text}".encode(encoding))
    answer = json.loads(dcp("infer", str(tmp_path / "a.csv"), "-o", "json"))
    assert answer["spec"]["spec"]["sources"][0]["format"]["encoding"] == encoding
    assert answer["sure"] is False
