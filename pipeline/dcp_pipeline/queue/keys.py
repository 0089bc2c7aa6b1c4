"""The names of a queue's keys. They share the hash tag {name}, so that a cluster keeps them in one slot."""

from __future__ import annotations

import re

_KINDS = {
    **dict.fromkeys(("ready", "scheduled", "inflight", "dead", "age", "workers", "leaving", "tasks"), "zset"),
    **dict.fromkeys(("meta", "claims", "alone", "vitals", "report"), "hash"),
    "wake": "list",
}
_NAME = re.compile(r"[A-Za-z0-9][-A-Za-z0-9._:]{0,199}")


class Keys:
    """The keys of the queue `name`; docs/queue.md has the table of what each holds.

    Raises ValueError for a name that the hash tag or redis-cli would trip over.
    """

    def __init__(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"queue name {name!r}: letters, digits and -._: only, 200 at most")
        self.inbox = name
        self.prefix = f"{{{name}}}:"
        self.ready = self.prefix + "ready"
        self.scheduled = self.prefix + "scheduled"
        self.inflight = self.prefix + "inflight"
        self.dead = self.prefix + "dead"
        self.age = self.prefix + "age"
        self.meta = self.prefix + "meta"
        self.claims = self.prefix + "claims"
        self.wake = self.prefix + "wake"
        self.leaving = self.prefix + "leaving"
        self.alone = self.prefix + "alone"
        self.workers = self.prefix + "workers"
        self.vitals = self.prefix + "vitals"
        self.tasks = self.prefix + "tasks"
        self.never = self.prefix + "never"
        self.job_prefix = self.prefix + "job:"

    @property
    def state(self) -> tuple[str, ...]:
        """KEYS of the scripts, in the order in which lua/common.lua names them; and one that there never is.

        While a Cluster moves a slot, a script begins where all of its KEYS are, and breaks off half way at a job that
        has left. One that is nowhere has no script begin until all is moved (TRYAGAIN; docs/adr/0108).
        """
        return (
            self.ready,
            self.scheduled,
            self.inflight,
            self.dead,
            self.age,
            self.meta,
            self.claims,
            self.wake,
            self.leaving,
            self.alone,
            self.never,
        )

    def job(self, job_id: str) -> str:
        """The hash of one job."""
        return self.job_prefix + job_id

    def task(self, task_id: str) -> str:
        """The hash that tells other programs about one task of the inbox."""
        return f"{self.prefix}task:{task_id}"


def kind_of(key: str) -> str:
    """What Redis calls that which a key of a queue holds."""
    if not key.startswith("{"):
        return "list"  # the inbox
    first, _, rest = key.partition("}:")[2].partition(":")
    return "hash" if rest else _KINDS.get(first, "string")
