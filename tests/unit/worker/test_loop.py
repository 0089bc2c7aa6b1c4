"""One internal worker, step by step: what it tells the queue and the ledger in every outcome."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import polars as pl
import pytest
import redis
from msgspec.structs import replace

from dcp_pipeline.batch import Batch, BatchForged, compress, digest_of, encode_batch
from dcp_pipeline.database.errors import SinkBusy, SinkUnavailable
from dcp_pipeline.ledger.holding import TooManyRejected
from dcp_pipeline.ledger.model import ClaimKind, Counts
from dcp_pipeline.observe.phases import Phase
from dcp_pipeline.observe.pulse import Pulse
from dcp_pipeline.queue import Exchange, ForeignPipeline, Lease, RetryOutcome, RetryState
from dcp_pipeline.queue.leases import LeaseKeeper
from dcp_worker.clean.group import AT, Account, CleanedGroup
from dcp_worker.loop import Worker
from dcp_worker.parts import Parts
from dcp_worker.together import FEW, MOST, MOST_RAW_BYTES, Portion
from dcp_worker.trouble import Trouble
from dcp_worker.verdicts import Tally


def batch(**changes: object) -> Batch:
    made = Batch(
        id="b1", pipeline="default/botnet", source="s", object_id="o", uri="u", sequence=0, start=0, end=2, records=1,
        first_record=1, first_line=2, digest=digest_of(b"1\n"), revision="r", header=("a",), defect=None,
        body=compress(b"1\n"),
    )  # fmt: skip
    return replace(made, **changes)


def lease(payload: bytes | None = None, attempts: int = 0) -> Lease:
    return Lease("b1", payload or encode_batch(batch()), token=1, attempts=attempts, crashes=0, priority=100)


@dataclass
class ScriptedQueue:
    """Hands out what it was given, and writes down what it is told."""

    waiting: list[Lease] = field(default_factory=list)
    told: list[tuple[object, ...]] = field(default_factory=list)
    away: bool = False
    leaving: bool = False
    held_back: bool = False
    error: Exception | None = None
    retry_state: RetryState = RetryState.SCHEDULED
    at_once: int = 1

    def exchange(self, worker: str, acks: Sequence[Lease], want: int, most_bytes: int) -> Exchange:
        if self.away:
            raise redis.ConnectionError("away")
        if self.error:
            raise self.error
        if acks:
            self.told.append(("ack", *(each.id for each in acks)))
        most = min(want, self.at_once)
        given, self.waiting = tuple(self.waiting[:most]), self.waiting[most:]
        acknowledged = frozenset(each.id for each in acks)
        return Exchange(given, acknowledged, frozenset(), frozenset(), self.leaving, self.held_back)

    def wait(self, timeout_seconds: float) -> None:
        self.told.append(("wait", timeout_seconds))

    def retry(self, lease: Lease, error: str) -> RetryOutcome:
        self.told.append(("retry", lease.id, error))
        return RetryOutcome(self.retry_state, lease.attempts + 1, None)

    def bury(self, lease: Lease, reason: str) -> bool:
        self.told.append(("bury", lease.id, reason))
        return self.retry_state is not RetryState.LOST

    def hand_back(self, leases: Sequence[Lease]) -> None:
        self.told.append(("hand back", *(each.id for each in leases)))


class Scene:
    """A worker with all its parts scripted."""

    def __init__(self, queue: ScriptedQueue, error: Exception | None = None, kind: ClaimKind = ClaimKind.CLAIMED):
        self.queue, self.phases, self.kept, self.dead = queue, [], [], []
        self.settled: list[Counts] = []
        counts = Counts(read=1, written=1, duplicates=0, rejected=0)
        committed = kind is ClaimKind.CLAIMED

        def commit(*_: object, **__: object):
            if error:
                raise error
            return SimpleNamespace(
                kind=SimpleNamespace(value=kind.value) if not committed else _committed(),
                counts=counts if committed else None,
            )

        self.stopping = threading.Event()
        self.stopping.set()  # pauses return at once; run_once does not look at it
        self.parts = Parts(
            pipeline="default/botnet",
            worker_id="w",
            queue=queue,
            leases=SimpleNamespace(add=self.kept.append, remove=self.kept.remove),
            ledger=SimpleNamespace(mark_dead=lambda *args: self.dead.append(args) or True),
            plans=SimpleNamespace(of=lambda revision: SimpleNamespace(clean=lambda batch: None, clean_together=_group)),
            sink=SimpleNamespace(commit=commit),
            metrics=SimpleNamespace(settled=self.settled.append, error=lambda where: None),
            observer=lambda phase, batch_id: self.phases.append(phase),
            pulse=Pulse(),
            trouble=Trouble(),
            tally=Tally(),
            batch_timeout_seconds=300,
        )
        self.worker = Worker(self.parts, "worker-1", self.stopping)


def _group(batches):
    accounts = {number: Account(each, 1, 0, (), 0) for number, each in batches.items()}
    return CleanedGroup(accounts, (pl.DataFrame({AT: list(batches)}, schema={AT: pl.Int32}),))


def _committed():
    from dcp_worker.sink import CommitKind

    return CommitKind.COMMITTED


def test_a_batch_is_acknowledged_with_the_next_claim_and_not_before_its_commit() -> None:
    scene = Scene(ScriptedQueue([lease()]))
    assert scene.worker.run_once()
    assert scene.queue.told == []
    assert not scene.worker.run_once()
    assert scene.queue.told == [("ack", "b1"), ("wait", 1.0)]
    assert scene.phases == [Phase.CLAIMED, Phase.CLEANED, Phase.ACKNOWLEDGED]
    assert scene.kept == []
    assert (scene.parts.tally.batches, scene.parts.tally.records, scene.parts.tally.busy) == (1, 1, 0)
    assert scene.parts.tally.busy_seconds >= scene.parts.tally.commit_seconds > 0


def test_a_batch_that_was_done_already_is_acknowledged_without_being_counted() -> None:
    scene = Scene(ScriptedQueue([lease()]), kind=ClaimKind.ALREADY_DONE)
    scene.worker.run_once()
    scene.worker.run_once()
    assert scene.queue.told[0] == ("ack", "b1")
    assert scene.settled == []


def test_a_sink_that_is_away_costs_the_batch_no_attempt() -> None:
    scene = Scene(ScriptedQueue([lease()]), error=SinkUnavailable("gone"))
    scene.worker.run_once()
    assert scene.queue.told == [("hand back", "b1")]
    assert scene.parts.trouble.of_sink() == "SinkUnavailable: gone"
    assert scene.parts.tally.batches == 0


def test_a_batch_that_fails_is_retried_and_the_worker_lives_on() -> None:
    scene = Scene(ScriptedQueue([lease(), lease()]), error=RuntimeError("odd"))
    assert scene.worker.run_once()
    assert scene.worker.run_once()
    assert scene.queue.told == [("retry", "b1", "RuntimeError: odd")] * 2
    assert scene.dead == []


def test_a_batch_that_dies_is_recorded_in_the_ledger() -> None:
    scene = Scene(ScriptedQueue([lease(attempts=2)], retry_state=RetryState.DEAD), error=RuntimeError("odd"))
    scene.worker.run_once()
    assert scene.dead == [("b1", "RuntimeError: odd", 3)]


@pytest.mark.parametrize(("state", "told"), [(RetryState.DEAD, True), (RetryState.LOST, False)])
def test_a_batch_of_an_object_that_is_held_waits_and_costs_no_attempt(state: RetryState, told: bool) -> None:
    error = TooManyRejected("held: half of it")
    scene = Scene(ScriptedQueue([lease(attempts=1)], retry_state=state), error=error)
    scene.worker.run_once()
    scene.worker.run_once()
    assert scene.queue.told == [("bury", "b1", "held: half of it"), ("wait", 1.0)]
    assert scene.dead == ([("b1", "held: half of it", 1)] if told else []), "whose lease it is now says so"


@pytest.mark.parametrize(
    "payload",
    [
        b"\x00 no batch",
        encode_batch(batch(body=compress(b"2\n"))),
        encode_batch(batch(digest=digest_of(b"2\n"))),
        encode_batch(batch(body=compress(b"1\n2\n"))),
        encode_batch(batch(body=compress(b"x" * 5_000_000))),
        encode_batch(batch(body=b"no frame")),
        encode_batch(batch(id="b2")),
        encode_batch(batch(defect="too long", body=compress(b"2\n"))),
    ],
)
def test_what_is_not_what_was_cut_leaves_the_queue_without_effect(
    payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(ScriptedQueue([lease(payload)]))
    scene.worker.run_once()
    scene.worker.run_once()
    assert scene.queue.told[0] == ("ack", "b1")
    assert (scene.dead, scene.settled) == ([], [])
    assert Phase.CLEANED not in scene.phases
    assert "not what the fetcher cut" in caplog.text


def test_what_the_ledger_has_otherwise_leaves_the_queue_without_effect() -> None:
    scene = Scene(ScriptedQueue([lease()]), error=BatchForged("its header differs"))
    scene.worker.run_once()
    scene.worker.run_once()
    assert scene.queue.told[0] == ("ack", "b1")
    assert (scene.dead, scene.settled) == ([], [])


@pytest.mark.parametrize("changes", [{"pipeline": "other/one"}, {"version": 99}])
def test_what_others_can_work_on_is_given_back_unharmed(
    changes: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(ScriptedQueue([lease(encode_batch(batch(**changes)))]))
    scene.worker.run_once()
    assert scene.queue.told == [("hand back", "b1")]
    assert scene.dead == []
    assert caplog.records


def test_a_queue_of_another_pipeline_is_told_and_nothing_taken() -> None:
    scene = Scene(ScriptedQueue([lease()]))
    scene.queue.error = ForeignPipeline("queue q belongs to pipeline other/one")
    assert not scene.worker.run_once()
    assert scene.parts.trouble.of_queue() == "ForeignPipeline: queue q belongs to pipeline other/one"


def test_a_worker_beside_a_batch_that_is_tried_alone_does_not_sleep_on_the_queue() -> None:
    scene = Scene(ScriptedQueue(held_back=True))
    assert not scene.worker.run_once()
    assert scene.queue.told == []


def test_an_acknowledgement_that_could_not_be_sent_is_sent_again() -> None:
    scene = Scene(ScriptedQueue([lease()]))
    scene.worker.run_once()
    scene.queue.away = True
    assert not scene.worker.run_once()
    assert scene.parts.trouble.of_queue() == "ConnectionError: away"
    scene.queue.away = False
    scene.worker.run_once()
    assert scene.queue.told[0] == ("ack", "b1")
    assert scene.parts.trouble.of_queue() is None


def test_a_worker_that_was_asked_to_go_says_what_is_done_and_does_not_sleep_on_the_queue() -> None:
    scene = Scene(ScriptedQueue([lease()]))
    scene.worker.run_once()
    scene.queue.leaving = True
    assert not scene.worker.run_once()
    assert scene.queue.told == [("ack", "b1")]


def small(count: int) -> list[Lease]:
    """Leases of batches of their own."""
    payloads = {f"b{number}": encode_batch(batch(id=f"b{number}")) for number in range(count)}
    return [Lease(name, payload, token=1, attempts=0, crashes=0, priority=100) for name, payload in payloads.items()]


class TogetherSink:
    """Commits what it is given at once, or fails so."""

    def __init__(self, error: Exception | None = None, at_fault: str | None = None) -> None:
        self.error, self.at_fault, self.together, self.alone = error, at_fault, 0, 0

    def commit_together(self, cleaned: CleanedGroup, **_: object):
        self.together += 1
        ids = {account.batch.id for account in cleaned.accounts.values()}
        if self.error and (self.at_fault is None or self.at_fault in ids):
            raise self.error
        counts = Counts(1, 1, 0, 0)
        return {number: SimpleNamespace(kind=_committed(), counts=counts) for number in cleaned.accounts}

    def commit(self, *_: object, **__: object):
        self.alone += 1
        return SimpleNamespace(kind=_committed(), counts=Counts(1, 1, 0, 0))


def grouped(sink: TogetherSink, count: int) -> Scene:
    scene = Scene(ScriptedQueue(small(count), at_once=count))
    scene.parts = replace(scene.parts, sink=sink)  # type: ignore[arg-type]
    scene.stopping.clear()
    scene.worker = Worker(scene.parts, "worker-1", scene.stopping, Portion(count))
    return scene


def test_a_worker_takes_one_until_it_knows_that_they_are_quick() -> None:
    sink = TogetherSink()
    scene = grouped(sink, 7)
    scene.worker = Worker(scene.parts, "worker-1", scene.stopping)
    for _ in range(3):
        scene.worker.run_once()
    assert (sink.alone, sink.together, scene.parts.tally.batches) == (1, 2, 7)


@pytest.mark.parametrize(
    ("taken", "most"),
    [
        ([(1, 40.0)], 1),
        ([(1, 0.9)], 1),  # two would take longer than they may
        ([(1, 0.01)] * 9, 2),  # there were no more than one: nothing is known of many
        ([(1, 0.1), (2, 0.1), (4, 0.2)], 8),
        ([(1, 0.1), (2, 0.1), (4, 3.0)], 2),
        ([(1, 0.01), (2, 0.01), (4, 0.02), (8, 0.03), (16, 0.05), (32, 0.1), (64, 0.1), *[(MOST, 0.1)] * 3], MOST),
        ([(1, 0.01), (2, 0.01), (4, 0.01), (1, 5.0)], 1),
    ],
)
def test_as_many_are_taken_as_take_about_a_second(taken: list[tuple[int, float]], most: int) -> None:
    portion = Portion()
    for batches, seconds in taken:
        portion.took(batches, seconds)
    assert portion.most == most


@pytest.mark.parametrize(
    ("fixed", "each", "least", "most"),
    [
        (0.01, 0.001, MOST, MOST),
        (2.0, 0.002, 60, MOST),  # a busy machine: as many as there are
        (6.0, 0.01, 60, MOST),
        (0.0, 0.6, 1, 1.5),  # a lookup for each
        (0.0, 3.0, 1, 1.5),
        (0.2, 0.1, 4, 8),
        (30.0, 0.001, 1, 1),  # nothing that long is taken for longer
    ],
)
def test_what_one_of_many_costs_decides_where_all_are_slow(fixed: float, each: float, least: int, most: int) -> None:
    portion, taken = Portion(), []
    for _ in range(200):
        taken.append(portion.most)
        portion.took(portion.most, fixed + each * portion.most)
    assert least <= sum(taken[50:]) / 150 <= most


def test_small_batches_are_settled_in_one_transaction_and_acknowledged_together() -> None:
    sink = TogetherSink()
    scene = grouped(sink, 3)
    assert scene.worker.run_once()
    assert (sink.together, sink.alone, scene.queue.told, scene.kept) == (1, 0, [], [])
    assert (scene.parts.tally.batches, scene.parts.tally.records, scene.parts.tally.busy) == (3, 3, 0)
    assert scene.worker.in_hand == ()
    scene.worker.run_once()
    assert scene.queue.told[0][0] == "ack"
    assert len(scene.queue.told[0]) == 1 + 3
    assert scene.phases.count(Phase.CLAIMED) == scene.phases.count(Phase.CLEANED) == 3


@pytest.mark.parametrize("error", [ValueError("a row that the database refuses"), SinkBusy("a deadlock, twice")])
def test_where_that_cannot_be_each_is_tried_by_itself(error: Exception) -> None:
    sink = TogetherSink(error)
    scene = grouped(sink, 3)
    scene.worker.run_once()
    assert (sink.together, sink.alone, scene.parts.tally.batches, scene.parts.tally.busy) == (1, 3, 3, 0)
    assert (scene.kept, scene.worker.in_hand) == ([], ())
    scene.worker.run_once()
    assert len(scene.queue.told[0]) == 1 + 3


@pytest.mark.parametrize("error", [ValueError("a row that the database refuses"), SinkBusy("a deadlock, twice")])
def test_of_many_the_one_at_fault_is_found_and_the_others_go_together(error: Exception) -> None:
    sink = TogetherSink(error, at_fault="b77")
    scene = grouped(sink, 100)
    scene.worker.run_once()
    assert sink.alone <= FEW
    assert sink.together <= 2 * 5
    assert (scene.parts.tally.batches, len(scene.settled)) == (100, 100)
    scene.worker.run_once()
    assert len(scene.queue.told[0]) == 1 + 100


def test_payloads_that_unpack_to_much_do_not_all_go_together() -> None:
    sink, raw = TogetherSink(), b"1\n" * (MOST_RAW_BYTES // 5)
    scene = grouped(sink, 9)
    for number in (1, 2, 3, 4):
        large = batch(id=f"b{number}", digest=digest_of(raw), body=compress(raw), end=len(raw), records=len(raw) // 2)
        scene.queue.waiting[number] = Lease(large.id, encode_batch(large), token=1, attempts=0, crashes=0, priority=100)
    scene.worker.run_once()
    assert (sink.together, sink.alone, scene.parts.tally.batches) == (1, 2, 9)


def test_one_that_is_broken_does_not_keep_the_others_from_going_together() -> None:
    sink = TogetherSink()
    scene = grouped(sink, 4)
    scene.queue.waiting[1] = Lease("b1", b"junk", token=1, attempts=0, crashes=0, priority=100)
    scene.worker.run_once()
    assert (sink.together, sink.alone, scene.parts.tally.batches) == (1, 0, 3)


def test_a_sink_that_is_away_has_all_of_them_handed_back_at_once() -> None:
    scene = grouped(TogetherSink(SinkUnavailable("gone")), 3)
    scene.stopping.set()  # the pause returns at once
    scene.worker.run_once()
    assert [(told[0], len(told) - 1) for told in scene.queue.told] == [("hand back", 3)]
    assert (scene.kept, scene.worker.in_hand, scene.parts.tally.batches) == ([], (), 0)


def test_what_it_was_asked_to_stop_before_is_given_back() -> None:
    sink = TogetherSink(ValueError("one by one"))
    scene = grouped(sink, 3)
    alone = sink.commit

    def stop(*given: object, **more: object):
        scene.stopping.set()
        return alone(*given, **more)

    sink.commit = stop  # type: ignore[method-assign]
    scene.worker.run_once()
    assert [(told[0], len(told) - 1) for told in scene.queue.told] == [("hand back", 2)]
    assert (scene.kept, scene.worker.in_hand, scene.parts.tally.batches) == ([], (), 1)


def test_those_that_wait_for_their_turn_do_not_count_as_hung() -> None:
    now, hung = [0.0], []
    queue = SimpleNamespace(lease_seconds=30, extend=lambda leases: frozenset())
    keeper = LeaseKeeper(queue, 300, on_hung=hung.append, on_lost=hung.append, clock=lambda: now[0])
    sink = TogetherSink(ValueError("one by one"))
    scene = grouped(sink, 5)
    scene.worker = Worker(replace(scene.parts, leases=keeper), "worker-1", scene.stopping, Portion(5))
    alone = sink.commit

    def slow(*given: object, **more: object):
        """A database that has become slow takes 100 s of each."""
        for _ in range(10):
            now[0] += 10
            keeper.run_once(now[0])
        return alone(*given, **more)

    sink.commit = slow  # type: ignore[method-assign]
    scene.worker.run_once()
    assert (hung, sink.alone, now) == ([], 5, [500.0])
    keeper.run_once(1000)
    assert hung == []


def test_a_worker_that_stumbles_over_one_keeps_none_of_the_others() -> None:
    scene = grouped(TogetherSink(ValueError("one by one")), 3)
    scene.parts.sink.commit = _fails  # type: ignore[method-assign]
    scene.queue.retry = _fails  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        scene.worker.run_once()
    assert [(told[0], len(told) - 1) for told in scene.queue.told] == [("hand back", 2)]
    assert (scene.kept, scene.worker.in_hand) == ([], ())


def _fails(*_: object, **__: object) -> None:
    raise ZeroDivisionError
