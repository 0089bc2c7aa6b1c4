"""What people see: nothing from outside steers the terminal, and lines fit it."""

from __future__ import annotations

import io
import json
from datetime import datetime

import pytest
from rich.console import Console

from dcp_cli.ledger.rejects import shown_bytes
from dcp_cli.shown import tables
from dcp_cli.shown.progress import Figures, figures_of, line_of, show
from dcp_cli.shown.say import hand_out, say
from dcp_cli.shown.status import object_rows, sums_row, wrong
from dcp_cli.shown.summary import verdict
from dcp_fetcher.ground.progress import Progress, SourceProgress
from dcp_pipeline.ledger.model import ObjectBooks, ObjectState
from dcp_pipeline.observe.printable import printable, printable_cell, printable_json, readable
from dcp_pipeline.observe.report import Report
from support.overviews import overview_of

EVIL = [
    ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
    ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
    ("a\rb", r"a\rb"),
    ("\x9b2J", r"\x9b2J"),
    ("del\x7f", r"del\x7f"),
    ("\u202eexe.txt", r"\u202eexe.txt"),
    ("half \ud83d", r"half \ud83d"),
    ("back\x08space\x00", r"back\x08space\x00"),
]


@pytest.mark.parametrize(("text", "shown"), EVIL)
def test_what_steers_a_terminal_is_written_and_does_nothing(text: str, shown: str) -> None:
    assert printable(text) == printable_cell(text) == shown


@pytest.mark.parametrize("text", ["plain", "Zürich", "北京", "a\tb\nc", "👍🏽", "שלום", ""])
def test_what_steers_nothing_is_as_it_was(text: str) -> None:
    assert printable(text) == text
    assert printable_cell(text) == text.replace("\t", "\\t").replace("\n", "\\n")


def test_a_document_goes_into_a_file_as_it_is_and_a_line_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    hand_out("from: a\u200bb\n")
    say("from: a\u200bb")
    assert capsys.readouterr().out == "from: a\u200bb\nfrom: a\\u200bb\n"


@pytest.mark.parametrize(("text", "_"), EVIL)
def test_json_means_the_same_and_steers_nothing(text: str, _: str) -> None:
    for whole in (json.dumps({"a": text}, ensure_ascii=False), json.dumps({"a": text})):
        made = printable_json(whole)
        assert json.loads(made) == {"a": text}
        assert made == printable_cell(made)


def a_table(width: int, monkeypatch: pytest.MonkeyPatch, colour: bool = False) -> str:
    out = io.StringIO()
    made = Console(file=out, width=width, force_terminal=colour, markup=False, highlight=False)
    monkeypatch.setattr(tables, "console", lambda err=False: made)
    rows = [["http://feed.example/" + "x" * 60 + "\x1b[2J", "cut", "1,234"], ["[bold]b", "unavailable", "5"]]
    tables.show_table(rows, ["object", "state", "read"], {"unavailable": "red"})
    return out.getvalue()


