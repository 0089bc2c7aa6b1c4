"""`kubectl dcp`: by a kubectl of the test's, which plays the cluster."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dcp_cli.plugin.__main__ import main

KUBECTL = """#!{python}
import json, os, sys
folder, words = os.environ["PLAYED"], sys.argv[1:]
with open(folder + "/calls", "a") as calls:
    print(json.dumps(words), file=calls)
plain = [each for each in words if not each.startswith("--")]
if plain[0] == "create":
    made = json.load(sys.stdin)
    json.dump(made, open(folder + "/task", "w"))
    print(json.dumps(made))
elif plain[0] == "patch" and plain[2] == "gone":
    sys.exit('Error from server (NotFound): datacleaningpipelines "gone" not found')
elif plain[0] == "patch":
    print("patched")
elif plain[:2] == ["get", "customresourcedefinitions"]:
    print(open(folder + "/crd").read())
elif plain[0] == "get" and "--all-namespaces" in words:
    print(open(folder + "/items").read())
elif plain[0] == "get" and plain[1].startswith("datacleaningpipelines"):
    if plain[2] != "botnet":
        sys.exit('Error from server (NotFound): datacleaningpipelines "%s" not found' % plain[2])
    print(open(folder + "/pipeline").read())
elif plain[0] == "get" and plain[2] == "-o":
    if not os.path.exists(folder + "/items"):
        sys.exit("Error from server (Forbidden): datacleaningtasks is forbidden")
    print(open(folder + "/items").read())
elif plain[0] == "get":
    steps = json.load(open(folder + "/steps"))
    step = steps.pop(0) if len(steps) > 1 else steps[0]
    json.dump(steps, open(folder + "/steps", "w"))
    print(json.dumps({{**json.load(open(folder + "/task")), "status": step}}))
elif plain[0] == "logs" and not os.path.exists(folder + "/log"):
    sys.exit('Error from server (Forbidden): pods is forbidden: User "u" cannot get resource "pods/log"')
elif plain[0] == "logs":
    print(open(folder + "/log").read())
