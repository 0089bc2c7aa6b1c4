"""Small new files are read together: each once, in the order that loses nothing, killed between any two steps."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from dcp_fetcher.objects.together import AT_ONCE
from dcp_fetcher.sites.files.site import FileBody
from dcp_pipeline.ledger.model import ObjectState
from dcp_pipeline.observe.phases import Phase
from support.feed_server import gzipped
from support.fetching import Fetching, file_source

FILES = 2 * AT_ONCE + 22


class Killed(GeneratorExit):
    """Ends a fetcher where it stands."""


def kill_at(phase: Phase, number: int):
    """An observer that ends the run when a phase is reached for the n-th time."""
    seen = []

    def observe(reached: Phase, batch_id: str) -> None:
        seen.append(reached)
        if seen.count(phase) == number:
            raise Killed

    return observe


def put(folder: Path, name: str, content: bytes, seconds_ago: float = 3600) -> None:
    (folder / name).write_bytes(content)
    os.utime(folder / name, (0, time.time() - seconds_ago))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Many small files; a compressed one, an empty one, a damaged one, a large one and one without its last line end."""
    feed = tmp_path / "feed"
    feed.mkdir()
    for number in range(FILES):
        put(feed, f"{number:04}.csv", b"a,b\n%d,x\n%d,y\n" % (2 * number, 2 * number + 1))
    put(feed, "packed.csv.gz", gzipped(b"a,b\n5000,x\n"))
    put(feed, "empty.csv", b"")
    put(feed, "labels only.csv", b"a,b\n")
    put(feed, "damaged.csv.gz", gzipped(b"a,b\n" + b"6000,x\n" * 50)[:-9])
    put(feed, "large.csv", b"a,b\n" + b"".join(b"%d,%s\n" % (n, b"z" * 90) for n in range(7000, 8000)))
    put(feed, "unended.csv", b"a,b\n9000,x\n9001,y")
    return feed


def numbers(fetching: Fetching) -> list[int]:
    """The values of the first field of everything that was enqueued."""
    lines = [line for batch in fetching.queue.batches() for line in batch.raw().splitlines()]
    return sorted(int(line.split(b",")[0]) for line in lines)


def wanted() -> list[int]:
    return sorted([*range(2 * FILES), 5000, *range(7000, 8000), 9000, 9001])


def read(fetching: Fetching) -> list[int]:
    """What is enqueued, without the damaged file's records, of which some may come before its end."""
    return [each for each in numbers(fetching) if each != 6000]


