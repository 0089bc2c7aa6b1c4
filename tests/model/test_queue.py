"""The queue against its model, on Redis and on the embedded Valkey. machine.py has the rules."""

from __future__ import annotations

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from model.machine import QueueHistory
from support.redis_server import RunningServer


def test_any_history_keeps_what_the_queue_promises(server: RunningServer, histories: settings) -> None:
    class OnThisServer(QueueHistory):
        url = server.url

    run_state_machine_as_test(OnThisServer, settings=histories)
