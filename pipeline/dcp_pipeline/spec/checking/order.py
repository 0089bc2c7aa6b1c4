"""In which order fields are made: one that is computed, or filled by an enrichment, comes after what it reads. Pure.

Fields that wait for an enrichment, directly or through others, are `late`; the others are early. checks.py refuses
a spec in which fields wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from dcp_pipeline.spec.model import Cleaning

Reads = Mapping[str, frozenset[str]]


def reads_of(cleaning: Cleaning) -> Reads:
    """For each field the fields that it reads."""
    reads = {each.name: set(each.compute.sources if each.compute else ()) for each in cleaning.fields}
    for step in cleaning.enrich:
        if (settings := step.settings) is not None:
            for name in settings.fills:
                reads.setdefault(name, set()).add(settings.reads)
    return {name: frozenset(sources) for name, sources in reads.items()}


def filled_by_enrichment(cleaning: Cleaning) -> frozenset[str]:
    """The fields that an enrichment may fill."""
    return frozenset(name for step in cleaning.enrich if step.settings for name in step.settings.fills)


def late_fields(cleaning: Cleaning) -> frozenset[str]:
    """The fields that can be made only after the enrichment."""
    reads, late = reads_of(cleaning), set(filled_by_enrichment(cleaning))
    for name in ordered(reads):
        if reads.get(name, frozenset()) & late:
            late.add(name)
    return frozenset(late)


def ordered(reads: Reads) -> tuple[str, ...]:
    """The fields, each after those that it reads.

    Raises CycleError; cycle_of says beforehand whether it will.
    """
    return tuple(TopologicalSorter(reads).static_order())


def cycle_of(reads: Reads) -> tuple[str, ...]:
    """Fields each of which reads the next, the last being the first again; empty where there are none."""
    try:
        ordered(reads)
    except CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()


def origins(names: Iterable[str], reads: Reads) -> frozenset[str]:
    """The fields themselves and all that they are made of."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += reads.get(name, ())
    return frozenset(found)