"""
PIPELINE = {
    "metadata": {"name": "botnet", "namespace": "demo"},
    "spec": {"scaling": {"maxReplicas": 4, "drainWithin": "1m"}},
    "status": {
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Running", "message": "as the spec asks"},
            {"type": "ScalingActive", "status": "True", "reason": "Following", "message": "2 batches, one worker"},
        ],
        "records": {"read": 4000, "written": 3670},
        "backlog": {"batches": 2, "inFlight": 1, "dead": 0, "oldestAgeSeconds": 3},
        "workers": {"replicas": 1, "ready": 1, "desired": 1},
        "scaling": {"replicas": 1, "time": "2026-11-29T02:00:00Z", "reason": "2 batches"},
    },
}


class Played:
    """A kubectl on the PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.says("pipeline", PIPELINE)
        self.says("log", "")

    def says(self, name: str, document: Any) -> None:
        (self.folder / name).write_text(document if isinstance(document, str) else json.dumps(document))

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]

    @property
    def task(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "task").read_text())
        return found

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, words)


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Played:
    program = tmp_path / "kubectl"
    program.write_text(KUBECTL.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PLAYED", str(tmp_path))
    monkeypatch.setattr("dcp_cli.plugin.asking.LOOK_SECONDS", 0.01)
    return Played(tmp_path)


def step(
    reason: str, message: str = "m", complete: str = "False", failed: str = "False", **more: Any
) -> dict[str, Any]:
    conditions = [
        {"type": "Complete", "status": complete, "reason": reason, "message": message},
        {"type": "Failed", "status": failed, "reason": reason, "message": message},
    ]
    return {"conditions": conditions, **more}


def over(code: int, outcome: str, task: str = "verify") -> dict[str, Any]:
    result = {"exitCode": code, "outcome": outcome, "job": "j"}
    return step(
        "Failed" if code else "Completed",
        complete=str(not code),
        failed=str(bool(code)),
        task=task,
        job="j",
        result=result,
    )


def test_verify_makes_a_task_waits_with_progress_and_ends_as_dcp_did(played: Played) -> None:
    played.says("steps", [{}, step("Starting", "its Job is made"), step("Running", "at work"), over(1, "NOT balanced")])
    finding = {"object": "u.csv", "kind": "missing", "message": "3 rows"}
    played.says("log", '{"@timestamp": 1, "log.level": "info"}\n' + json.dumps({"findings": [finding]}) + "\n")
    done = played.run("verify", "botnet", "-n", "demo", "--since", "24h")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == ["NOT BALANCED  u.csv: missing: 3 rows", "NOT balanced"]
    assert [line.strip() for line in done.stderr.splitlines()[1:]] == ["Starting: its Job is made", "Running: at work"]
    spec = played.task["spec"]
    assert spec == {"pipelineRef": {"name": "botnet"}, "verify": {"since": "24h"}, "ttlSecondsAfterFinished": 3600}
    assert all("--namespace=demo" in each for each in played.calls)


@pytest.mark.parametrize(
    ("words", "what", "asked"),
    [
        (["rejects", "botnet", "--code", "type-error"], "rejects", {"code": "type-error", "limit": 50}),
        (["release", "botnet", "--all"], "release", {"all": True}),
        (["release", "botnet", "o1", "o2"], "release", {"objects": ["o1", "o2"]}),
        (["dead", "requeue", "botnet", "--all"], "requeue", {"all": True}),
        (["dead", "requeue", "botnet", "b1", "b2"], "requeue", {"batches": ["b1", "b2"]}),
        (["replay", "botnet", "--replaced"], "replay", {"replaced": True}),
        (["preview", "botnet", "--records", "3"], "preview", {"records": 3}),
    ],
)
def test_each_command_asks_for_its_task(played: Played, words: list[str], what: str, asked: dict[str, Any]) -> None:
    played.says("steps", [over(0, "fine", what)])
    done = played.run(*words)
    assert (done.exit_code, done.stdout) == (0, "fine\n")
    assert played.task["spec"][what] == asked
    assert len(played.task["metadata"]["name"]) <= 52


@pytest.mark.parametrize("words", [[], ["-o", "json"]])
def test_whoever_may_not_read_the_log_is_told_that_there_is_more(played: Played, words: list[str]) -> None:
    (played.folder / "log").unlink()
    played.says("steps", [over(0, "3 rejects", "rejects")])
    done = played.run("rejects", "botnet", *words)
    assert done.exit_code == 0
    assert "3 rejects" in done.stdout
    assert "what was found cannot be read, only what it came to: kubectl: Error from server (Forbidden)" in done.stderr


def test_rejects_are_listed_as_dcp_lists_them(played: Played) -> None:
    reject = {
        "uri": "http://h/a.csv",
        "record": 3,
        "field": "ip",
        "code": "type-error",
        "reason": "no ip",
        "raw": "x,\x1b[2J",
    }
    played.says("steps", [over(0, "1 rejects", "rejects")])
    played.says("log", json.dumps({"total": 1, "rejects": [reject]}))
    done = played.run("rejects", "botnet")
    assert "a.csv" in done.stdout
    assert "type-error" in done.stdout
    assert "\x1b" not in done.stdout
    played.says("steps", [over(0, "1 rejects", "rejects")])
    assert json.loads(played.run("rejects", "botnet", "-o", "json").stdout)["rejects"] == [reject]


@pytest.mark.parametrize(
    ("steps", "words", "code", "said"),
    [
        ([step("NoImage", "the operator was not told DCP_IMAGE")], [], 1, "NoImage: the operator was not told DCP_IMAGE"),
        ([step("Failed", "its Job was deleted", failed="True")], [], 1, "its Job was deleted"),
        ([step("WaitingForItsTurn", "after w1")], ["--timeout", "50ms"], 124, "WaitingForItsTurn: after w1"),
        ([over(137, "killed for its memory")], [], 137, "killed for its memory"),
    ],
)  # fmt: skip
def test_what_does_not_end_well_is_told_and_is_the_exit_code(
    played: Played, steps: list[Any], words: list[str], code: int, said: str
) -> None:
    played.says("steps", steps)
    done = played.run("verify", "botnet", *words)
    assert done.exit_code == code
    assert said in done.output


@pytest.mark.parametrize("name", ["-A", "--kubeconfig=/tmp/theirs", "a,app=other", "b/../c", "\x1b[2J", ""])
@pytest.mark.parametrize("words", [["verify"], ["logs"], ["scale", "explain"]])
def test_what_is_no_name_of_a_pipeline_never_reaches_kubectl(played: Played, words: list[str], name: str) -> None:
    done = played.run(*words, "--", name)
    assert done.exit_code == 2
    assert "is no name of a pipeline" in done.output
    assert "\x1b" not in done.output
    assert not (played.folder / "calls").exists()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("rejects", {"rejects": [1]}),
        ("rejects", {"rejects": [{"uri": 5}]}),
        ("verify", {"findings": {"object": 1}}),
        ("preview", {"sources": [{"source": "s", "uri": "u", "records": [{"raw": [], "reject": 1}]}]}),
    ],
)
def test_a_log_that_is_forged_ends_nothing(played: Played, command: str, answer: dict[str, Any]) -> None:
    played.says("steps", [over(0, "what the operator was told", command)])
    played.says("log", json.dumps(answer))
    done = played.run(command, "botnet")
    assert done.exit_code == 0
    assert "what the operator was told" in done.stdout
    assert "none that this release reads" in done.stderr


