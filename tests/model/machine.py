"""Any history of a queue: every public call, by several workers, with connections, workers and servers that break.

After each step the server's keys are compared with reference.py; witness.py watches what the callers are told. In the
end a worker drains the queue: nothing may be missing, and no key be left.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import uuid4

import redis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dcp_pipeline.queue import Job, Lease, Queue, QueueFull, RetryState, ask_to_go
from dcp_pipeline.queue.keys import Keys
from model.choices import AFTERWARDS, FAULTS, IDS, LEASE_SECONDS, NAMES, PIPELINES, PLACES, POLICY, STEPS, WORKERS
from model.observed import keys_of, observed, of_reference, texts
from model.reference import DIGESTS, Reference
from model.steered_redis import Clock, Fault, SteeredRedis, pass_time, steered
from model.views import check_views
from model.witness import Witness

T = TypeVar("T")


class Interrupted(Exception):
    """A call got no answer, and was not made again."""


class QueueHistory(RuleBasedStateMachine):
    """`url` is the server's; `mutate` changes scripts on their way, to see whether that is noticed."""

    url: str
    mutate: Callable[[str], str] = staticmethod(str)
    compares = True
    """False: the witness alone has to notice."""

    @initialize()
    def begin(self) -> None:
        self.name = f"model.{uuid4().hex}"
        self.clock, self.reference = Clock(), Reference()
        self.witness = Witness(LEASE_SECONDS * 1_000_000)
        self.client = steered(self.url, self.clock, self.carried_out, self.mutate)
        self.plain = redis.Redis.from_url(self.url, single_connection_client=True)
        self.hands: dict[str, list[Lease]] = {name: [] for name in ("w1", "w2")}
        self.queues = {name: self.new_queue(self.client) for name in self.hands}
        self.orphans: list[Lease] = []
        self.full = False

    def new_queue(self, client: SteeredRedis) -> Queue:
        return Queue(client, self.name, lease_seconds=LEASE_SECONDS, policy=POLICY, rng=random.Random(1))

    def carried_out(self, digest: str, arguments: tuple[Any, ...], reply: Any) -> None:
        """A script ran on the server: it runs on the reference too, and says the same."""
        if not self.compares:
            return
        name = DIGESTS[digest]
        expected = self.reference.carry_out(name, arguments, self.clock.now_us)
        assert texts(reply) == texts(expected), f"{name} answered {texts(reply)}, not {texts(expected)}"

    # What producers do

    @rule(ids=st.lists(IDS, min_size=1, max_size=4), priority=st.sampled_from([100, 100, 1]), data=st.data(),
          delay=st.sampled_from([0, 0, 0, 250]), fault=FAULTS, at=PLACES, then=AFTERWARDS)  # fmt: skip
    def enqueue(self, ids: list[str], priority: int, data: st.DataObject, delay: int, fault: Fault | None, at: int,
                then: str) -> None:  # fmt: skip
        jobs = [Job(each, each.encode() * 3, priority, data.draw(PIPELINES)) for each in ids]
        self.witness.finished -= set(ids)
        try:
            self.call("w1", lambda queue: queue.enqueue(jobs, delay), fault, at, then)
        except Interrupted:
            return
        except QueueFull:
            assert self.full, "refused for lack of memory, and there is enough"
            return
        self.witness.taken_in(ids)

    @rule(ids=st.lists(IDS, min_size=1, max_size=3, unique=True), fault=FAULTS, then=AFTERWARDS)
    def requeue_dead(self, ids: list[str], fault: Fault | None, then: str) -> None:
        self.witness.removed(self.dead_now() & set(ids))
        self.quietly("w1", lambda queue: queue.requeue_dead(ids), fault, then)

    @rule(ids=st.lists(IDS, min_size=1, max_size=2, unique=True), fault=FAULTS, then=AFTERWARDS)
    def purge_dead(self, ids: list[str], fault: Fault | None, then: str) -> None:
        self.witness.removed(self.dead_now() & set(ids))
        self.quietly("w1", lambda queue: queue.purge_dead(ids), fault, then)

    @rule(job=IDS, fault=FAULTS, then=AFTERWARDS)
    def forget(self, job: str, fault: Fault | None, then: str) -> None:
        self.witness.removed([job])
        self.quietly("w1", lambda queue: queue.forget([job]), fault, then)

    # What workers do

    @rule(worker=WORKERS, want=st.sampled_from([1, 2, 4]), fault=FAULTS, then=AFTERWARDS)
    def claim(self, worker: str, want: int, fault: Fault | None, then: str) -> None:
        self.exchange(worker, [], want, fault, then)

    @rule(worker=WORKERS, want=st.sampled_from([1, 2, 4]), then=AFTERWARDS)
    def claim_without_a_reply(self, worker: str, want: int, then: str) -> None:
        self.exchange(worker, [], want, Fault.REPLY_LOST, then)

    @rule(worker=WORKERS, data=st.data(), want=st.sampled_from([1, 2, 0]), fault=FAULTS, then=AFTERWARDS)
    def acknowledge_and_claim(
        self, worker: str, data: st.DataObject, want: int, fault: Fault | None, then: str
    ) -> None:
        self.exchange(worker, self.some_leases(worker, data, 3), want, fault, then)

    def exchange(self, worker: str, acks: Sequence[Lease], want: int, fault: Fault | None, then: str) -> None:
        self.witness.let_go(acks)
        self.witness.owed -= {lease.id for lease in acks}
        try:
            got = self.call(worker, lambda queue: queue.exchange(worker, acks, want), fault, 1, then)
        except Interrupted:
            return
        self.drop_from_hand(worker, acks)
        self.witness.acknowledged(got.acknowledged)
        self.witness.owed |= got.stale
        self.witness.handed_out(got.leases, self.clock.elapsed_us)
        self.hands[worker] += got.leases

    @rule(worker=WORKERS, data=st.data(), fault=FAULTS, then=AFTERWARDS)
    def retry(self, worker: str, data: st.DataObject, fault: Fault | None, then: str) -> None:
        self.fail(worker, data, fault, then)

    @rule(worker=WORKERS, data=st.data())
    def retry_without_a_reply(self, worker: str, data: st.DataObject) -> None:
        self.fail(worker, data, Fault.REPLY_LOST, "repeat")

    def fail(self, worker: str, data: st.DataObject, fault: Fault | None, then: str) -> None:
        for lease in self.some_leases(worker, data, 1):
            self.drop_from_hand(worker, [lease])
            unanswered = self.witness.unanswered
            unanswered[lease.id] = unanswered.get(lease.id, 0) + 1
            try:
                outcome = self.call(worker, lambda queue, lease=lease: queue.retry(lease, "failed"), fault, 1, then)
            except Interrupted:
                continue
            if outcome.state is RetryState.SCHEDULED and outcome.attempts == lease.attempts + 1:
                unanswered[lease.id] -= 1
                self.witness.failures[lease.id] = max(outcome.attempts, self.witness.failures.get(lease.id, 0))

    @rule(worker=WORKERS, data=st.data(), fault=FAULTS, then=AFTERWARDS)
    def bury(self, worker: str, data: st.DataObject, fault: Fault | None, then: str) -> None:
        for lease in self.some_leases(worker, data, 1):
            self.drop_from_hand(worker, [lease])
            self.quietly(worker, lambda queue, lease=lease: queue.bury(lease, "of no use"), fault, then)

    @rule(worker=WORKERS, data=st.data(), fault=FAULTS, then=AFTERWARDS)
    def hand_back(self, worker: str, data: st.DataObject, fault: Fault | None, then: str) -> None:
        leases = self.some_leases(worker, data, 2)
        self.drop_from_hand(worker, leases)
        self.quietly(worker, lambda queue: queue.hand_back(leases), fault, then)

    @rule(worker=WORKERS, data=st.data(), fault=FAULTS, then=AFTERWARDS)
    def extend(self, worker: str, data: st.DataObject, fault: Fault | None, then: str) -> None:
        leases = self.some_leases(worker, data, 3)
        try:
            lost = self.call(worker, lambda queue: queue.extend(leases), fault, 1, then)
        except Interrupted:
            return
        self.witness.extended(leases, lost, self.clock.elapsed_us)

    @rule(worker=WORKERS, data=st.data(), done=st.integers(0, 9))
    def tell_progress(self, worker: str, data: st.DataObject, done: int) -> None:
        for lease in self.some_leases(worker, data, 1):
            self.quietly(worker, lambda queue, lease=lease: queue.set_progress(lease, done, 9), None, "die")

    @precondition(lambda self: self.compares)
    @rule(worker=WORKERS, fault=FAULTS, then=AFTERWARDS)
    def look_around(self, worker: str, fault: Fault | None, then: str) -> None:
        self.quietly(worker, lambda queue: check_views(queue, worker, self.reference, self.clock), fault, then)

    @rule(count=st.integers(0, 2), fault=FAULTS, then=AFTERWARDS)
    def somebody_is_asked_to_go(self, count: int, fault: Fault | None, then: str) -> None:
        asked = ["w1", "w2", "w9"]
        self.quietly("w1", lambda queue: ask_to_go(self.client, queue.name, asked, count, LEASE_SECONDS), fault, then)

    # What happens to them

    @rule(worker=WORKERS)
    def a_worker_dies(self, worker: str) -> None:
        self.orphans = [*self.orphans, *self.hands[worker]][-6:]
        self.hands[worker], self.queues[worker] = [], self.new_queue(self.client)

    @rule(worker=WORKERS)
    def a_worker_is_paused_and_another_takes_over(self, worker: str) -> None:
        """What the paused one holds runs out; when it wakes, it hands it in."""
        held = list({lease.id: lease for lease in self.hands[worker]}.values())
        self.time_passes(400)
        self.exchange("w2" if worker == "w1" else "w1", [], 4, None, "go on")
        self.exchange(worker, held, 1, None, "go on")

    @rule(worker=WORKERS)
    def a_worker_renews_its_leases_past_their_first_end(self, worker: str) -> None:
        self.time_passes(200)
        held = list({lease.id: lease for lease in self.hands[worker]}.values())
        lost = self.call(worker, lambda queue: queue.extend(held), None, 1, "die")
        self.witness.extended(held, lost, self.clock.elapsed_us)
        self.time_passes(200)
        self.exchange("w2" if worker == "w1" else "w1", [], 4, None, "go on")

    @rule(seconds=STEPS)
    def time_passes(self, seconds: int) -> None:
        pass_time(self.plain, self.clock, f"*{self.name}*", seconds)
        self.reference.time_passed(self.clock.now_us)

    @rule()
    def the_servers_clock_is_set_back(self) -> None:
        self.time_passes(-150)

    @rule(worker=WORKERS)
    def leases_end_though_the_servers_clock_is_set_back(self, worker: str) -> None:
        """The queue hears of the new time, and from then on a lease lasts no longer than it ever does."""
        other = "w2" if worker == "w1" else "w1"
        self.time_passes(-10 * LEASE_SECONDS)
        self.exchange(other, [], 1, None, "go on")
        self.time_passes(LEASE_SECONDS)
        self.exchange(other, [], 1, None, "go on")
        held = [lease for lease in self.hands[worker] if self.plain.zscore(Keys(self.name).inflight, lease.id)]
        tokens = {lease.id: self.plain.hget(Keys(self.name).job(lease.id), "token") for lease in held}
        assert not [lease for lease in held if tokens[lease.id] == str(lease.token).encode()]

    @rule()
    def the_server_loses_its_scripts(self) -> None:
        self.plain.script_flush()

    @rule()
    def the_servers_memory_fills_or_is_free_again(self) -> None:
        self.full = not self.full
        self.plain.config_set("maxmemory", 1 if self.full else 0)

    @rule(sure=st.integers(0, 3))
    def the_server_loses_everything(self, sure: int) -> None:
        if sure == 3:
            self.plain.delete(*(self.plain.keys(f"*{self.name}*") or ["nothing"]))
            self.reference = Reference()
            self.witness.removed(NAMES)

    @rule(sure=st.integers(0, 3))
    def the_queue_is_dropped(self, sure: int) -> None:
        if sure == 3:
            self.queues["w1"].drop()
            self.reference.beats = {}
            self.witness.removed(NAMES)

    @precondition(lambda self: self.compares and hasattr(self, "plain"))
    @invariant()
    def the_keys_hold_what_the_reference_holds(self) -> None:
        expected = of_reference(self.reference)
        found = observed(self.plain, self.name)
        assert found == expected

    def teardown(self) -> None:
        if not hasattr(self, "plain"):
            return
        try:
            self.plain.config_set("maxmemory", 0)
            self.drain()
            self.queues["w1"].drop()
            assert keys_of(self.plain, self.name) == set()
        finally:
            self.plain.delete(*(self.plain.keys(f"*{self.name}*") or ["nothing"]))
            self.client.close()
            self.plain.close()

    def drain(self) -> None:
        """One worker to the end: whatever was taken in and not finished comes out, or is dead."""
        queue, out = self.new_queue(self.client), self.dead_now()
        for _ in range(20):
            if queue.stats().backlog == 0:
                break
            self.time_passes(600)
            got = queue.exchange("drain", [], 10)
            self.witness.handed_out(got.leases, self.clock.elapsed_us)
            queue.exchange("drain", got.leases, 0)
            out |= {lease.id for lease in got.leases} | got.died
        assert queue.stats().backlog == 0
        assert self.witness.owed <= out, f"lost: {sorted(self.witness.owed - out)}"
        queue.purge_dead(NAMES)
        assert keys_of(self.plain, self.name) <= {"meta", "workers", "vitals", "leaving"}

    # How calls are made

    def call(self, worker: str, method: Callable[[Queue], T], fault: Fault | None, at: int, then: str) -> T:
        """The call's answer. Raises Interrupted where there was none and the worker does not ask again."""
        self.clock.tick()
        try:
            with self.client.breaking(fault, at):
                return method(self.queues[worker])
        except redis.ConnectionError as error:
            if then == "repeat":
                self.clock.tick()
                return method(self.queues[worker])
            if then == "die":
                self.a_worker_dies(worker)
            raise Interrupted from error

    def quietly(self, worker: str, method: Callable[[Queue], object], fault: Fault | None, then: str) -> None:
        """A call of whose answer nothing follows but what the reference says."""
        try:
            self.call(worker, method, fault, 1, then)
        except Interrupted:
            return

    def some_leases(self, worker: str, data: st.DataObject, most: int) -> list[Lease]:
        """Leases of the worker, or such as he had before he was paused; each job once."""
        any_of = [*self.hands[worker], *(self.orphans if data.draw(st.booleans()) else [])]
        picked = data.draw(st.lists(st.sampled_from(any_of), min_size=1, max_size=most)) if any_of else []
        return list({lease.id: lease for lease in picked}.values())

    def dead_now(self) -> set[str]:
        return {each.decode() for each in self.plain.zrange(Keys(self.name).dead, 0, -1)}

    def drop_from_hand(self, worker: str, leases: Sequence[Lease]) -> None:
        self.witness.let_go(leases)
        self.hands[worker] = [each for each in self.hands[worker] if each not in leases]
        self.orphans = [*self.orphans, *leases][-6:]
