"""Random histories of the queue beside a model in plain Python: no job lost, none held twice, order and counts right.

Time passes by writing the past into the queue's deadlines; the model moves what is due when the queue is next asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import uuid4

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from dcp_pipeline.queue import Job, Lease, Queue, RetryPolicy, RetryState

POLICY = RetryPolicy(max_attempts=2, max_crashes=2, base_delay_seconds=3600, max_delay_seconds=7200)
IDS = st.sampled_from([f"job{n}" for n in range(5)])
PAST = 1.0
ACTIONS = [
    *["exchange"] * 4,
    *["time_passes", "enqueue"] * 3,
    *["retry", "hand_back", "extend", "bury", "requeue_dead", "remove", "lose_the_scripts", "lose_everything"],
]


@dataclass
class ModelJob:
    priority: int
    sequence: int
    state: str = "ready"
    """ready, scheduled, inflight or dead; due ones are 'due' and expired leases 'expired' until an exchange."""
    attempts: int = 0
    crashes: int = 0
    token: int = 0


@dataclass
class Model:
    jobs: dict[str, ModelJob] = field(default_factory=dict)
    sequence: int = 0

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence

    def holds(self, lease: Lease) -> bool:
        job = self.jobs.get(lease.id)
        return job is not None and job.state in ("inflight", "expired") and job.token == lease.token

    def sweep(self) -> set[str]:
        """What every exchange does between acknowledging and claiming. Returns the ids that died."""
        died = set()
        for job_id, job in self.jobs.items():
            if job.state == "due":
                job.state = "ready"
            elif job.state == "expired":
                job.crashes += 1
                job.state = "dead" if job.crashes >= POLICY.max_crashes else "ready"
                if job.state == "dead":
                    died.add(job_id)
        return died

    def waiting(self) -> list[str]:
        ready = [job_id for job_id, job in self.jobs.items() if job.state == "ready"]
        return sorted(ready, key=lambda job_id: (self.jobs[job_id].priority, self.jobs[job_id].sequence))

    def count(self, *states: str) -> int:
        return sum(job.state in states for job in self.jobs.values())


class QueueAgainstModel(RuleBasedStateMachine):
    client: redis.Redis

    @initialize()
    def begin(self) -> None:
        self.queue = Queue(self.client, f"model.{uuid4().hex}", policy=POLICY)
        self.model = Model()
        self.handed_out: list[Lease] = []

    def teardown(self) -> None:
        if hasattr(self, "queue"):
            self.queue.drop()
            assert not list(self.client.scan_iter(match=f"*{self.queue.name}*", count=1000))

    # One rule: Hypothesis would otherwise switch some off in each history, and without claims little happens.
    @rule(data=st.data(), action=st.sampled_from(ACTIONS))
    def act(self, data: st.DataObject, action: str) -> None:
        getattr(self, action)(data)

    def enqueue(self, data: st.DataObject) -> None:
        ids = data.draw(st.lists(IDS, min_size=1, max_size=4))
        priority = data.draw(st.sampled_from([100, 100, 1]))
        delay = data.draw(st.sampled_from([0, 0, 0, 3600]))
        new = [job_id for job_id in dict.fromkeys(ids) if job_id not in self.model.jobs]
        assert self.queue.enqueue([Job(job_id, job_id.encode(), priority) for job_id in ids], delay) == len(new)
        for job_id in new:
            state = "scheduled" if delay else "ready"
            self.model.jobs[job_id] = ModelJob(priority, self.model.next_sequence(), state)

    def exchange(self, data: st.DataObject) -> None:
        want = data.draw(st.sampled_from([2, 1, 4, 0]))
        worker = data.draw(st.sampled_from(["w1", "w2"]))
        acks = self.some_leases(data, 3)
        expected_stale = {lease.id for lease in acks if lease.id in self.model.jobs and not self.model.holds(lease)}
        done = {lease.id for lease in acks if self.model.holds(lease)}
        for job_id in done:
            del self.model.jobs[job_id]
        expected_died = self.model.sweep()
        expected = self.model.waiting()[:want]

        exchange = self.queue.exchange(worker, acks, want)
        assert exchange.stale == expected_stale - done
        assert exchange.acknowledged == {lease.id for lease in acks} - exchange.stale
        assert exchange.died == expected_died
        assert [lease.id for lease in exchange.leases] == expected
        for lease in exchange.leases:
            job = self.model.jobs[lease.id]
            assert (lease.attempts, lease.crashes, lease.priority) == (job.attempts, job.crashes, job.priority)
            assert lease.payload == lease.id.encode()
            assert lease.token > job.token
            job.state, job.token = "inflight", lease.token
        self.handed_out += exchange.leases

    def retry(self, data: st.DataObject) -> None:
        for lease in self.some_leases(data, 1):
            held = self.model.holds(lease)
            before = replace(self.model.jobs[lease.id]) if held else None
            outcome = self.queue.retry(lease, "failed")
            if before is None:
                self.expect_no_effect(lease, outcome.state)
                continue
            job = self.model.jobs[lease.id]
            job.attempts += 1
            job.state = "dead" if job.attempts >= POLICY.max_attempts else "scheduled"
            assert (outcome.state, outcome.attempts) == (job.state, job.attempts)

    def expect_no_effect(self, lease: Lease, state: RetryState) -> None:
        """LOST; or what this very lease had led to, told again."""
        job = self.model.jobs.get(lease.id)
        if state is not RetryState.LOST:
            assert job is not None
            assert job.token == lease.token
            assert (state is RetryState.DEAD) == (job.state == "dead")

    def bury(self, data: st.DataObject) -> None:
        for lease in self.some_leases(data, 1):
            held = self.model.holds(lease)
            buried = self.queue.bury(lease, "of no use")
            if held:
                assert buried
                job = self.model.jobs[lease.id]
                job.state, job.attempts = "dead", job.attempts + 1
            elif buried:
                self.expect_no_effect(lease, RetryState.DEAD)

    def hand_back(self, data: st.DataObject) -> None:
        leases = self.some_leases(data, 2)
        self.queue.hand_back(leases)
        for lease in leases:
            if self.model.holds(lease):
                self.model.jobs[lease.id].state = "ready"

    def extend(self, data: st.DataObject) -> None:
        leases = self.some_leases(data, 3)
        lost = self.queue.extend(leases)
        assert lost == {lease.id for lease in leases if not self.model.holds(lease)}
        for lease in leases:
            if self.model.holds(lease):
                self.model.jobs[lease.id].state = "inflight"

    def time_passes(self, data: st.DataObject) -> None:
        moving = [each for each, job in self.model.jobs.items() if job.state in ("scheduled", "inflight")]
        if moving:
            job_id = data.draw(st.sampled_from(moving))
            job = self.model.jobs[job_id]
            keys = self.queue.keys
            self.client.zadd(keys.scheduled if job.state == "scheduled" else keys.inflight, {job_id: PAST})
            job.state = "due" if job.state == "scheduled" else "expired"

    def requeue_dead(self, data: st.DataObject) -> None:
        ids = data.draw(st.lists(IDS, min_size=1, max_size=3, unique=True))
        dead = [each for each in ids if each in self.model.jobs and self.model.jobs[each].state == "dead"]
        assert self.queue.requeue_dead(ids) == len(dead)
        for job_id in dead:
            old = self.model.jobs[job_id]
            self.model.jobs[job_id] = ModelJob(old.priority, self.model.next_sequence(), token=old.token)

    def remove(self, data: st.DataObject) -> None:
        ids = data.draw(st.lists(IDS, min_size=1, max_size=2, unique=True))
        only_dead = data.draw(st.booleans())
        known = [each for each in ids if each in self.model.jobs]
        going = [each for each in known if not only_dead or self.model.jobs[each].state == "dead"]
        assert (self.queue.purge_dead if only_dead else self.queue.forget)(ids) == len(going)
        for job_id in going:
            del self.model.jobs[job_id]

    def lose_everything(self, data: st.DataObject) -> None:
        if data.draw(st.integers(0, 3)) == 3:
            self.queue.drop()
            self.model.jobs.clear()

    def lose_the_scripts(self, data: st.DataObject) -> None:
        self.client.script_flush()

    @invariant()
    def the_queue_holds_what_the_model_holds(self) -> None:
        if not hasattr(self, "queue"):
            return
        stats = self.queue.stats()
        assert stats.ready == self.model.count("ready")
        assert stats.scheduled == self.model.count("scheduled", "due")
        assert stats.inflight == self.model.count("inflight", "expired")
        assert stats.dead == self.model.count("dead")
        sizes = {job_id: len(job_id) for job_id in self.model.jobs}
        dead = sum(size for job_id, size in sizes.items() if self.model.jobs[job_id].state == "dead")
        assert (stats.bytes, stats.dead_bytes) == (sum(sizes.values()) - dead, dead)
        assert self.queue.present([f"job{n}" for n in range(5)]) == set(self.model.jobs)

    def some_leases(self, data: st.DataObject, most: int) -> list[Lease]:
        """Leases that are held, or that were handed out at some time; each job once, as workers have them."""
        held = [lease for lease in self.handed_out if self.model.holds(lease)]
        any_of = data.draw(st.sampled_from([held, held, self.handed_out[-8:]]))
        picked = data.draw(st.lists(st.sampled_from(any_of), min_size=1, max_size=most)) if any_of else []
        return list({lease.id: lease for lease in picked}.values())


@pytest.mark.usefixtures("server")
def test_any_history_leaves_the_queue_as_the_model_says(client: redis.Redis) -> None:
    class OnThisServer(QueueAgainstModel):
        pass

    OnThisServer.client = client
    quick = settings(
        max_examples=20,
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(OnThisServer, settings=quick)
