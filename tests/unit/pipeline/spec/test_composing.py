"""One document out of several: `extends`, `--set`, `${env:NAME}` and `.env`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dcp_pipeline.setup import load_setup
from dcp_pipeline.spec.composing.dotenv import variables_in
from dcp_pipeline.spec.composing.overlay import merged
from dcp_pipeline.spec.composing.setting import SettingUnusable, with_setting
from dcp_pipeline.spec.errors import SpecInvalid
from dcp_pipeline.spec.parse import load_pipeline, pipeline_of

SPEC = """apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {name: feed}
spec:
  sources:
    - name: feed
      http: {url: "http://${env:FEED_HOST}:8000/x/", headers: [{name: X-Key, value: "${env:FEED_TOKEN:-none}"}]}
  cleaning: {fields: [{name: n}], unique: [n]}
  worker: {concurrency: "${env:THREADS:-2}"}
"""


def written(folder: Path, text: str = SPEC, name: str = "feed.yaml") -> Path:
    (folder / name).write_text(text)
    return folder / name


def problems(folder: Path, text: str, environment: dict[str, str], *settings: str) -> list[str]:
    with pytest.raises(SpecInvalid) as refused:
        load_setup(written(folder, text), environment, settings=settings)
    return [str(each) for each in refused.value.problems]


def test_variables_are_put_in_and_a_whole_one_may_be_a_number(tmp_path: Path) -> None:
    pipeline = load_pipeline(written(tmp_path), {"FEED_HOST": "feeds", "THREADS": "8"})
    assert pipeline.spec.worker.concurrency == 8
    source = repr(pipeline.spec.sources[0])
    assert "http://feeds:8000/x/" in source
    assert "'none'" in source


def test_digits_are_a_text_where_one_is_wanted(tmp_path: Path) -> None:
    setup = load_setup(written(tmp_path), {"FEED_HOST": "h", "FEED_TOKEN": "123456", "THREADS": "3"})
    assert "'123456'" in repr(setup.pipeline.spec.sources[0])
    assert setup.pipeline.spec.worker.concurrency == 3
    assert setup.secrets.redact("key 123456") == "key ***", "its name says that it is secret"
    assert setup.secrets.redact("host h of feeds") == "host h of feeds"


def test_everything_that_is_wrong_is_named_at_once_and_no_value_shown(tmp_path: Path) -> None:
    found = problems(tmp_path, SPEC, {"FEED_HOST": ""}, "spec.worker=", "nonsense", "spec.sources[else].priority=3")
    assert len(found) == 3
    assert found[0].startswith("--set nonsense: is no path=value")
    assert found[1] == "--set spec.sources[else].priority: no entry is called else; there are: feed"
    assert found[2].startswith("spec.sources[0].http.url: ${env:FEED_HOST} is not set")
    (found,) = problems(tmp_path, SPEC, {"FEED_HOST": "h", "THREADS": "sixteenhundred"})
    assert found.startswith("spec.worker.concurrency: is ${env:THREADS}; an integer")
    (found,) = problems(tmp_path, SPEC, {"FEED_HOST": "user:pass-word@h"})
    assert "pass-word" not in found


@pytest.mark.parametrize(
    ("text", "said"),
    [("${env:1}", "no name of a variable"), ("${env:A", "closing brace"), ("${env:A B}", "no name of a variable")],
)
def test_what_is_no_variable_is_told(tmp_path: Path, text: str, said: str) -> None:
    (found,) = problems(tmp_path, SPEC.replace("${env:FEED_HOST}", text), {"A": "x"})
    assert said in found


def test_a_doubled_dollar_is_a_text(tmp_path: Path) -> None:
    pipeline = load_pipeline(
        written(tmp_path, SPEC.replace("${env:FEED_TOKEN:-none}", "$${env:X}")), {"FEED_HOST": "h"}
    )
    assert "'${env:X}'" in repr(pipeline.spec.sources[0])


def test_a_cluster_puts_in_no_variables() -> None:
    import yaml

    document = yaml.safe_load(SPEC)
    with pytest.raises(SpecInvalid, match="a cluster has no environment") as refused:
        pipeline_of(document)
    assert len(refused.value.problems) == 3
    with pytest.raises(SpecInvalid, match="kustomize"):
        pipeline_of({"extends": "base.yaml", **document})


def test_dotenv_is_below_the_environment_and_names_secrets_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FEED_HOST=from-file\nTHREADS=5\nDCP_SECRET_DB_PASSWORD='a b#c'\n")
    setup = load_setup(written(tmp_path), {"THREADS": "7"})
    assert "http://from-file:8000/x/" in repr(setup.pipeline.spec.sources[0])
    assert setup.pipeline.spec.worker.concurrency == 7
    from dcp_pipeline.spec.model import SecretKeyRef

    assert setup.secrets(SecretKeyRef(name="db", key="password")) == "a b#c"


def test_lines_of_dotenv() -> None:
    text = '# c\n\nA=1\nexport B = two # c\nC="x\\ny\\"z" # c\nD=\'$E\'\nE=\nF=a=b\nG=a#b\n'
    assert variables_in(text, "f") == {"A": "1", "B": "two", "C": 'x\ny"z', "D": "$E", "E": "", "F": "a=b", "G": "a#b"}
    for line, said in (("no equals hush-hush", "is no NAME=value"), ("A='hush-hush", "A: its quote is not closed")):
        with pytest.raises(SpecInvalid, match=said) as refused:
            variables_in(f"OK=1\n{line}\n", ".env")
        assert "line 2" in str(refused.value)
        assert "hush-hush" not in str(refused.value)


def test_an_overlay_changes_what_it_names(tmp_path: Path) -> None:
    written(tmp_path, SPEC.replace("kind: DataCleaningPipeline\n", ""), "base.txt")
    over = """extends: "${env:BASE:-base.txt}"
