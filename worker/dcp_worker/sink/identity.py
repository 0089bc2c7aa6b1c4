"""What a table's rows are identified by, as the ledger records it. Rows identified in two ways could not be told to be
duplicates of each other."""

from __future__ import annotations

import msgspec

from dcp_pipeline.spec.model import Cleaning
from dcp_worker.ground.fingerprint import FINGERPRINT_BYTES, FINGERPRINT_VERSION, ORDERED_VERSION
from dcp_worker.ground.order import ORDER_BYTES

PLAIN = FINGERPRINT_BYTES
"""Bytes of an identity that does not begin with its order."""


class Identity(msgspec.Struct, frozen=True, omit_defaults=True):
    """`ordered_by` is the field whose order identities begin with; of one that is ordered and has none it is the
    record's place."""

    fingerprint: int
    unique: tuple[str, ...]
    ordered_by: str | None = None

    @property
    def ordered(self) -> bool:
        return self.fingerprint == ORDERED_VERSION

    @property
    def bytes(self) -> int:
        return id_bytes(self.ordered)


def id_bytes(ordered: bool) -> int:
    """The length of an identity."""
    return PLAIN + (ORDER_BYTES if ordered else 0)


def identity_of(cleaning: Cleaning, ordered: bool) -> Identity:
    """The identity of a spec's rows; `ordered` where it can be, which needs a field for it, or no unique fields."""
    field = cleaning.ordered_by
    if not ordered or (cleaning.unique and field is None):
        return Identity(FINGERPRINT_VERSION, cleaning.unique)
    return Identity(ORDERED_VERSION, cleaning.unique, None if field is None else field.name)


def words(identity: Identity) -> str:
    """For people."""
    fields = ", ".join(identity.unique) or "object and record number"
    order = f", in the order of {identity.ordered_by}" if identity.ordered_by else ""
    return f"{fields} (fingerprint version {identity.fingerprint}{order})"
