"""What is news to somebody: once, again after a while, when it is over; and never a storm."""

from __future__ import annotations

from datetime import datetime

import pytest

from dcp_cli.notify.letters import letter_of
from dcp_cli.notify.telling import Entry, News, Notice, tell
from dcp_cli.notify.troubles import Situation, Trouble, situation_of
from dcp_pipeline.ledger.looking.arrivals import Arrivals
from dcp_pipeline.ledger.looking.expectations import Verdict
from dcp_pipeline.ledger.looking.sight import Failed, Sight
from dcp_pipeline.ledger.model import ObjectState
from dcp_pipeline.spec.expectations.notify import KINDS, Kind

HOUR, DAY = 3600.0, 86400.0
EVERYTHING = frozenset(KINDS)
DEAD = Trouble("dead", "dead", "1 batch", 1)
MORE_DEAD = Trouble("dead", "dead", "9 batches", 9)
QUIET = Trouble("stale", "newDataWithin/a", "a is quiet", settles_seconds=300)
AWAY = Trouble("sinkDown", "sinkDown", "refused", settles_seconds=60)


class Listener:
    """Somebody who is told, as time passes."""

    def __init__(self, *on: Kind) -> None:
        self.on, self.known = on or KINDS, dict[str, Entry]()

    def at(
        self, now: float, *troubles: Trouble, known: frozenset[Kind] = EVERYTHING, at_once: bool = False
    ) -> list[str]:
        notices, self.known = tell(self.known, Situation(troubles, known), self.on, DAY, now, at_once)
        return [f"{each.news.value} {each.kind}" for each in notices]


def test_a_trouble_is_told_once_again_after_a_while_and_when_it_is_over() -> None:
    told = Listener()
    assert told.at(0, DEAD) == ["NEW dead"]
    assert [told.at(60 * n, DEAD) for n in range(1, 1439)] == [[]] * 1438
    assert told.at(DAY, DEAD) == ["STILL dead"]
    assert told.at(DAY + 60, DEAD) == []
    assert told.at(DAY + 120) == ["OVER dead"]
    assert told.at(DAY + 180) == []
    assert told.at(3 * DAY) == []
    assert told.known == {}


def test_what_settles_is_told_when_it_lasts_and_at_the_end_of_a_run_at_once() -> None:
    told = Listener()
    assert [told.at(at, QUIET, AWAY) for at in (0, 59, 60, 299, 300)] == [[], [], ["NEW sinkDown"], [], ["NEW stale"]]
    assert told.at(400) == ["OVER stale", "OVER sinkDown"] or sorted(told.known)
    assert Listener().at(0, QUIET, AWAY, at_once=True) == ["NEW stale", "NEW sinkDown"]
    never = Listener()
    assert [never.at(0, QUIET), never.at(60), never.at(120, QUIET), never.at(400, QUIET)] == [[], [], [], []]


def test_what_grows_is_told_an_hour_later_at_the_earliest() -> None:
    told = Listener()
    assert told.at(0, DEAD) == ["NEW dead"]
    assert [told.at(60.0 * n, MORE_DEAD) for n in range(1, 60)] == [[]] * 59
    assert told.at(HOUR, MORE_DEAD) == ["MORE dead"]
    assert told.at(2 * HOUR, MORE_DEAD) == []
    assert told.at(3 * HOUR, DEAD) == [], "less of it is no news"


def test_what_comes_and_goes_all_day_is_told_once_an_hour_at_most() -> None:
    told = Listener()
    said = [line for n in range(1440) for line in told.at(60.0 * n, *([DEAD] if n % 2 else []))]
    assert said.count("NEW dead") <= 25
    assert said.count("OVER dead") == said.count("NEW dead")


def test_what_is_not_known_is_not_over() -> None:
    """A database that is away says nothing of dead batches."""
    told = Listener()
    told.at(0, DEAD, AWAY)
    only_the_sink: frozenset[Kind] = frozenset({"sinkDown"})
    assert told.at(60, AWAY, known=only_the_sink) == ["NEW sinkDown"]
    assert told.at(120, DEAD) == ["OVER sinkDown"]


