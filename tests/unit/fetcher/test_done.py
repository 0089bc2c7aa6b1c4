"""Each object that is done is told of once, however many are done at a time."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from dcp_fetcher.publishing.done import DoneLog
from dcp_pipeline.ledger.model import ObjectBooks, ObjectState


def books_of(ids: Sequence[str], pending: frozenset[str] = frozenset()) -> list[ObjectBooks]:
    return [
        ObjectBooks(
            object_id=each, source="s", uri=f"file:///{each}", state=ObjectState.CUT, reason=None, read=5, written=5,
            duplicates=0, rejected=0, filtered=0, dead=0, pending=5 * (each in pending), batches=1,
        )
        for each in ids
    ]  # fmt: skip


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage().rsplit("/", 1)[1] for each in caplog.records]


@pytest.mark.parametrize("objects", [0, 1, 199, 200, 201, 1730])
def test_all_that_are_done_are_told_at_once(objects: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    done, names = DoneLog(), [f"o{number}" for number in range(objects)]
    for name in names:
        done.cut(name, 0.0)
    done.tell(books_of)
    done.tell(books_of)
    assert told(caplog) == names


def test_those_that_wait_do_not_keep_the_others_from_being_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    done, names = DoneLog(), [f"o{number}" for number in range(700)]
    waiting = frozenset(names[:450])
    for name in names:
        done.cut(name, 0.0)
    for _ in range(12):
        done.tell(lambda ids: books_of(ids, waiting))
    assert sorted(told(caplog)) == sorted(set(names) - waiting)
    done.tell(books_of)
    assert sorted(told(caplog)) == sorted(names)


def test_where_nobody_listens_nothing_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    done, asked = DoneLog(), list[str]()
    for number in range(300):
        done.cut(f"o{number}", 0.0)
    done.tell(lambda ids: asked.extend(ids) or [])
    assert asked == []
