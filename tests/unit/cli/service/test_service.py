"""`dcp service`: the unit that it writes, and what it tells systemctl (which stands in here: no systemd runs)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dcp_cli.__main__ import main
from dcp_cli.service.unit import Service, unit_text
from dcp_pipeline.secrets import SecretStore
from dcp_pipeline.spec.model import SecretKeyRef
from support.fleet import write_pipeline

MOST_EXPOSURE = 30
"""systemd-analyze's points times ten: under 3 of 10."""
SYSTEMCTL = (
    '#!/bin/sh\necho "$@" >> "$CALLS"\ncase "$*" in *"$FAILS"*) echo "Failed to connect to bus" >&2; exit 1;; esac\n'
)


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("FAILS", "nothing")
    write_pipeline(tmp_path / "specs", "one")
    return tmp_path / "calls"


def service(*words: str) -> Result:
    return CliRunner().invoke(main, ["service", *words])


def unit_of(folder: Path) -> Path:
    return folder / "config" / "systemd" / "user" / "dcp.service"


def test_it_is_installed_shown_and_removed(tmp_path: Path, calls: Path) -> None:
    done = service("install", "--user", str(tmp_path / "specs"), "--workers", "3", "--ui")
    assert done.exit_code == 0, done.output
    assert f"up {tmp_path / 'specs'} --workers 3 --ui\n" in unit_of(tmp_path).read_text()
    assert calls.read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable dcp.service",
        "--user restart dcp.service",
    ]
    assert service("status", "--user").exit_code == 0
    assert service("uninstall", "--user").exit_code == 0
    assert not unit_of(tmp_path).exists()
    assert calls.read_text().splitlines()[-2:] == ["--user disable --now dcp.service", "--user daemon-reload"]
    assert service("uninstall", "--user").exit_code == 1


def test_what_cannot_be_is_told(tmp_path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = unit_of(tmp_path)
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=of somebody else\n")
    assert "take another --name" in service("install", "--user", str(tmp_path / "specs")).output
    assert "stays" in service("uninstall", "--user").output
    assert unit.read_text() == "[Service]\nExecStart=of somebody else\n"
    unit.unlink()
    (tmp_path / "specs" / "one.yaml").write_text("kind: DataCleaningPipeline\n")
    assert service("install", "--user", str(tmp_path / "specs")).exit_code == 2, "a service that could start nothing"
    assert not unit.exists()
    write_pipeline(tmp_path / "specs", "one")
    monkeypatch.setenv("FAILS", "daemon-reload")
    failed = service("install", "--user", str(tmp_path / "specs"))
    assert failed.exit_code == 1
    assert "Failed to connect to bus" in failed.output


@pytest.mark.parametrize("user", [True, False])
def test_the_unit_is_well_formed_and_hardened(tmp_path: Path, user: bool) -> None:
    odd = tmp_path / "100% of $HOME; a 'b'"
    odd.mkdir()
    key = tmp_path / "password"
    key.write_text("x")
    text = unit_text(
        Service("/bin/true", (odd,), user, ("--workers", "2"), (("db.password", key),), tmp_path / "e", (odd, odd))
    )
    assert "100%% of $$HOME" in text
    assert f"LoadCredential=db.password:{key}" in text
    settings = set(text.splitlines())
    assert {"Type=notify", "WatchdogSec=60", "RestartPreventExitStatus=2 75", "NoNewPrivileges=yes"} <= settings
    if program := shutil.which("systemd-analyze"):
        unit = tmp_path / "dcp.service"
        unit.write_text(text)
        for words in (["verify"], ["security", "--offline=yes", f"--threshold={MOST_EXPOSURE}", "--no-pager"]):
            done = subprocess.run([program, *words, str(unit)], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout[-600:] + done.stderr
            assert "dcp.service:" not in done.stderr, "no warning about a line of it"


@pytest.mark.parametrize(
    ("specs", "private"),
    [("/etc/dcp", True), ("/tmp/specs", False), ("/var/tmp/a", False), ("/tmpfs/specs", True), ("/srv/tmp", True)],
)
def test_a_service_whose_specs_lie_below_tmp_has_no_tmp_of_its_own(specs: str, private: bool) -> None:
    text = unit_text(Service("/bin/true", (Path("/etc/other"), Path(specs)), True, (), (), None, (Path("/srv"),)))
    assert ("PrivateTmp=yes" in text) is private


def test_a_credential_of_systemd_is_a_secret(tmp_path: Path) -> None:
    (tmp_path / "db.password").write_text("hush-hush\n")
    secrets = SecretStore({"CREDENTIALS_DIRECTORY": str(tmp_path), "DCP_SECRET_DB_PASSWORD": "other"})
    assert secrets(SecretKeyRef(name="db", key="password")) == "hush-hush"
    assert secrets.redact("it is hush-hush") == "it is ***"


@pytest.mark.parametrize("option", ["--env-file", "--credentials"])
def test_what_is_named_and_is_not_there_is_told_before_anything_is_written(
    tmp_path: Path, calls: Path, option: str
) -> None:
    done = service("install", "--user", str(tmp_path / "specs"), option, str(tmp_path / "typo"))
    assert (done.exit_code, unit_of(tmp_path).exists(), calls.exists()) == (2, False, False)
    assert "does not exist" in done.output
    assert "typo" in done.output


@pytest.mark.parametrize(
    "name", ["../../../etc/cron.d/x", "a/b", "a\nExecStartPre=/bin/x", "--host=elsewhere", "", "x" * 300]
)
@pytest.mark.parametrize("what", ["install", "status", "uninstall"])
def test_a_unit_s_name_is_no_path_and_no_option(tmp_path: Path, calls: Path, what: str, name: str) -> None:
    words = [str(tmp_path / "specs")] if what == "install" else []
    done = service(what, "--user", f"--name={name}", *words)
    assert done.exit_code == 1
    assert "a unit's name is letters" in done.output
    assert not calls.exists()


@pytest.mark.parametrize("odd", ["x\nExecStartPre=", "x\x1b[31m", "x\udcff", "a b", "a:b"])
def test_whatever_a_secret_is_called_it_makes_no_line_of_the_unit(tmp_path: Path, calls: Path, odd: str) -> None:
    (tmp_path / "secrets" / odd).mkdir(parents=True)
    (tmp_path / "secrets" / odd / "key").write_text("s")
    done = service("install", "--user", str(tmp_path / "specs"), "--credentials", str(tmp_path / "secrets"))
    assert done.exit_code == 1
    assert not unit_of(tmp_path).exists()
    assert not calls.exists()


def test_whatever_a_folder_is_called_it_makes_no_line_of_the_unit(tmp_path: Path, calls: Path) -> None:
    folder = tmp_path / "specs\nExecStartPre=x"
    write_pipeline(folder, "one")
    done = service("install", "--user", str(folder))
    assert done.exit_code == 1
    assert "no unit of systemd can name" in done.output
    assert not calls.exists()


def test_a_path_keeps_its_dollars_and_a_command_doubles_them() -> None:
    text = unit_text(
        Service("/dcp", (Path("/a$b"),), True, credentials=(("s.k", Path("/c$d")),), writable=(Path("/a$b"),))
    )
    assert "ExecStart=/dcp up /a$$b\n" in text
    assert "LoadCredential=s.k:/c$d\n" in text
    assert "ReadWritePaths=/a$b\n" in text