def test_many_small_files_cost_a_few_transactions_and_odd_ones_their_own(folder: Path) -> None:
    fetching = Fetching(file_source(folder), max_records=1000)
    report = fetching.run()
    assert [("damaged.csv.gz" in each, "truncated" in each) for each in report.problems] == [(True, True)]
    assert read(fetching) == wanted()
    states = {each.uri.rsplit("/", 1)[1]: each.state for each in fetching.ledger.all_objects()}
    assert len(states) == FILES + 6
    assert {name for name, state in states.items() if state is not ObjectState.CUT} == {"damaged.csv.gz"}
    calls = fetching.ledger.switch.calls
    assert calls["record_whole"] <= 2 * (FILES // AT_ONCE + 2)
    assert calls["open_object"] <= 4, "the damaged one and the large one"
    ended = next(each for each in fetching.ledger.all_objects() if each.uri.endswith("unended.csv"))
    assert ended.reason is not None
    assert "line end" in ended.reason
    before = dict(fetching.ledger.switch.calls)
    fetching.run()
    assert read(fetching) == wanted(), "a second look brings nothing"
    assert fetching.ledger.switch.calls["record_whole"] == before["record_whole"]


def test_what_the_queue_has_lost_is_enqueued_again_by_some_calls_too(folder: Path) -> None:
    fetching = Fetching(file_source(folder), max_records=1000)
    fetching.run()
    before = {batch.id: batch for batch in fetching.queue.batches()}
    settled = [batch.id for batch in before.values() if batch.uri.endswith(("0001.csv", "0002.csv"))]
    fetching.ledger.done(settled)
    kept = next(batch.id for batch in before.values() if batch.uri.endswith("0003.csv"))
    fetching.queue.flush(keep=[kept])
    put(folder, "0004.csv", b"a,b\n8,x\n9,y\n9500,z\n", seconds_ago=1800)
    put(folder, "0005.csv", b"a,b\n10,x\n13,y\n")
    calls = dict(fetching.ledger.switch.calls)
    fetching.run()
    after = {batch.id: batch for batch in fetching.queue.batches()}
    changed = {batch.id for batch in before.values() if batch.uri.endswith(("0004.csv", "0005.csv"))}
    assert set(before) - set(settled) - changed == set(after) & set(before)
    assert sorted({batch.uri[-8:] for id_, batch in after.items() if id_ not in before}) == ["0004.csv", "0005.csv"]
    assert all(after[id_] == before[id_] for id_ in set(after) & set(before))
    done = {name: number - calls.get(name, 0) for name, number in fetching.ledger.switch.calls.items()}
    assert done["record_whole"] <= FILES // AT_ONCE + 4
    assert done["open_object"] <= 9, "the damaged, the large and the changed ones"
    assert done["record_cuts"] <= 4


@pytest.mark.parametrize(
    ("phase", "number"),
    [
        (Phase.FETCHING, 1),
        (Phase.FETCHING, AT_ONCE + 5),
        (Phase.CUT, 1),
        (Phase.CUT, AT_ONCE),
        (Phase.CUT, AT_ONCE + 1),
        (Phase.ENQUEUED, 1),
        (Phase.ENQUEUED, AT_ONCE + 9),
    ],
)
def test_killed_between_any_two_steps_nothing_is_lost_or_read_twice(folder: Path, phase: Phase, number: int) -> None:
    fetching = Fetching(file_source(folder), max_records=1000)
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        fetching.run(kill_at(phase, number))
    assert caught.group_contains(Killed) or isinstance(caught.value, Killed)
    recorded = {cut.batch_id for cut in fetching.ledger.all_cuts()}
    assert {batch.id for batch in fetching.queue.batches()} <= recorded, (
        "the queue knows nothing that the ledger does not"
    )
    fetching.run()
    assert read(fetching) == wanted()
    assert {batch.id for batch in fetching.queue.batches()} == {cut.batch_id for cut in fetching.ledger.all_cuts()}


def test_servers_that_are_away_meanwhile_are_waited_for(folder: Path) -> None:
    fetching = Fetching(file_source(folder), max_records=1000)
    ledger, queue = fetching.ledger, fetching.queue
    record, enqueue = ledger.record_whole, queue.enqueue
    answers = {"ledger": 2, "queue": 3}

    def lost_answer(wanted):
        found = record(wanted)
        if answers["ledger"]:
            answers["ledger"] -= 1
            raise ledger.switch.error
        return found or frozenset(each.id for each, _ in wanted)

    def away(jobs, delay_seconds=0.0):
        if answers["queue"]:
            answers["queue"] -= 1
            raise queue.switch.error
        return enqueue(jobs)

    ledger.record_whole, queue.enqueue = lost_answer, away  # type: ignore[method-assign]
    fetching.run()
    assert answers == {"ledger": 0, "queue": 0}
    assert read(fetching) == wanted()


def test_a_small_file_of_which_its_readers_die_is_given_up_and_the_others_are_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, marks, read = "0007.csv", tmp_path / "spool", FileBody.read
    marks.mkdir()

    def dies(body: FileBody, most: int) -> bytes:
        if body._path.name == bad:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(body, most)

    monkeypatch.setattr(FileBody, "read", dies)
    spec = {"worker": {"maxCrashes": 2}}
    for deaths in range(3):
        # A process of its own, on a ledger that it takes along: nothing is left of it but its marks.
        child = os.fork()
        if not child:
            try:
                Fetching(file_source(folder), max_records=1000, **spec).run(spool_folder=marks)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        assert list(marks.iterdir()), f"after {deaths} deaths before it"
    monkeypatch.setattr(FileBody, "read", read)
    fetching = Fetching(file_source(folder), max_records=1000, **spec)
    problems = [each for each in fetching.run(spool_folder=marks).problems if bad in each]
    assert ["died, 2 times" in each for each in problems] == [True]
    assert [each for each in numbers(fetching) if each != 6000] == [each for each in wanted() if each not in (14, 15)]
    assert list(marks.iterdir()) == []
