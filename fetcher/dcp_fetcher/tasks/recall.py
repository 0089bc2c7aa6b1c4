"""Tasks that the ledger has forgotten. Redis remembers each with its own words until some time after its end, so a
database that went back in time loses none.
"""

from __future__ import annotations

import logging
import time

from dcp_fetcher.ground.ports import Inbox
from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.tasks.request import TaskInvalid, TaskTerms, assign, parse_request

log = logging.getLogger(__name__)

EVERY_SECONDS = 10.0
MOST_BYTES = 64 * 1024
"""Of a task's own words that Redis is to remember; a valid one has a few hundred."""
MARGIN_SECONDS = 3600.0
"""For how much longer than Redis the ledger remembers a finished task: what only Redis knows was forgotten."""


class Recall:
    """Registers again what Redis remembers and the ledger does not."""

    def __init__(self, inbox: Inbox, terms: TaskTerms, outlet: Outlet) -> None:
        self._inbox, self._terms, self._outlet = inbox, terms, outlet
        self._looked_at = float("-inf")

    def remember(self, task_id: str, raw: bytes) -> None:
        """Before a task leaves the list."""
        if len(raw) <= MOST_BYTES:
            self._outlet.patience(lambda: self._inbox.put_task(task_id, {"raw": raw.decode(errors="replace")}))

    def run(self) -> int:
        """Once in a while; how many tasks were registered again."""
        if time.monotonic() - self._looked_at < EVERY_SECONDS:
            return 0
        remembered = self._outlet.patience(self._inbox.requests)
        known = self._outlet.patience(lambda: self._outlet.ledger.known_tasks(list(remembered))) if remembered else ()
        self._looked_at = time.monotonic()
        return sum(self._register(task_id, raw) for task_id, raw in remembered.items() if task_id not in known)

    def _register(self, task_id: str, raw: bytes) -> bool:
        try:
            request = parse_request(raw)
            source = assign(request, self._terms.sources, self._terms.paths).source.name
        except TaskInvalid:
            return False
        log.warning("the ledger has forgotten a task: it is done again", extra={"task": task_id})
        register = self._outlet.ledger.register_task
        return self._outlet.patience(lambda: register(task_id, raw, request.url, request.priority, source))