def test_each_is_told_what_was_asked_for() -> None:
    assert Listener("dead").at(0, DEAD, QUIET, AWAY, at_once=True) == ["NEW dead"]
    silent = Listener("dead")
    assert [silent.at(0, DEAD), silent.at(60)] == [["NEW dead"], []]
    assert Listener("recovered").at(0, DEAD) == []


def sight(**changes: object) -> Sight:
    return Sight(came=Arrivals(datetime(2026, 11, 29), None, {}, 0), **changes)  # type: ignore[arg-type]


def test_a_hundred_objects_with_one_cause_are_one_trouble() -> None:
    failed = tuple(Failed(f"http://feed/{n}.csv", f"http://feed/{n}.csv: 404 Not Found") for n in (99, 98, 97))
    found = situation_of(sight(objects={ObjectState.UNAVAILABLE: 100}, unavailable=failed), None, {})
    assert [(each.kind, each.count) for each in found.troubles] == [("unavailable", 100)]
    assert found.troubles[0].text == "100 objects could not be read whole: http://feed/99.csv, ...: 404 Not Found"
    other = (*failed[:2], Failed("http://feed/1.csv", "torn"))
    text = situation_of(sight(objects={ObjectState.UNAVAILABLE: 3}, unavailable=other), None, {}).troubles[0].text
    assert text.endswith("404 Not Found; http://feed/1.csv: torn")


@pytest.mark.parametrize(
    ("seen", "sink", "sources", "kinds"),
    [
        (sight(), None, {"a": None}, []),
        (None, "refused", {"a": "404"}, ["sinkDown"]),
        (sight(), "the table is full", {}, ["sinkDown"]),
        (sight(), None, {"a": "404"}, ["unavailable"]),
        (sight(dead_batches=2, dead_records=20, dead=(Failed("batch 1 of x", "oom"),)), None, {}, ["dead"]),
        (sight(expected=(Verdict("records", False, "few"), Verdict("maxRejected", True, ""))), None, {}, ["stale"]),
        (sight(expected=(Verdict("newDataWithin/a", False, "d"), Verdict("maxRejected", False, "9%"))), None, {},
         ["stale", "rejects"]),
    ],
)  # fmt: skip
def test_what_is_seen_is_trouble_of_a_kind(
    seen: Sight | None, sink: str | None, sources: dict[str, str | None], kinds: list[str]
) -> None:
    found = situation_of(seen, sink, sources)
    assert [each.kind for each in found.troubles] == kinds
    assert found.known == (EVERYTHING if seen else {"sinkDown"})
    assert "unavailable" not in situation_of(seen, sink, {}, sources_known=False).known


def test_a_letter_says_the_worst_first_in_words_that_fit() -> None:
    notices = (
        Notice(News.OVER, "sinkDown", "refused", 1000.0),
        Notice(News.LASTS, "dead", "2 batches", 0.0),
        Notice(News.BEGAN, "stale", "a is quiet\x1b[31m", 5000.0),
    )
    letter = letter_of("default/a", "host", "a.yaml", notices, 1000.0 + 3 * HOUR + 12 * 60)
    assert letter.title == "dcp default/a: stale, dead"
    lines = letter.body.splitlines()
    assert lines[0] == "default/a on host"
    assert [line.split()[0] for line in lines[2:5]] == ["NEW", "STILL", "OVER"]
    assert "it lasted 3 h 12 min" in lines[4]
    assert "\x1b" not in letter.body
    assert letter.type == "failure"
    many = letter_of("a/b", "h", "s", [Notice(News.OVER, "stale", f"{n}", 0.0) for n in range(64)], 60.0)
    assert (many.title, many.type, "and 34 more" in many.body) == ("dcp a/b: stale is over", "success", True)
