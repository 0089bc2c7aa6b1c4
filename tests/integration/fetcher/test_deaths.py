"""Real processes that are killed while they read: an object that each time is in their hands alone is given up, with its
reason, while the others are read; one that was only there a few times is not."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from support.botnet_feed import HEADER, lines
from support.dcp_process import DcpProcess, dcp, write_spec
from support.feed_server import FeedServer
from support.waiting import wait_until

RECORDS = 40
BAD = "2026-10-02-bad.csv"
GOOD = ("2026-10-01.csv", "2026-10-03.csv", "2026-10-04.csv")
CRASHES = 2
"""worker.maxCrashes."""


@pytest.fixture
def spec(feed: FeedServer, tmp_path: Path) -> str:
    for seed, name in enumerate((*GOOD, BAD)):
        feed.put(name, f"{HEADER}\n".encode() + b"".join(lines(RECORDS, seed)))
    feed.fail(BAD, times=1000, stall_after=len(HEADER) + 3)
    path = write_spec(tmp_path / "spec.yaml", feed.url, sink=f"sqlite:///{tmp_path}/clean.db", concurrency=1)
    text = path.read_text()
    path.write_text(text.replace("concurrency: 1", f"concurrency: 1, maxCrashes: {CRASHES}"))
    assert "maxCrashes" in path.read_text()
    return str(path)


def marks(folder: Path) -> list[str]:
    """What stands of the objects that are being read, or were when somebody died."""
    found = []
    for path in (folder / "state").rglob("reading-*"):
        with suppress(FileNotFoundError):  # read meanwhile
            found.append(path.read_text())
    return found


def killed(folder: Path, spec: str, number: int) -> None:
    """A process that is ended by a signal while it has the object open, and all the others read."""
    before = marks(folder)
    process = DcpProcess(folder, "run", spec)

    def alone() -> bool:
        others_are_cut = bool(before) or process.err().count(" cut: ") == len(GOOD)
        return others_are_cut and len(now := marks(folder)) == 1 and now != before and all(now)

    try:
        wait_until(alone, "it reads that one alone", 120)
    finally:
        process.process.send_signal(number)
        assert process.wait() == -number


@pytest.mark.timeout(600)
def test_who_ends_its_readers_is_given_up_and_the_others_are_read(spec: str, tmp_path: Path) -> None:
    for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL):
        killed(tmp_path, spec, number)
    code, process = dcp(tmp_path, "run", spec, "--once", "-o", "json")
    assert code == 1
    assert f"died, {CRASHES} times" in process.err()
    found = {each["uri"].rpartition("/")[2]: (each["state"], each["read"]) for each in process.answer()["objects"]}
    assert found == {BAD: ("unavailable", 0), **dict.fromkeys(GOOD, ("cut", RECORDS))}
    assert marks(tmp_path) == []


@pytest.mark.timeout(600)
def test_as_often_less_once_and_it_is_read_whole(feed: FeedServer, spec: str, tmp_path: Path) -> None:
    for _ in range(CRASHES):
        killed(tmp_path, spec, signal.SIGKILL)
    feed.heal()
    code, process = dcp(tmp_path, "run", spec, "--once", "-o", "json")
    assert code == 0, process.err()
    assert sorted(each["read"] for each in process.answer()["objects"]) == [RECORDS] * (len(GOOD) + 1)
    assert marks(tmp_path) == []


DEADLY = """
import os, signal
from dcp_fetcher.objects import reader, together

read = together.read_object

def deadly(content, publisher, *rest):
    if "bad" in publisher.object.uri:
        os.kill(os.getpid(), signal.SIGKILL)
    return read(content, publisher, *rest)

reader.read_object = together.read_object = deadly
"""


@pytest.mark.timeout(600)
def test_a_small_file_that_ends_its_readers_is_given_up_though_many_are_read_together(tmp_path: Path) -> None:
    folder, hooks = tmp_path / "feed", tmp_path / "hooks"
    folder.mkdir()
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(DEADLY)
    for seed, name in enumerate((*GOOD, BAD)):
        (folder / name).write_bytes(f"{HEADER}\n".encode() + b"".join(lines(RECORDS, seed)))
    path = write_spec(tmp_path / "spec.yaml", "x", sink=f"sqlite:///{tmp_path}/clean.db", concurrency=1)
    spec = yaml.safe_load(path.read_text())
    spec["spec"]["sources"][0].pop("http")
    spec["spec"]["sources"][0]["file"] = {"path": str(folder), "include": ["*.csv"]}
    spec["spec"]["worker"]["maxCrashes"] = CRASHES
    path.write_text(yaml.safe_dump(spec))
    ended = []
    for _ in range(CRASHES + 2):
        code, process = dcp(tmp_path, "run", str(path), "--once", "-o", "json", env={"PYTHONPATH": str(hooks)})
        ended.append(code)
        if code >= 0:
            break
    assert ended == [-signal.SIGKILL] * (CRASHES + 1) + [1], process.err()
    found = {each["uri"].rpartition("/")[2]: (each["state"], each["read"]) for each in process.answer()["objects"]}
    assert found == {BAD: ("unavailable", 0), **dict.fromkeys(GOOD, ("cut", RECORDS))}
    assert marks(tmp_path) == []
