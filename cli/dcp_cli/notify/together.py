"""What the pipelines of one `dcp up` have in common: of a database that is away for ten of them a service hears once.

The trouble is a file in the supervisor's folder, one for each cause and service: which pipelines have it, and what was
told. Whoever finds news in it claims it, sends, and says how it went. The claim of one that is killed meanwhile lapses,
and another tells: twice at most, and never not at all.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from filelock import FileLock, Timeout

from dcp_cli.notify.memory import Told, failed
from dcp_cli.notify.sending import LIMIT_SECONDS
from dcp_cli.notify.telling import Notice, tell
from dcp_cli.notify.troubles import Situation, Trouble
from dcp_pipeline.files.durable import write_durably
from dcp_pipeline.spec.expectations.notify import Notify

log = logging.getLogger(__name__)

FOLDER = "notices"
CLAIM_SECONDS = 2 * LIMIT_SECONDS
SILENT_SECONDS = 1800.0
"""Whoever has a trouble looks every ten minutes at the least: one that is silent for longer is gone."""
_LOCK_SECONDS = 5.0
_OWN = 0o600


class Has(msgspec.Struct, frozen=True):
    """A pipeline that has the trouble."""

    text: str
    at: float
    """When it said so last."""


class Common(msgspec.Struct, frozen=True):
    """A trouble of several. Times are seconds since the epoch."""

    pipelines: dict[str, Has] = {}
    told: Told = Told()
    claimed_until: float = 0.0
    claimed_by: str = ""


def cause_of(sink_url: str) -> str:
    """What pipelines may have in common: the database, whoever logs in there."""
    parts = urlsplit(sink_url)
    where = f"{parts.scheme.partition('+')[0]} {parts.hostname} {parts.port} {parts.path}"
    return hashlib.sha256(where.encode()).hexdigest()[:16]


def parted(now_wrong: Situation, table: str) -> tuple[Situation, Trouble | None]:
    """What is one pipeline's alone, and what it may share: a sink that refuses its table is its own trouble."""
    shared = next((each for each in now_wrong.troubles if each.kind == "sinkDown"), None)
    if shared is None or re.search(rf"\b{re.escape(table)}\b", shared.text):
        return now_wrong, None
    own = tuple(each for each in now_wrong.troubles if each is not shared)
    # What was told of it by this pipeline alone is over when the sink is well, not when others share it.
    return Situation(own, now_wrong.known - {"sinkDown"}), shared


class Together:
    """As one pipeline sees it. The lock is held for the time of a read and a write; a message is sent without it."""

    def __init__(self, folder: Path, pipeline: str, cause: str) -> None:
        self._folder, self._pipeline, self._cause = folder / FOLDER, pipeline, cause
        self._claims: dict[str, Common] = {}

    def due(self, service: str, notify: Notify, trouble: Trouble | None, now: float) -> tuple[Notice, ...] | None:
        """Say whether this pipeline has the trouble; what is now to be told, by nobody else. None: the others cannot be
        asked, and whoever has it tells it for itself."""
        claimed: list[Notice] = []
        if trouble is None and not self._path(service).exists():
            return ()

        def changed(before: Common) -> Common:
            pipelines = {name: has for name, has in before.pipelines.items() if now - has.at < SILENT_SECONDS}
            pipelines.pop(self._pipeline, None)
            if trouble is not None:
                pipelines[self._pipeline] = Has(trouble.text, now)
            common = msgspec.structs.replace(before, pipelines=pipelines)
            if now < common.claimed_until:
                return common
            if pipelines and trouble is None:
                return common  # those that have it tell
            situation = Situation((_of_all(pipelines, trouble),) if trouble else (), frozenset({"sinkDown"}))
            notices, known = tell(common.told.known, situation, notify.on, notify.again.seconds, now)
            if not notices:
                return msgspec.structs.replace(common, told=msgspec.structs.replace(common.told, known=known))
            if now < common.told.next_try:
                return common
            entry = common.told.known.get("sinkDown")
            count = max(len(pipelines), entry.count if entry else 0)
            claimed.extend(msgspec.structs.replace(each, pipelines=count) for each in notices)
            self._claims[service] = msgspec.structs.replace(common, told=Told(known))
            return msgspec.structs.replace(common, claimed_until=now + CLAIM_SECONDS, claimed_by=self._pipeline)

        return tuple(claimed) if self._change(service, changed) else None

    def settle(self, service: str, told: bool, now: float) -> None:
        """How it went with what was claimed."""
        claim = self._claims.pop(service, None)
        if claim is None:
            return

        def changed(before: Common) -> Common:
            if before.claimed_by != self._pipeline:
                return before  # it took too long, and another tells
            outcome = claim.told if told else failed(before.told, now)
            return msgspec.structs.replace(before, told=outcome, claimed_until=0.0, claimed_by="")

        self._change(service, changed)

    def _path(self, service: str) -> Path:
        return self._folder / f"{service}-{self._cause}.json"

    def _change(self, service: str, change: Callable[[Common], Common]) -> bool:
        path = self._path(service)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock"), timeout=_LOCK_SECONDS, mode=_OWN):
                before = _read(path)
                after = change(before)
                if after != before:
                    write_durably(path, msgspec.json.encode(after).decode() + "\n")
        except (OSError, Timeout) as error:
            log.warning("what other pipelines were told of is not known, and may be told again: %s", error)
            return False
        return True


def _of_all(pipelines: dict[str, Has], trouble: Trouble) -> Trouble:
    """One trouble for all that have it, by their reasons."""
    if len(pipelines) == 1:
        return trouble
    names: dict[str, list[str]] = {}
    for name, has in sorted(pipelines.items()):
        names.setdefault(has.text, []).append(name)
    text = "; ".join(f"{', '.join(those)}: {why}" for why, those in names.items())
    return msgspec.structs.replace(trouble, text=f"{len(pipelines)} pipelines: {text}", count=len(pipelines))


def _read(path: Path) -> Common:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Common)
    except FileNotFoundError:
        return Common()
    except msgspec.DecodeError as error:
        log.warning("%s cannot be read; what lasts may be told again: %s", path, error)
        return Common()
