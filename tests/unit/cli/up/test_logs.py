"""`dcp logs`: files of several processes as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcp_cli.errors import CommandFailed
from dcp_cli.up.logs import Tail, last_words, show_logs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    logs = tmp_path / ".dcp" / "up" / "logs"
    logs.mkdir(parents=True)
    (logs / "a.fetcher.log").write_text(
        "2026-11-29 10:00:00.100+00:00 info    first\n"
        "2026-11-29 10:00:02.000+00:00 error   third\nTraceback\n  in it\n"
        "2026-11-29 10:00:04.000+00:00 info    fifth error \n"
    )
    (logs / "b.c.worker1.log").write_text(
        '{"@timestamp": "2026-11-29T10:00:01.000+00:00", "log.level": "info", "message": "second"}\n'
        '{"@timestamp": "2026-11-29T10:00:03.000+00:00", "log.level": "error", "message": "fourth"}\n'
    )
    return tmp_path


def shown(
    folder: Path, capsys: pytest.CaptureFixture[str], *names: str, errors: bool = False, lines: int = 100
) -> list[str]:
    assert show_logs(folder, names, False, errors, lines) == 0
    return capsys.readouterr().out.splitlines()


def test_lines_stand_in_the_order_of_their_time(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(folder, capsys)
    found = [
        word for line in lines for word in ("first", "second", "third", "in it", "fourth", "fifth") if word in line
    ]
    assert found == ["first", "second", "third", "in it", "fourth", "fifth"]
    assert lines[0].startswith("a.fetcher | ")
    assert shown(folder, capsys, lines=1)[0].endswith("fifth error ")


def test_errors_come_with_what_stands_below_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(folder, capsys, errors=True)
    assert [line.partition(" | ")[0] for line in lines] == ["a.fetcher"] * 3 + ["b.c.worker1"]
    assert [line[-5:] for line in lines[:3]] == ["third", "eback", "in it"]


def test_names_choose_and_an_unknown_one_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(shown(folder, capsys, "b.c")) == 2
    with pytest.raises(CommandFailed, match=r"there are: a, b\.c"):
        show_logs(folder, ("d",), False, False, 10)


def test_a_file_that_is_rotated_or_cut_off_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    tail = Tail(path)
    assert tail.more() == []
    path.write_text("2026-01-01 00:00:00 info one\n2026-01-01 00:00:01 inf")
    assert [text for _, text in tail.more()] == ["a | 2026-01-01 00:00:00 info one"]
    with path.open("a") as file:
        file.write("o two\n")
    assert [text for _, text in tail.more()] == ["a | 2026-01-01 00:00:01 info two"]
    path.rename(tmp_path / "a.log.1")
    path.write_text("2026-01-01 00:00:02 info three\n")
    assert [text for _, text in tail.more()] == ["a | 2026-01-01 00:00:02 info three"]


_ENDED = "dcp: table t cannot be written to as it is:\n  - column m is missing\n  ALTER TABLE `t`\n    ADD COLUMN `m` TEXT;\n"
_STARTS = "2026-11-29 10:00:00.100+00:00 info    worker starts\n"


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (_STARTS + _ENDED, _ENDED.removeprefix("dcp: ").strip()),
        (_STARTS + "dcp: one of before\n" + _STARTS + _ENDED, _ENDED.removeprefix("dcp: ").strip()),
        (_ENDED + _STARTS, _STARTS.strip()),
        (_STARTS + "Traceback (most recent call last):\n  in it\nKeyError: 'a'\n", "KeyError: 'a'"),
        ("", "its log is empty"),
    ],
)
def test_why_a_process_ended_is_all_that_it_said_of_it(log: str, words: str) -> None:
    assert last_words(log) == words


def test_errors_have_why_a_process_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = tmp_path / ".dcp" / "up" / "logs"
    logs.mkdir(parents=True)
    (logs / "a.worker.log").write_text(_STARTS + _ENDED + _STARTS)
    assert [line.partition(" | ")[2] for line in shown(tmp_path, capsys, errors=True)] == _ENDED.splitlines()