def test_a_table_folds_into_a_narrow_terminal_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = a_table(50, monkeypatch).splitlines()
    assert max(map(len, lines)) <= 50
    assert "\x1b" not in "".join(lines)
    assert "".join(line.split()[0] for line in lines[1:-1]) == "http://feed.example/" + "x" * 60 + r"\x1b[2J"
    assert "[bold]b" in lines[-1]


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[31m" in a_table(200, monkeypatch, colour=True)
    assert "\x1b" not in a_table(200, monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in a_table(200, monkeypatch, colour=True)


@pytest.mark.parametrize(
    "figures",
    [
        Figures("0 of 0 objects", 0, 0.0, None),
        Figures("12 of 1,234 objects", 123_456_789, 1_234_567.0, 0.45),
        Figures("waits: SinkUnavailable: \x1b[2J" + "x" * 300, 1, 0.1, None),
    ],
)
def test_the_progress_line_fits_80_columns(figures: Figures, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    made = Console(file=out, width=80, force_terminal=False, markup=False, highlight=False)
    monkeypatch.setattr(tables, "console", lambda err=False: made)
    line = line_of()
    show(line, line.add_task("", total=None, settled=""), figures)
    made.print(line.get_renderable())
    (shown,) = out.getvalue().splitlines()
    assert len(shown) <= 80
    assert "\x1b" not in shown
    assert f"{figures.settled:,} records" in shown
    assert ("45 %" in shown) is (figures.fraction is not None)


def test_the_share_that_is_done_counts_objects_parts_and_what_is_settled() -> None:
    progress = Progress()
    progress.looked("feed", 4, None)
    progress.count(cut=1, records_cut=100)
    with progress.reading("b"):
        progress.opened(1000)
        progress.count(bytes_read=500)
        assert figures_of(progress.snapshot(), 100, 10.0) == Figures("1 of 4 objects", 100, 10.0, 0.375)
        assert figures_of(progress.snapshot(), 50, 10.0).fraction == pytest.approx(0.1875)
        with progress.reading("c"):
            progress.opened(None)
            assert figures_of(progress.snapshot(), 100, 10.0).fraction is None
    assert figures_of(progress.snapshot(), 100, 10.0).fraction == 0.25
    assert progress.snapshot().sources == {"feed": SourceProgress(4, progress.snapshot().sources["feed"].last_success)}


def books(number: int, **changes: object) -> ObjectBooks:
    counts = dict.fromkeys(("duplicates", "rejected", "filtered", "dead", "pending"), 0)
    given = {"state": ObjectState.CUT, "reason": None, "read": 10, "written": 10, "batches": 1, **counts, **changes}
    return ObjectBooks(object_id=f"id-{number}", source="feed", uri=f"http://feed/{number}.csv", **given)  # type: ignore[arg-type]


def test_status_shows_the_last_objects_with_their_times_and_the_sums_of_all() -> None:
    settled = datetime(2026, 11, 29, 2, 3, 4)
    all_books = overview_of([books(n, settled_at=settled if n == 29 else None) for n in range(30)])
    rows = object_rows(all_books.latest[-10:])
    assert len(rows) == 10
    assert rows[-1][:3] == ["id-29", "11-29 02:03:04", "http://feed/29.csv"]
    assert sums_row(all_books.totals)[2:5] == ["all 30 objects", "", "300"]


def test_status_says_what_is_wrong_and_what_to_do() -> None:
    unavailable = [books(n, state=ObjectState.UNAVAILABLE, reason="HTTP 404") for n in range(7)]
    found = overview_of([*unavailable, books(8, dead=3, written=7), books(9, written=9)])
    reports = {"fetcher": Report(at=0, sources={"feed": "refused", "other": None})}
    lines = wrong(found, reports, "spec.yaml", every=False)
    assert lines[:3] == [
        "source feed: refused",
        "3 records are dead: dcp dead ls spec.yaml",
        "not balanced: http://feed/9.csv: dcp verify spec.yaml",
    ]
    assert lines[-1] == "and 5 more: dcp status spec.yaml --all"
    assert len(wrong(found, reports, "spec.yaml", every=True)) == 10
    assert wrong(overview_of([books(1)]), {}, "spec.yaml", every=False) == []


def test_a_file_that_is_read_again_at_each_look_is_one_object() -> None:
    progress = Progress()
    progress.looked("feed", 2, None)
    progress.count(cut=17)
    assert progress.snapshot().text.startswith("2 of 2 objects looked at, ")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("4,王,1.5".encode(), "4,王,1.5"),
        ("4,王".encode("gbk"), r"4,\xcd\xf5"),
        (b"a\tb\x1b[2J\\", r"a\tb\x1b[2J" + "\\"),
        ("王".encode() * 61, "王" * 57 + "..."),
    ],
)
def test_a_rejects_bytes_are_shown_as_the_text_that_they_are(raw: bytes, shown: str) -> None:
    assert shown_bytes(raw) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("file:///in/%E6%95%B0%E6%8D%AE%202024.csv: bad", "file:///in/数据 2024.csv: bad"),
        ("cut: http://h/%D0%B4%D0%B0.csv?a=%26&b=%20", "cut: http://h/да.csv?a=%26&b= "),
        ("file:///a%23b%25.csv", "file:///a#b%.csv"),
        ("http://h/%E9t%E9.csv", "http://h/%E9t%E9.csv"),
        ("file:///a%0A%1B.csv", "file:///a%0A%1B.csv"),
        ("http://h/%e2%80%ae%F0%9F%98%80.csv", "http://h/%e2%80%ae😀.csv"),
        ("100%25 of it", "100%25 of it"),
    ],
)
def test_names_are_shown_as_people_read_them(text: str, shown: str) -> None:
    assert readable(text) == shown


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": ObjectState.UNAVAILABLE}, "NOT balanced (1 objects unavailable): http://feed/1.csv; see dcp verify"),
        ({"dead": 2, "written": 8}, "NOT balanced (2 records dead): http://feed/1.csv; see dcp verify"),
        ({"pending": 4, "written": 6}, "4 records pending; all that is settled is balanced"),
        ({"written": 9}, "NOT balanced (1 objects do not add up)"),
        ({"state": ObjectState.HISTORY}, "balanced: read = written"),
    ],
)
def test_books_balance_where_verify_says_so(changes: dict[str, object], said: str) -> None:
    assert said in verdict(overview_of([books(0), books(1, **changes)]))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


OBJECTS = [
    "id",
    "last (UTC)",
    "object",
    "state",
    "read",
    "written",
    "duplicates",
    "rejected",
    "filtered",
    "dead",
    "pending",
]
OBJECT = [
    "0d44b5b93972",
    "11-29 11:21:09",
    "file:///srv/feeds/0.csv",
    "cut",
    "400,000",
    "399,600",
    "0",
    "400",
    "0",
    "0",
    "0",
]


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        (
            80,
            [
                "0d44b5b93972  last (UTC) 11-29 11:21:09  object file:///srv/feeds/0.csv",
                "  state cut  read 400,000  written 399,600  rejected 400",
            ],
        ),
        (
            30,
            [
                "0d44b5b93972",
                "  last (UTC) 11-29 11:21:09",
                "  object file:///srv/feeds/0.csv",
                "  state cut  read 400,000",
                "  written 399,600",
                "  rejected 400",
            ],
        ),
    ],
)
def test_a_table_that_a_terminal_has_no_room_for_is_lines_and_no_column_of_single_letters(
    monkeypatch: pytest.MonkeyPatch, columns: int, lines: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    tables.show_table([OBJECT], OBJECTS)
    assert terminal.getvalue().splitlines() == lines


def test_in_lines_a_wide_letter_takes_two_columns_and_nothing_steers_the_terminal() -> None:
    row = ["", "销售" * 6, "a\x1b[2Jb", "0", "7"]
    assert list(tables.narrow(row, ["id", "object", "reason", "read", "line"], 34)) == [
        "object " + "销售" * 6,
        r"  reason a\x1b[2Jb  line 7",
    ]
    assert list(tables.narrow(["", "0"], ["id", "read"], 80)) == []


@pytest.mark.parametrize("columns", [80, 10])
def test_a_table_whose_reader_is_gone_is_a_closed_pipe_and_no_failure(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """Rich would end the process with 1."""

    class Gone(Terminal):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", Gone())
    with pytest.raises(BrokenPipeError):
        tables.show_table([["x", "1"] * 4], ["object", "read"] * 4)