kind: DataCleaningPipeline
metadata: {name: prod}
spec:
  sources:
    - {name: feed, priority: 7, http: {headers: null}}
    - {name: second, file: {path: here}}
  worker: null
"""
    setup = load_setup(written(tmp_path, over), {"FEED_HOST": "h"})
    pipeline = setup.pipeline
    assert pipeline.metadata.name == "prod"
    assert [(each.name, each.priority) for each in pipeline.spec.sources] == [("feed", 7), ("second", 100)]
    assert pipeline.spec.worker.concurrency == 2
    assert [each.name for each in setup.files] == ["feed.yaml", "base.txt"]
    (found,) = problems(tmp_path, over.replace("${env:BASE:-base.txt}", "feed.yaml"), {})
    assert "extends itself" in found
    (found,) = problems(tmp_path, over.replace("${env:BASE:-base.txt}", "none.yaml"), {})
    assert "cannot be read" in found


@pytest.mark.parametrize(
    ("base", "over", "found"),
    [
        ({"a": 1, "b": 2}, {"b": None, "c": 3}, {"a": 1, "c": 3}),
        ({"a": {"x": 1}}, {"a": {"y": {"z": None, "w": 1}}}, {"a": {"x": 1, "y": {"w": 1}}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        (
            {"a": [{"name": "x", "p": 1}]},
            {"a": [{"name": "y"}, {"name": "x", "p": 2}]},
            {"a": [{"name": "x", "p": 2}, {"name": "y"}]},
        ),
        ({"a": [{"name": "x"}]}, {"a": []}, {"a": []}),
        ({"a": {"x": 1}}, {"a": "text"}, {"a": "text"}),
    ],
)
def test_what_is_merged_and_what_is_replaced(base: Any, over: Any, found: Any) -> None:
    assert merged(base, over) == found


def test_settings_are_set_by_path() -> None:
    document = {"spec": {"sources": [{"name": "a.b"}, {"name": "c"}]}}
    assert with_setting(document, "spec.worker.concurrency=4")["spec"]["worker"] == {"concurrency": 4}
    assert with_setting(document, "spec.sources[a.b].priority=1")["spec"]["sources"][0] == {
        "name": "a.b",
        "priority": 1,
    }
    assert with_setting(document, "spec.sources[1].x=[1, b=c]")["spec"]["sources"][1]["x"] == [1, "b=c"]
    assert document == {"spec": {"sources": [{"name": "a.b"}, {"name": "c"}]}}, "what was given stays as it was"
    for wrong in (
        "spec",
        "kind=x",
        "spec..a=1",
        "spec.sources[9].x=1",
        "spec.sources.x.y=1",
        "spec.sources[c=1",
        "spec.a={",
    ):
        with pytest.raises(SettingUnusable):
            with_setting(document, wrong)
