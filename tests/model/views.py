"""What only looks at a queue says the same as the reference."""

from __future__ import annotations

from datetime import UTC, datetime

from dcp_pipeline.queue import Mended, Progress, Queue, WorkerVitals
from model.reference import Reference
from model.steered_redis import Clock

BEAT_SECONDS = 330
_EPOCH = datetime(2027, 1, 1, tzinfo=UTC)


def check_views(queue: Queue, worker: str, reference: Reference, clock: Clock) -> None:
    """A worker beats, then looks at everything."""
    queue.beat(worker, WorkerVitals(_EPOCH, 1, 2, 3.0, 4, True, "host", 5), ttl_seconds=BEAT_SECONDS)
    alive = sorted(each for each, until in reference.beats.items() if until > clock.now_us // 1000)
    assert [report.worker for report in queue.workers()] == alive
    queue.wait(0)
    queue.stats()
    assert queue.mend() == Mended(0, 0)
    queue.ready_by_priority()
    assert queue.owner() == reference.owner
    names = [f"job{number}" for number in range(6)]
    assert queue.present(names) == set(reference.jobs)
    for name in names:
        job = reference.jobs.get(name)
        said = job.progress if job else None
        assert queue.progress(name) == (Progress(*said) if said else None)
        assert queue.dead_payload(name) == (job.payload if job and name in reference.dead else None)
    letters = queue.dead_letters()
    assert [letter.id for letter in letters] == sorted(reference.dead, key=lambda each: (reference.dead[each], each))
    for letter in letters:
        job = reference.jobs[letter.id]
        assert (letter.attempts, letter.crashes, letter.priority) == (job.attempts, job.crashes, job.priority)
        assert letter.payload_bytes == len(job.payload)
        assert letter.reason
