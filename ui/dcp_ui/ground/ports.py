"""What the page is given by whoever starts it: the specs, and what the command line does for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from dcp_pipeline.ledger.model import RejectFilter
from dcp_pipeline.setup import Setup


class ActionRefused(Exception):
    """The action was not done; the message says why and what to do."""


class Found(msgspec.Struct, frozen=True):
    """A spec file: what it asks for, or what is wrong with it."""

    path: Path
    setup: Setup | None
    problem: str | None = None


class Tried(msgspec.Struct, frozen=True):
    """A reject as the spec would have it now: a row, a reject again, a duplicate of an earlier one, or filtered."""

    record: int
    uri: str
    raw: bytes
    row: Mapping[str, Any] | None
    code: str | None
    field: str | None
    reason: str | None
    filtered: bool = False


class Load(msgspec.Struct, frozen=True):
    """What came to a queue: (seconds from the start, batches), ascending; and until when it is watched."""

    arrivals: tuple[tuple[float, int], ...]
    seconds: float
    service_seconds: float
    """How long a batch takes a worker."""


class Simulated(msgspec.Struct, frozen=True):
    """What the spec's scaling would have decided, `at` seconds from the load's start."""

    at: float
    replicas: int
    reason: str


class Replayed(msgspec.Struct, frozen=True):
    """What a replay did."""

    replayed: int
    written: int
    duplicates: int
    filtered: int
    rejected: int
    cut_off: int


class Desk(Protocol):
    """The specs, and what may be done. Called in threads; each action may raise ActionRefused, or what it stands on."""

    def specs(self) -> Sequence[Found]:
        """The specs as their files are now."""

    def embedded_url(self, setup: Setup) -> str | None:
        """Where the queue inside a `dcp run` of this machine answers."""

    def simulate(self, setup: Setup, load: Load) -> Sequence[Simulated]:
        """`dcp simulate` of a load: the changes of the number of workers."""

    def try_again(self, setup: Setup, wanted: RejectFilter, limit: int) -> Sequence[Tried]:
        """Clean some rejects by the spec as it is now; nothing is written."""

    def replay(self, setup: Setup, wanted: RejectFilter) -> Replayed:
        """`dcp rejects replay`."""

    def requeue(self, setup: Setup, batches: Sequence[str]) -> str:
        """`dcp dead requeue`; what came of it."""

    def forget(self, setup: Setup, objects: Sequence[str]) -> str:
        """`dcp objects forget`."""

    def release(self, setup: Setup, objects: Sequence[str]) -> str:
        """`dcp objects release`."""

    def drop(self, setup: Setup, objects: Sequence[str]) -> str:
        """`dcp objects drop`."""

    def reread(self, setup: Setup, objects: Sequence[str]) -> str:
        """`dcp objects reread`."""
