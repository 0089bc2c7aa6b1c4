"""Rules as people run them: what they take from Secrets and files, and what `dcp validate` says of wrong ones."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from pathlib import Path

from support.dcp_process import dcp

SPEC = """
apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {{name: people}}
spec:
  sources: [{{name: people, file: {{path: people.csv}}}}]
  cleaning:
    fields:
      - {{name: who, transforms: [trim, lower, {who}]}}
      - {{name: country, transforms: [upper, {{lookup: {{path: countries.csv, key: code, value: name}}}}]}}
    unique: [who]
    filter: [{{drop: {{field: country, {test}}}}}]
"""
HMAC = "{hmac: {key: {secretKeyRef: {name: pepper, key: value}}}}"


def write(folder: Path, who: str = HMAC, test: str = "equals: France") -> Path:
    (folder / "people.csv").write_text("who,country\n Ada@example.com ,ke\nbob@example.com,fr\nada@EXAMPLE.com,\n")
    (folder / "countries.csv").write_text("code,name\nKE,Kenya\nFR,France\n")
    spec = folder / "spec.yaml"
    spec.write_text(SPEC.format(who=who, test=test))
    return spec


def test_a_run_takes_keys_from_secrets_and_tables_from_beside_the_spec(tmp_path: Path) -> None:
    spec, env = write(tmp_path), {"DCP_SECRET_PEPPER_VALUE": "a very secret key"}
    elsewhere = tmp_path / "elsewhere"
    code, process = dcp(elsewhere, "run", str(spec), "--once", "-o", "json", env=env)
    assert code == 0, process.err()
    answer = process.answer()
    assert (answer["written"], answer["duplicates"], answer["filtered"]) == (1, 1, 1)
    with sqlite3.connect(tmp_path / "people.db") as connection:
        ((who, country),) = connection.execute("SELECT who, country FROM people").fetchall()
    assert who == hmac.new(b"a very secret key", b"ada@example.com", hashlib.sha256).hexdigest()
    assert country == "Kenya"
    assert "a very secret key" not in process.out() + process.err()


def test_a_run_without_the_secret_or_the_table_says_which_is_missing(tmp_path: Path) -> None:
    spec = write(tmp_path)
    code, process = dcp(tmp_path, "run", str(spec), "--once")
    assert code != 0
    assert "DCP_SECRET_PEPPER_VALUE" in process.err()
    (tmp_path / "countries.csv").unlink()
    code, process = dcp(tmp_path, "run", str(spec), "--once", env={"DCP_SECRET_PEPPER_VALUE": "x"})
    assert code != 0
    assert "spec.cleaning.fields[1].transforms[1].lookup.path" in process.err()


def test_validate_needs_neither_secret_nor_table(tmp_path: Path) -> None:
    spec = write(tmp_path)
    (tmp_path / "countries.csv").unlink()
    code, process = dcp(tmp_path, "validate", str(spec))
    assert code == 0, process.err()


def test_validate_names_what_only_compiling_shows(tmp_path: Path) -> None:
    spec = write(tmp_path, who="{replace: {pattern: '(', with: x}}", test="matches: '('")
    code, process = dcp(tmp_path, "validate", str(spec), "-o", "json")
    assert (code, [each["path"] for each in process.answer()["problems"]]) == (
        2,
        ["spec.cleaning.fields[0].transforms[2].replace.pattern"],
    )
    spec = write(tmp_path, test="matches: '('")
    code, process = dcp(tmp_path, "validate", str(spec), "-o", "json")
    assert [each["path"] for each in process.answer()["problems"]] == ["spec.cleaning.filter[0].drop.matches"]
