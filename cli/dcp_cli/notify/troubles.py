"""What is wrong with a pipeline now, as troubles that have a name for as long as they last. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from dcp_pipeline.ledger.looking.sight import Failed, Sight
from dcp_pipeline.ledger.model import ObjectState
from dcp_pipeline.spec.expectations.notify import KINDS, Kind

SINK_SETTLES_SECONDS = 60.0
"""A database that is restarted is nobody's trouble."""
SOURCE_SETTLES_SECONDS = 900.0
STALE_SETTLES_SECONDS = 300.0
"""A machine that was off for two days has first to look at its sources."""
_LONGEST = 400


class Trouble(msgspec.Struct, frozen=True):
    """One thing that is wrong."""

    kind: Kind
    about: str
    """Stays the same while it lasts."""
    text: str
    count: int = 1
    settles_seconds: float = 0.0
    """It is told when it has lasted for so long."""


class Situation(msgspec.Struct, frozen=True):
    """What is wrong; and of which kinds all of it is known, so that what is not named is over."""

    troubles: tuple[Trouble, ...]
    known: frozenset[Kind]


def situation_of(
    seen: Sight | None, sink: str | None, sources: Mapping[str, str | None], sources_known: bool = True
) -> Situation:
    """`seen` None: the ledger could not be read, as `sink` says. `sources`: what keeps each from being read."""
    found: list[Trouble] = []
    known: set[Kind] = {"sinkDown"}
    if sink is not None:
        text = f"the sink cannot be used: {_cut(sink)}"
        found.append(Trouble("sinkDown", "sinkDown", text, settles_seconds=SINK_SETTLES_SECONDS))
    if seen is not None:
        known = set(KINDS)
        found.extend(_of_ledger(seen))
        if not sources_known:
            known.discard("unavailable")
        found.extend(_of_sources(sources))
    return Situation(tuple(found), frozenset(known))


def _of_ledger(seen: Sight) -> Iterator[Trouble]:
    for each in seen.expected:
        if not each.met:
            if each.about == "maxRejected":
                yield Trouble("rejects", each.about, _cut(each.reason))
            elif each.about.startswith("unusual/"):
                yield Trouble("unusual", each.about, _cut(each.reason))
            else:
                yield Trouble("stale", each.about, _cut(each.reason), settles_seconds=STALE_SETTLES_SECONDS)
    if seen.dead_batches:
        text = f"{seen.dead_batches:,} batches with {seen.dead_records:,} records were given up: {_named(seen.dead)}"
        yield Trouble("dead", "dead", text, seen.dead_batches)
    if count := seen.objects.get(ObjectState.UNAVAILABLE, 0):
        text = f"{count:,} objects could not be read whole: {_named(seen.unavailable)}"
        yield Trouble("unavailable", "unavailable", text, count)


def _of_sources(sources: Mapping[str, str | None]) -> Iterator[Trouble]:
    for name, problem in sorted(sources.items()):
        if problem:
            text = f"source {name} cannot be read: {_cut(problem)}"
            yield Trouble("unavailable", f"source/{name}", text, settles_seconds=SOURCE_SETTLES_SECONDS)


def _named(failed: tuple[Failed, ...]) -> str:
    """The latest; those that have one cause, once."""
    causes: dict[str, list[str]] = {}
    for each in failed:
        causes.setdefault(each.why.replace(each.what, "").lstrip(": "), []).append(each.what)
    return _cut("; ".join(f"{what[0]}{', ...' if len(what) > 1 else ''}: {why}" for why, what in causes.items()))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
