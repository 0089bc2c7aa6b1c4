"""The Compose file and the image that it runs: what can be checked without an engine."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from dcp_cli.__main__ import main
from dcp_pipeline.setup import Setup, load_setup

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "packaging" / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "images" / "dcp" / "Dockerfile").read_text()
OURS = {name: each for name, each in COMPOSE["services"].items() if each["image"].startswith("${DCP_IMAGE")}


def setup_in_a_container(folder: Path) -> Setup:
    """As a container's process has it: its secrets are files, its variables those of the Compose file."""
    for name in COMPOSE["secrets"]:
        (folder / f"{name.removesuffix('_password')}.password").write_text(f"of-{name}\n")
    return load_setup(FOLDER / "specs" / "feed.yaml", {"DCP_SECRETS_DIR": str(folder), "FEED_URL": "http://feed/"})


def test_the_spec_finds_its_secrets_and_servers(tmp_path: Path) -> None:
    setup = setup_in_a_container(tmp_path)
    spec = setup.pipeline.spec
    assert spec.queue.redis is not None
    assert setup.secrets.value(spec.queue.redis.password) == "of-valkey_password"
    assert spec.sink is not None
    assert spec.sink.sql is not None
    assert setup.secrets.value(spec.sink.sql.password) == "of-mariadb_password"
    assert {"valkey", "mariadb"} <= set(COMPOSE["services"])
    database = COMPOSE["services"]["mariadb"]["environment"]
    assert f"//{database['MARIADB_USER']}@mariadb:3306/{database['MARIADB_DATABASE']}" in spec.sink.sql.url
    for each in OURS.values():
        targets = {secret["target"] for secret in each["secrets"]}
        assert targets == {"mariadb.password", "valkey.password"}
        assert set(each["environment"]) == {"LOG_FORMAT", "FEED_URL"}


@pytest.mark.parametrize("name", sorted(OURS))
def test_commands_are_those_of_dcp(name: str) -> None:
    command, *words = OURS[name]["command"]
    shown = CliRunner().invoke(main, [command, "--help"])
    assert shown.exit_code == 0
    assert [word for word in words if word.startswith("--") and word not in shown.output] == []


def test_what_scales_has_no_name_and_no_port_of_its_own() -> None:
    assert not {"container_name", "ports", "hostname"} & set(OURS["worker"])


def test_what_is_mounted_is_there() -> None:
    mounts = [each for service in COMPOSE["services"].values() for each in service.get("volumes", ())]
    sources = {source for source, _, _ in (each.partition(":") for each in mounts)}
    assert {each for each in sources if each.startswith(".") and not (FOLDER / each).exists()} == set()
    assert {each for each in sources if not each.startswith(".")} == set(COMPOSE["volumes"])


def test_passwords_are_made_once(tmp_path: Path) -> None:
    program = tmp_path / "make-secrets"
    program.write_bytes((FOLDER / "make-secrets").read_bytes())
    made = []
    for _ in range(2):
        subprocess.run(["sh", str(program)], check=True)
        made.append({each.name: each.read_text() for each in (tmp_path / "secrets").iterdir()})
    assert made[0] == made[1]
    assert set(made[0]) == set(COMPOSE["secrets"])
    assert min(len(each) for each in made[0].values()) >= 20
    assert os.stat(tmp_path / "secrets").st_mode & 0o077 == 0


def test_the_image_holds_every_package_that_dcp_imports() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "packages"
    ]
    copied = set(re.findall(r"^COPY (\S+/dcp_\w+) ", DOCKERFILE, re.MULTILINE))
    assert copied == set(packages) - {"operator/dcp_operator"}
    ignored = (ROOT / "images" / "dcp" / "Dockerfile.dockerignore").read_text().splitlines()
    assert {f"!{each}" for each in copied} <= set(ignored)
    assert {"ARG BASE_IMAGE=python:3.12-slim", "USER 65532:65532"} <= set(DOCKERFILE.splitlines())
