"""What an object's labels are beside those that the spec's fields name: missing, new, or refused. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from dcp_pipeline.spec.checking.order import filled_by_enrichment
from dcp_pipeline.spec.words.cleaning import Cleaning, LabelsDemand

_LISTED_CHARS = 500
_MISSING = "labels that are not there, so that their fields are empty: "
_NEW = "new labels, of which no field is made: "
REMARKS = (_MISSING, _NEW)
"""What remarks about labels begin with."""


class WantedLabels(msgspec.Struct, frozen=True):
    """`needed`: of each field that has no value without a label, the labels of which one is enough. `known`: all that
    any field is made of."""

    needed: tuple[tuple[str, ...], ...]
    known: frozenset[str]
    demand: LabelsDemand = "any"

    @staticmethod
    def of(cleaning: Cleaning) -> WantedLabels:
        """A field that is computed has no label; one that an enrichment fills can do without."""
        filled = filled_by_enrichment(cleaning)
        labelled = [field for field in cleaning.fields if field.compute is None]
        return WantedLabels(
            needed=tuple(field.labels for field in labelled if field.name not in filled),
            known=frozenset(label for field in labelled for label in field.labels),
            demand=cleaning.labels,
        )


class LabelsFound(msgspec.Struct, frozen=True):
    """`missing`: needed and not there, a field's several labels as one. `unused`: there, and no field is made of it;
    `new` are those of them that no earlier object of the source had."""

    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    refused: str | None = None
    """Why the object cannot be read by this spec."""

    @property
    def remark(self) -> str | None:
        """What people should know; None where there is nothing to tell."""
        if self.missing:
            unused = f"; no field is made of {_listed(self.unused)}" if self.unused else ""
            return f"{_MISSING}{_listed(self.missing)}{unused}"
        return f"{_NEW}{_listed(self.new)}" if self.new else None


def remark_in(reason: str | None) -> str:
    """The remark about labels in an object's reason of the ledger; empty where there is none."""
    begins = [at for each in REMARKS if (at := (reason or "").find(each)) >= 0]
    return (reason or "")[min(begins) :] if begins else ""


def labels_found(wanted: WantedLabels, labels: Sequence[str], earlier: Collection[str] | None) -> LabelsFound:
    """`earlier` are the labels of the source's objects before this one; None where it is the first."""
    there = [label for label in labels if label]
    missing = tuple(" or ".join(each) for each in wanted.needed if not _has(there, each))
    unused = tuple(label for label in there if not _is_used(label, wanted.known))
    new = () if earlier is None else tuple(label for label in unused if label not in earlier)
    return LabelsFound(missing, unused, new, _refused(wanted, there, missing, unused))


def _refused(wanted: WantedLabels, there: Sequence[str], missing: Sequence[str], unused: Sequence[str]) -> str | None:
    if wanted.needed and len(missing) == len(wanted.needed):
        # Every value would be NULL: it is an error's text, a file without header, or another report.
        return f"none of the fields' labels ({_listed(missing)}) is there, but: {_listed(there)}"
    if wanted.demand != "any" and missing:
        return f"cleaning.labels is {wanted.demand}, and these are not there: {_listed(missing)}" + (
            f"; no field is made of {_listed(unused)}" if unused else ""
        )
    if wanted.demand == "exact" and unused:
        return f"cleaning.labels is exact, and no field is made of: {_listed(unused)}"
    return None


def _has(there: Sequence[str], alternatives: Sequence[str]) -> bool:
    """Whether one of them is there, or the outermost part of its path."""
    return any(label in there or _head(label) in there for label in alternatives)


def _is_used(label: str, known: Collection[str]) -> bool:
    return label in known or any(_head(each) == label for each in known)


def _head(label: str) -> str:
    """Of `client.address` the key that is looked for in the record, where the whole is no key."""
    head, dot, rest = label.partition(".")
    return head if dot and rest else label


def _listed(labels: Sequence[str]) -> str:
    listed = ", ".join(labels)
    return listed if len(listed) <= _LISTED_CHARS else f"{listed[:_LISTED_CHARS]}... ({len(labels)} labels)"
