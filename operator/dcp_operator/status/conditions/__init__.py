"""The conditions of a pipeline, a file each: what was observed goes in, conditions come out. Pure.

A file has TYPE, the condition's name, and found(seen). Above: seen.py has what is observed, status.py makes a status.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from dcp_operator.status.seen import Found, Observed
from dcp_pipeline.observe.printable import printable
from dcp_pipeline.spec.kubernetes.status import Condition

LONGEST_MESSAGE = 8192
_TIME = "%Y-%m-%dT%H:%M:%SZ"

FILES = (
    "ready",
    "available",
    "progressing",
    "reconciling",
    "stalled",
    "degraded",
    "children_seen",
    "scaling_active",
    "sources",
    "labels",
    "expected",
    "sink",
)

_modules = [importlib.import_module(f"{__name__}.{name}") for name in FILES]
CONDITIONS: dict[str, Callable[[Observed], Found]] = {each.TYPE: each.found for each in _modules}


def conditions_of(seen: Observed, before: Sequence[Condition]) -> tuple[Condition, ...]:
    """All of them; the time of a transition is kept while the status is the same."""
    earlier = {each.type: each for each in before}
    return tuple(_condition(name, found(seen), earlier.get(name), seen) for name, found in CONDITIONS.items())


def _condition(name: str, found: Found, before: Condition | None, seen: Observed) -> Condition:
    same = before is not None and before.status == found.status
    return Condition(
        type=name,
        status=found.status,
        reason=found.reason,
        message=cut(found.message, LONGEST_MESSAGE),
        last_transition_time=before.last_transition_time if same and before else timestamp(seen.now),
        observed_generation=seen.generation,
    )


def cut(text: str, longest: int) -> str:
    """The text, without what would steer a terminal, as long as the CRD takes it."""
    shown = printable(text)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def timestamp(moment: datetime) -> str:
    """As Kubernetes writes times."""
    return moment.strftime(_TIME)


def moment_of(text: str) -> datetime:
    """The moment of a time as Kubernetes writes it."""
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
