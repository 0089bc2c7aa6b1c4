"""What the fetcher has the ledger and the queue forget: only what is gone from its source, and what is dead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dcp_fetcher.objects.forgotten import Forgotten, before_of, purge_old_dead
from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.sites.site import Site
from dcp_pipeline.ledger.model import Standing
from dcp_pipeline.queue.model import DeadLetter

NOW = datetime.now(UTC).replace(tzinfo=None)
DAY = 86_400.0


@dataclass
class LedgerOfOld:
    """Pages of two; `left` are those of which something is left."""

    old: list[tuple[int, str, str]]
    left: frozenset[str] = frozenset()
    clock: datetime = NOW
    asked: list[tuple[datetime, int]] = field(default_factory=list)
    dead: dict[str, Standing] = field(default_factory=dict)

    def now(self) -> datetime:
        return self.clock

    def old_objects(self, source: str, before: datetime, after: int) -> list[tuple[int, str, str]]:
        self.asked.append((before, after))
        return [each for each in self.old if each[0] > after][:2] if source == "s" else []

    def forget_objects(self, object_ids: Sequence[str], before: datetime) -> int:
        gone = [each for each in self.old if each[1] in object_ids and each[1] not in self.left]
        self.old = [each for each in self.old if each not in gone]
        return len(gone)

    def standings(self, batch_ids: Sequence[str]) -> dict[str, Standing]:
        return {each: self.dead[each] for each in batch_ids if each in self.dead}


def outlet_of(ledger: LedgerOfOld, queue: Any = None) -> Outlet:
    def patience(call: Callable[[], Any]) -> Any:
        return call()

    return cast(Outlet, SimpleNamespace(ledger=ledger, queue=queue, patience=patience))


def forgotten(ledger: LedgerOfOld) -> Forgotten:
    site = cast(Site, SimpleNamespace(recorded=lambda uri: uri.removesuffix("?key")))
    return Forgotten("s", site, outlet_of(ledger), lambda uri: uri.startswith("http://feed/"), 30 * DAY)


def test_what_is_listed_or_not_the_listings_to_tell_of_stays() -> None:
    ledger = LedgerOfOld(
        [
            (1, "gone", "http://feed/1"),
            (2, "listed", "http://feed/2"),
            (3, "of-a-task", "http://elsewhere/3"),
            (4, "listed-as-before", "http://feed/4?key"),
            (5, "also-gone", "http://feed/5"),
            (6, "has-rows", "http://feed/6"),
        ],
        left=frozenset({"has-rows"}),
    )
    assert forgotten(ledger).step({"http://feed/2", "http://feed/4"}) == 2
    assert [id_ for _, id_, _ in ledger.old] == ["listed", "of-a-task", "listed-as-before", "has-rows"]
    assert [after for _, after in ledger.asked] == [0, 2, 4, 6]


def test_it_begins_at_the_oldest_again_once_it_came_to_the_end() -> None:
    ledger = LedgerOfOld([(1, "a", "http://feed/1")])
    each = forgotten(ledger)
    assert each.step({"http://feed/1"}) == 0
    assert each.step(set()) == 1
    assert [after for _, after in ledger.asked] == [0, 1, 0, 1]


@pytest.mark.parametrize("hours", [-48, 48])
def test_the_earlier_of_two_clocks_decides(hours: int) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    found = before_of(now + timedelta(hours=hours), timedelta(days=1))
    after = datetime.now(UTC).replace(tzinfo=None)
    assert found <= min(now + timedelta(hours=hours), after) - timedelta(days=1)


def test_bytes_are_purged_of_what_both_have_as_dead_for_long_enough() -> None:
    class Queue:
        purged: tuple[str, ...] = ()

        def dead_letters(self, offset: int = 0, limit: int = 100) -> list[DeadLetter]:
            ages = {"old": 40.0, "old-not-told-yet": 35.0, "revived": 33.0, "young": 2.0}
            died = {id_: NOW.replace(tzinfo=UTC) - timedelta(days=days) for id_, days in ages.items()}
            letters = [DeadLetter(id_, "why", 3, 0, 0, 100, at) for id_, at in died.items()]
            return letters[offset : offset + limit]

        def purge_dead(self, ids: Sequence[str]) -> int:
            self.purged = tuple(ids)
            return len(ids)

    queue = Queue()
    ledger = LedgerOfOld([], dead={"old": Standing.DEAD, "revived": Standing.REVIVED, "young": Standing.DEAD})
    assert purge_old_dead(outlet_of(ledger, queue), 30 * DAY) == 1
    assert queue.purged == ("old",)
    assert purge_old_dead(outlet_of(ledger, queue), 50 * DAY) == 0


def test_many_that_stay_do_not_hide_those_behind_them() -> None:
    class Queue:
        def __init__(self) -> None:
            self.ids = [f"revived-{number}" for number in range(250)] + [f"old-{number}" for number in range(130)]

        def dead_letters(self, offset: int = 0, limit: int = 100) -> list[DeadLetter]:
            at = NOW.replace(tzinfo=UTC) - timedelta(days=40)
            return [DeadLetter(id_, "why", 3, 0, 0, 100, at) for id_ in self.ids[offset : offset + limit]]

        def purge_dead(self, ids: Sequence[str]) -> int:
            self.ids = [each for each in self.ids if each not in set(ids)]
            return len(ids)

    queue = Queue()
    standings = {id_: Standing.DEAD if id_.startswith("old") else Standing.REVIVED for id_ in queue.ids}
    assert purge_old_dead(outlet_of(LedgerOfOld([], dead=standings), queue), 30 * DAY) == 130
    assert all(each.startswith("revived") for each in queue.ids)
    assert len(queue.ids) == 250
