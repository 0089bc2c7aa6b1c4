"""Tells each service of a pipeline what is news to it. One message a round, whatever is in it."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from dcp_cli.notify.letters import Letter, letter_of, trial_of
from dcp_cli.notify.memory import Memory, Told, failed
from dcp_cli.notify.sending import send
from dcp_cli.notify.services import Service, id_of, service_of
from dcp_cli.notify.telling import Notice, tell
from dcp_cli.notify.together import Together, cause_of, parted
from dcp_cli.notify.troubles import Situation, situation_of
from dcp_pipeline.errors import Unusable
from dcp_pipeline.observe.lookout import Looked
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.expectations.notify import Notify

log = logging.getLogger(__name__)

Send = Callable[[Sequence[tuple[Service, Letter]]], list[str | None]]


class Notifier:
    """For one thread at a time."""

    def __init__(
        self,
        setup: Setup,
        spec: str,
        send_all: Send = send,
        clock: Callable[[], float] = time.time,
        together: Path | None = None,
    ) -> None:
        """`together`: the folder of the `dcp up` whose pipelines tell of what they have in common as one."""
        self._setup, self._spec, self._send, self._clock = setup, spec, send_all, clock
        self._memory = Memory(setup.state_folder)
        self._together = Together(together, setup.pipeline.key, cause_of(setup.sink_url)) if together else None

    def round(
        self,
        looked: Looked,
        sink: str | None = None,
        sources: Mapping[str, str | None] | None = None,
        at_once: bool = False,
    ) -> list[str]:
        """Tell what is news; what could not be told, and why. `sink`: what workers met there. `sources` None: nobody
        looked at them."""
        now_wrong = situation_of(looked.sight, looked.trouble or sink, sources or {}, sources is not None)
        now_wrong = msgspec.structs.replace(
            now_wrong,
            troubles=tuple(
                msgspec.structs.replace(each, text=self._setup.secrets.redact(each.text)) for each in now_wrong.troubles
            ),
        )
        now = self._clock()
        after: dict[str, Told] = {}
        letters: list[tuple[Notify, Service, Letter]] = []
        problems: list[str] = []
        for each in self._setup.pipeline.spec.notify:
            key = id_of(each)
            before = self._memory.of(key)
            own, common = self._in_common(key, each, now_wrong, now)
            after[key], letter = self._due(each, before, own, now, at_once, common)
            if letter is None:
                continue
            try:
                letters.append((each, service_of(each, self._setup.secrets), letter))
            except Unusable as error:
                after[key] = failed(before, now)
                problems.append(f"{each.name}: {error}")
                if self._together is not None:
                    self._together.settle(key, False, now)
        answers = self._send([(service, letter) for _, service, letter in letters]) if letters else []
        for (each, _, _), problem in zip(letters, answers, strict=True):
            key = id_of(each)
            if self._together is not None:
                self._together.settle(key, problem is None, self._clock())
            if problem is not None:
                after[key] = failed(self._memory.of(key), now)
                problems.append(f"{each.name}: {problem}")
            else:
                log.info("told: %s", each.name)
        self._memory.keep(after)
        for problem in problems:
            log.error("not told: %s", problem)
        return problems

    def _in_common(
        self, key: str, notify: Notify, now_wrong: Situation, now: float
    ) -> tuple[Situation, tuple[Notice, ...]]:
        """What is this pipeline's alone, and what it is to tell for all that share it."""
        if self._together is None or "sinkDown" not in notify.on:
            return now_wrong, ()
        own, shared = parted(now_wrong, self._setup.pipeline.table)
        notices = self._together.due(key, notify, shared, now)
        return (now_wrong, ()) if notices is None else (own, notices)

    def _due(
        self,
        notify: Notify,
        before: Told,
        now_wrong: Situation,
        now: float,
        at_once: bool,
        common: tuple[Notice, ...],
    ) -> tuple[Told, Letter | None]:
        notices, known = tell(before.known, now_wrong, notify.on, notify.again.seconds, now, at_once)
        if not notices and not common:
            return Told(known), None
        if now < before.next_try and not at_once and not common:
            return before, None
        letter = letter_of(self._setup.pipeline.key, socket.gethostname(), self._spec, (*notices, *common), now)
        return Told(known), msgspec.structs.replace(letter, body=self._setup.secrets.redact(letter.body))

    def trial(self) -> list[tuple[str, str | None]]:
        """Send a test to all; each service's name, and why it did not go."""
        letter = trial_of(self._setup.pipeline.key, socket.gethostname())
        services: list[Service] = []
        refused: list[tuple[str, str | None]] = []
        for each in self._setup.pipeline.spec.notify:
            try:
                services.append(service_of(each, self._setup.secrets))
            except Unusable as error:
                refused.append((each.name, str(error)))
        answers = self._send([(service, letter) for service in services])
        return [*refused, *((service.name, answer) for service, answer in zip(services, answers, strict=True))]
