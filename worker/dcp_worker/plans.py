"""The plans of a process: compiled once per revision, for the table as it stands."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dcp_pipeline.spec.revision import Revision, revision_from
from dcp_worker.ports import Plan

Compile = Callable[[Revision], Plan]


class PlanShelf:
    """Compiles the plan of a revision when the first batch asks for it, and keeps it. Thread-safe.

    An object is read to its end with the revision that it was opened with, whatever the spec is by then.
    """

    def __init__(self, read_revision: Callable[[str], bytes], compile_plan: Compile) -> None:
        self._read_revision, self._compile = read_revision, compile_plan
        self._lock = threading.Lock()
        self._plans: dict[str, Plan] = {}

    def of(self, revision: str) -> Plan:
        """The plan of a revision; whatever reading or compiling it raises passes through, and is tried again."""
        with self._lock:
            if revision not in self._plans:
                self._plans[revision] = self._compile(revision_from(self._read_revision(revision)))
            return self._plans[revision]

    def prepare(self, revision: str, document: bytes) -> None:
        """Compile the plan of a revision that is at hand, before a batch asks for it."""
        with self._lock:
            if revision not in self._plans:
                self._plans[revision] = self._compile(revision_from(document))
