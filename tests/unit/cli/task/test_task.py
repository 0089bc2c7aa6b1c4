"""What a task's container leaves for the operator: bounded, without a Secret, whatever ends the command."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dcp_cli.task.__main__ import message_without_secrets, with_time
from dcp_cli.task.outcome import outcome_of
from dcp_cli.task.secrets import without_secrets
from dcp_pipeline.spec.kubernetes.task.outcome import LONGEST_OUTCOME, MOST_BYTES, Outcome, message_of
from dcp_pipeline.spec.kubernetes.task.outcome import outcome_of as read

BOOKS = {"read": 10, "written": 7, "duplicates": 1, "rejected": 1, "filtered": 1, "dead": 0, "pending": 0}


def verified(**changes: Any) -> dict[str, Any]:
    return {"balanced": True, **BOOKS, "findings": [], "objects_total": 2, **changes}


@pytest.mark.parametrize(
    ("command", "answer", "code", "line", "counts"),
    [
        ("verify", verified(), 0, "the books balance: 2 objects, 10 read, 7 written", {**BOOKS, "findings": 0}),
        ("verify", verified(expired=5), 0, "the books balance: 2 objects, 10 read, 7 written, 5 of them expired",
         {**BOOKS, "findings": 0, "expired": 5}),
        ("verify", verified(balanced=False, findings=[{"object": "u", "kind": "missing", "message": "raw"}]), 1,
         "the books do NOT balance: 2 objects, 1 findings; the first: u (missing)", {**BOOKS, "findings": 1}),
        ("rejects", {"total": 77, "replaced": 2, "rejects": [{"raw": "private"}]}, 0,
         "77 rejects; 2 more are of versions that were replaced", {"rejects": 77, "replaced": 2}),
        ("dead", {"revived": 3, "queued": 1, "read_again": 2}, 0,
         "3 batches live again: 1 in the queue, 2 to be read again", {"revived": 3, "queued": 1, "read_again": 2}),
        ("forget", {"forgotten": True, "table": "t", "counts": {"queued": 0, "objects": 1200}, "remarks": [], "troubles": []}, 0,
         "0 queued, 1,200 objects; the rows of t stay", {"queued": 0, "objects": 1200}),
        ("forget", {"forgotten": False, "table": "t", "counts": {"objects": 3}, "remarks": [], "troubles": ["the queue: away"]}, 1,
         "the queue: away", {"objects": 3}),
        ("objects", {"released": 1, "batches": 4, "queued": 3}, 0,
         "1 objects released, 4 batches: 3 in the queue, the rest is read again", {"released": 1, "batches": 4, "queued": 3}),
        ("backup", {"file": "/var/lib/dcp/backups/b.dcp", "bytes": 5000, "rows": {"a": 1, "b": 2}}, 0,
         "b.dcp: 5,000 bytes, 3 rows", {"bytes": 5000, "rows": 3}),
        ("restore", {"restored": False, "books": BOOKS, "findings": []}, 1,
         "restored, but the books are NOT what they were, or do not balance: 0 findings", BOOKS),
        ("restore", {"restored": False, "books": BOOKS, "findings": ["u: cut 0: 8 rows in the table, 9 in the ledger", "v: b"]}, 1,
         "restored, but the books are NOT what they were, or do not balance: 2 findings; the first: "
         "u: cut 0: 8 rows in the table, 9 in the ledger", BOOKS),
    ],
)  # fmt: skip
def test_an_answer_in_one_line_and_counts(
    command: str, answer: dict[str, Any], code: int, line: str, counts: dict[str, int]
) -> None:
    found = outcome_of(command, json.dumps(answer).encode() + b"\n", ["dcp: beside"], code)
    assert (found.outcome, dict(found.counts), found.exit_code) == (line, counts, code)


@pytest.mark.parametrize(
    ("output", "errors", "code", "line"),
    [
        (b"", ["{}", "dcp: cannot reach the database", "dcp: and more"], 1, "cannot reach the database; and more"),
        (b"no json\n", [], 137, "dcp verify was killed: for its memory? (spec.resources.limits.memory)"),
        (b"[1]\n{broken\n", ["Traceback"], 1, "dcp verify ended with 1: Traceback"),
        (b'{"findings": []}\n', [], 1, "dcp verify ended with 1"),
        (b'{"findings": 5}\n', [], 0, "dcp verify ended with 0"),
    ],
)
def test_without_an_answer_what_was_said_last(output: bytes, errors: list[str], code: int, line: str) -> None:
    assert outcome_of("verify", output, errors, code).outcome == line


@pytest.mark.parametrize("text", ["x" * 10_000, "é" * 5000, '"\\' * 5000, "\x00" * 3000])
def test_a_message_is_no_longer_than_a_kubelet_takes_and_is_read_again(text: str) -> None:
    counts = {f"n_{chr(97 + n // 26)}{chr(97 + n % 26)}": 2**53 for n in range(100)}
    written = message_of(Outcome(exit_code=1, outcome=text, counts=counts))
    assert len(written) <= MOST_BYTES
    found = read(written.decode())
    assert found is not None
    assert found.exit_code == 1
    assert len(found.counts) == 32


def test_no_value_of_a_secret_is_left_as_it_is_or_as_json_writes_it(tmp_path: Path) -> None:
    for name, value in (("mariadb/password", 'p"ä\\ss\n'), ("redis/password", "hunter22"), ("x/short", "e")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(value)
    text = (
        json.dumps({"outcome": 'denied for p"ä\\ss at hunter22'}) + " and " + json.dumps('p"ä\\ss', ensure_ascii=False)
    )
    assert without_secrets(text, str(tmp_path)) == '{"outcome": "denied for *** at ***"} and "***"'
    assert without_secrets(text, None) == text


@pytest.mark.parametrize("secret", ["hunter22" * 20, "exitCode", "outcome", "1234"])
@pytest.mark.parametrize("before", [0, LONGEST_OUTCOME - 20])
def test_a_secret_is_neither_left_in_half_nor_ends_the_message(tmp_path: Path, secret: str, before: int) -> None:
    """It stands where the line is cut, or is a word of the message itself."""
    (tmp_path / "word").write_text(secret)
    outcome = Outcome(exit_code=2, outcome=f"{'-' * before}{secret}.", counts={"read": 1234})
    left = read(message_without_secrets(outcome, str(tmp_path)))
    assert left == Outcome(exit_code=2, outcome=f"{'-' * before}***.", counts={"read": 1234})


def test_only_the_name_of_the_file_that_is_written_has_the_time() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    assert with_time(["backup", "s", "/b/{time}.dcp"], now)[2] == "/b/20260102T000000Z.dcp"
    words = ["rejects", "ls", "s", "--field={time}"]
    assert with_time(words, now) == words


def test_the_container_s_command_passes_on_what_dcp_says_and_leaves_what_it_came_to(tmp_path: Path) -> None:
    message = tmp_path / "message"
    secrets = tmp_path / "secrets/any"
    secrets.mkdir(parents=True)
    (secrets / "word").write_text("nowhere.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "dcp_cli.task", "verify", str(tmp_path / "nowhere.yaml"), "-o", "json"],
        env={"PATH": "/usr/bin:/bin", "TASK_MESSAGE_FILE": str(message), "DCP_SECRETS_DIR": str(secrets.parent)},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    left = json.loads(message.read_text())
    assert left["exitCode"] == 2
    assert left["outcome"]
    assert "nowhere.yaml" in done.stderr
    assert "nowhere.yaml" not in message.read_text()