def test_a_pipeline_that_is_not_there_is_told_before_anything_is_made(played: Played) -> None:
    done = played.run("verify", "botnett")
    assert done.exit_code == 1
    assert 'datacleaningpipelines "botnett" not found' in done.output
    assert not (played.folder / "task").exists()


def test_status_and_scale_explain_read_the_resource(played: Played) -> None:
    done = played.run("--context", "c", "status", "botnet")
    assert done.exit_code == 0
    assert "4,000 read, 3,670 written" in done.stdout
    assert "queue: 2 batches not done, 1 of them" in done.stdout
    explained = played.run("scale", "explain", "botnet").stdout
    assert "now: 2 batches, one worker (Following)" in explained
    assert "0 to 4 workers, by engine auto: the backlog done within 1m" in explained
    played.says("pipeline", {**PIPELINE, "status": {"observedGeneration": -1}})
    assert played.run("status", "botnet").exit_code == 1
    assert played.calls[0][0] == "--context=c"


def test_help_teaches(played: Played) -> None:
    shown = played.run("--help").stdout
    assert "kubectl dcp verify botnet -n demo" in shown
    assert "no password leaves" in " ".join(shown.split())


def test_store_anew_writes_each_resource_as_it_is_and_then_says_so_in_the_crd(played: Played) -> None:
    versions = [{"name": "v1beta1", "storage": True}, {"name": "v1alpha1", "storage": False}]
    played.says("crd", {"spec": {"versions": versions}, "status": {"storedVersions": ["v1alpha1", "v1beta1"]}})
    items = [{"metadata": {"namespace": "demo", "name": name}} for name in ("botnet", "gone", "feed")]
    played.says("items", {"items": items})
    done = played.run("store-anew")
    assert done.exit_code == 0, done.output
    assert "3 stored as v1beta1; v1alpha1 is stored no more" in done.output
    patches = [each for each in played.calls if each[0] == "patch"]
    assert [each[2] for each in patches] == ["botnet", "gone", "feed", "datacleaningpipelines.datacleaning.io"]
    assert '--patch={"status": {"storedVersions": ["v1beta1"]}}' in patches[-1]
    played.says("crd", {"spec": {"versions": versions}, "status": {"storedVersions": ["v1beta1"]}})
    assert "all is stored as v1beta1" in played.run("store-anew").output


def of_botnet(name: str, status: dict[str, Any], pipeline: str = "botnet") -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"pipelineRef": {"name": pipeline}}, "status": status}


def test_status_names_tasks_that_went_wrong_or_do_not_begin_beside_a_pipeline_that_is_well(played: Played) -> None:
    scheduled = step("Scheduled")
    bad = {"type": "Failed", "status": "True", "reason": "Failed", "message": "the books do NOT balance"}
    items = [
        of_botnet("fine", over(0, "fine")),
        of_botnet("at-work", step("Running")),
        of_botnet("nightly", {"conditions": [scheduled["conditions"][0], bad]}),
        of_botnet("once", step("Failed", "No such file", failed="True")),
        of_botnet("no-claim", step("NotStarting", "no node takes it")),
        of_botnet("new", {}),
        of_botnet("others", step("NotStarting", "no node takes it"), "other"),
    ]
    played.says("items", {"items": items})
    done = played.run("status", "botnet")
    assert (done.exit_code, [each for each in done.stdout.splitlines() if each.startswith("task ")]) == (0, [
        "task nightly: Failed: the books do NOT balance",
        "task once: Failed: No such file",
        "task no-claim: NotStarting: no node takes it",
        "task new: Unknown: no operator has looked at it yet",
    ])  # fmt: skip


def test_status_without_the_right_to_list_tasks_says_so_and_goes_on(played: Played) -> None:
    done = played.run("status", "botnet")
    assert (done.exit_code, "its tasks are not known: kubectl: Error from server (Forbidden)" in done.stdout) == (
        0,
        True,
    )
