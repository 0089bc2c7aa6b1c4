"""A document becomes typed values, or every problem in it is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dcp_pipeline.spec.errors import SpecInvalid
from dcp_pipeline.spec.parse import load_pipeline, parse_pipeline, pipeline_of
from dcp_pipeline.spec.yaml_text import YamlError, yaml_documents
from support.pipelines import resource

EXAMPLE = Path(__file__).parents[4] / "examples" / "botnet.yaml"


def example(*changes: tuple[str, str]) -> str:
    text = EXAMPLE.read_text()
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return text


def problems(*changes: tuple[str, str]) -> list[str]:
    with pytest.raises(SpecInvalid) as caught:
        parse_pipeline(example(*changes), origin="x.yaml")
    return [str(each) for each in caught.value.problems]


def test_the_example_is_valid_and_has_the_documented_defaults() -> None:
    pipeline = load_pipeline(EXAMPLE)
    assert (pipeline.key, pipeline.queue_name, pipeline.table) == ("default/botnet", "default.botnet", "botnet")
    assert pipeline.spec.queue.max_bytes.bytes == 256 * 2**20
    assert pipeline.spec.worker.batch_timeout.seconds == 300
    assert pipeline.spec.cleaning.fields[4].labels == ("infection",)
    assert pipeline.spec.cleaning.fields[1].labels == ("src_ip",)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("maximum: 65535", "maximum: many",
         "spec.cleaning.fields[2].constraints.maximum: is 'many'; a number is wanted for type integer"),
        ("minimum: 0,", "minimun: 0,",
         "spec.cleaning.fields[2].constraints.minimun: is not a known field; did you mean 'minimum'?"),
        ("type: ip}", "type: IP}", "spec.cleaning.fields[3].type: is 'IP'; allowed: boolean, date, datetime, decimal, integer, "
         "ip, number, string, time"),
        ("interval: 60s", "interval: 60 sec",
         "spec.sources[0].http.interval: is '60 sec'; a duration such as 30s, 5m or 1h30m is wanted"),
        ("1Mi", "1MB", "spec.sources[0].format.maxRecordBytes: is '1MB'; a quantity such as 512Ki, 256Mi or 1G is wanted"),
        ("maxAttempts: 3", "maxAttempts: 0", "spec.worker.maxAttempts: is 0; the least allowed is 1"),
        ("maxAttempts: 3", "max_attempts: 3",
         "spec.worker.max_attempts: is not a known field; did you mean 'maxAttempts'?"),
        ("127.0.0.1:8000/", "bob:pw@127.0.0.1:8000/", "spec.sources[0].http.url: is "
         "'http://***@127.0.0.1:8000/sinkhole/'; a URL without user or password in it is wanted (credentials go into "
         "Secrets)"),
        ("name: botnet}", "name: Bot_Net}", "metadata.name: is 'Bot_Net'; it must match ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$ "
         "(Name of the pipeline.)"),
        ("v1beta1", "v2", "apiVersion: is 'datacleaning.io/v2'; this release reads 'datacleaning.io/v1beta1'"),
        ("delimiter: \",\"", "delimiter: \"ab\"", "spec.sources[0].format.delimiter: has 2 characters; at most 1 allowed"),
        ("constraints: {maxLength: 2}", "constraints: {pattern: \"(\"}",
         "spec.cleaning.fields[5].constraints.pattern: is no regular expression: missing ), unterminated subpattern at "
         "position 0"),
        ("timezone: UTC", "timezone: Europe/Atlantis", "spec.cleaning.fields[0].timezone: is 'Europe/Atlantis'; a zone of "
         "the IANA database is wanted (Europe/Paris)"),
        ("encoding: utf-8", "encoding: cp037", "spec.sources[0].format.encoding: is 'cp037', which does not keep ASCII "
         "bytes as they are; convert such files to utf-8 first"),
        ("minReplicas: 0", "minReplicas: 11", "spec.scaling.minReplicas: is 11, above maxReplicas 10"),
        (
            "minReplicas: 0",
            "engine: keda",
            "spec.scaling.drainWithin: is not for engine keda, which knows no rates: use backlogPerWorker",
        ),
        ("dst_ip, family]", "dst_ip, famly]",
         "spec.cleaning.unique[3]: is 'famly', which is no field; fields: dst_ip, family, seen_at, src_country, src_ip, "
         "src_port"),
        ("{path: country.mmdb}", "{}",
         "spec.cleaning.enrich[0].geoip.database: has 0 of path, url and persistentVolumeClaim; exactly one is wanted"),
        ("fields: {src_country:", "fields: {src_city:",
         "spec.cleaning.enrich[0].geoip.fields: fills 'src_city', which is no field of spec.cleaning.fields"),
        ("    unique: [seen_at, src_ip, dst_ip, family]\n", "",
         "spec.sources[0].http.growth: is 'replace' (the default), by which a changed file is read again whole: "
         "spec.cleaning.unique must say what makes a record the same, or growth be 'append'"),
    ],
)  # fmt: skip
def test_a_problem_is_named_with_its_path_what_stands_there_and_what_is_allowed(
    before: str, after: str, expected: str
) -> None:
    assert problems((before, after)) == [expected]


def test_all_problems_are_named_at_once() -> None:
    found = problems(("maxAttempts: 3", "maxAttempts: 0"), ("interval: 60s", "interval: soon"), ("unique:", "uniqe:"))
    assert [each.split(":")[0] for each in found] == [
        "spec.cleaning.uniqe",
        "spec.sources[0].http.interval",
        "spec.worker.maxAttempts",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "is no YAML: line 1, column 5: "),
        ("a:\n  b: [1,\n", "line 3, column 1: "),
        ("a: \x01b", "is no YAML: unacceptable character #x0001"),
        ("a: *b", "line 1, column 4: found undefined alias 'b'"),
        ("", "holds 0 documents"),
        ("a: 1\n---\nb: 2", "holds 2 documents"),
        ("1: 2", "the key 1 is no text"),
        ("a: 1\na: 2", "line 2: the key 'a' stands here twice"),
        ('{"a": 1,\n"a": 2}', "line 2: the key 'a' stands here twice"),
        ('{"a": [1,', "is no YAML"),
        ("{a: 1}\n---\nb: 2", "holds 2 documents"),
        ("[]", "is []; an object is wanted"),
        ("kind: DataCleaningPipeline", "apiVersion: is required and missing"),
        ("&a [*a]", "the document"),
    ],
)
def test_a_document_that_is_none_is_refused_with_a_reason(text: str, expected: str) -> None:
    with pytest.raises(SpecInvalid, match=r"x\.yaml: ") as caught:
        parse_pipeline(text, origin="x.yaml")
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("expect", "path"),
    [("{maxRejected: 0.05}", "spec.expect.maxRejected"), ("{records: {drop: 50}}", "spec.expect.records.drop")],
)
def test_a_share_without_its_sign_is_answered_with_how_one_is_written(expect: str, path: str) -> None:
    (problem,) = problems(("sources:", f"expect: {expect}\n  sources:"))
    assert problem.startswith(f"{path}: is ")
    assert problem.endswith("a percentage with its sign is wanted, such as 5%")


def test_a_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SpecInvalid, match=r"nowhere\.yaml"):
        load_pipeline("nowhere.yaml")


def test_other_documents_beside_the_pipeline_are_let_through() -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n---\n" + example()
    assert parse_pipeline(text).key == "default/botnet"


def test_a_source_needs_exactly_one_kind() -> None:
    both = problems(("      http:\n", "      file: {path: /data}\n      http:\n"))
    assert both == ["spec.sources[0]: has both http and file; exactly one is wanted"]


def test_a_password_in_a_url_is_refused() -> None:
    sink = '  sink: {sql: {url: "mysql+pymysql://dcp:secret@db/clean", table: t}}\n  worker:'
    assert problems(("  worker:", sink)) == [
        "spec.sink.sql.url: holds a password; put it into a Secret and name it in spec.sink.sql.password"
    ]


def test_a_pod_reads_its_spec_without_importing_a_yaml_reader() -> None:
    text = json.dumps(resource(), indent=2)
    assert parse_pipeline(text) == pipeline_of(resource())
    code = f"import sys\nfrom dcp_pipeline.spec.parse import parse_pipeline\nparse_pipeline({text!r})\n"
    run = subprocess.run([sys.executable, "-c", code + "print('yaml' in sys.modules)"], capture_output=True, text=True)
    assert run.stdout == "False\n", run.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a\u3000b", "which has '\\u3000' in it"),
        ("a\u202eb", "which has '\\u202e' in it"),
        ("e\u0301te", "write it composed (NFC)"),
        ("1a", "must match"),
    ],
)
def test_a_name_is_of_letters_of_any_script_and_what_only_looks_like_one_is_refused(name: str, message: str) -> None:
    with pytest.raises(SpecInvalid) as caught:
        parse_pipeline(example(("{name: src_port", f'{{name: "{name}"')), origin="x.yaml")
    assert any("fields[" in str(each) and message in str(each) for each in caught.value.problems)


def test_fields_and_tables_may_be_named_in_any_script() -> None:
    spec = parse_pipeline(example(("{name: src_port", "{name: 源端口")), origin="x.yaml").spec
    assert "源端口" in [each.name for each in spec.cleaning.fields]


def test_half_a_character_is_refused_where_it_stands() -> None:
    document = resource()
    document["spec"]["cleaning"]["fields"][0]["from"] = "a\ud800"
    with pytest.raises(SpecInvalid) as refused:
        pipeline_of(document)
    assert "spec.cleaning.fields[0].from" in str(refused.value)
    assert "surrogate" in str(refused.value)


def test_a_key_that_yaml_takes_for_true_is_the_word_that_stands_there() -> None:
    assert yaml_documents("{on: [a], yes: on, No: 1}") == [{"on": ["a"], "yes": True, "No": 1}]
    with pytest.raises(YamlError, match="'on' stands here twice"):
        yaml_documents("on: 1\n'on': 2")
