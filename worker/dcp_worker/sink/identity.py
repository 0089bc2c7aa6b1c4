"""What a table's rows are identified by, as the ledger records it. Rows identified in two ways could not be told to be
duplicates of each other."""

from __future__ import annotations

import msgspec
import polars as pl

from dcp_pipeline.database.horizon import FIRST
from dcp_pipeline.spec.model import Cleaning, FieldType
from dcp_worker.ground.fingerprint import FINGERPRINT_BYTES, FINGERPRINT_VERSION, ORDERED_VERSION
from dcp_worker.ground.order import ORDER_BYTES
from dcp_worker.sink.shape import ID

PLAIN = FINGERPRINT_BYTES
"""Bytes of an identity that does not begin with its order."""


class Identity(msgspec.Struct, frozen=True, omit_defaults=True):
    """`ordered_by` is the field whose order identities begin with; of one that is ordered and has none it is the
    record's place. `kind` is that field's type; None where it was recorded before types were."""

    fingerprint: int
    unique: tuple[str, ...]
    ordered_by: str | None = None
    kind: FieldType | None = None

    @property
    def ordered(self) -> bool:
        return self.fingerprint == ORDERED_VERSION

    @property
    def bytes(self) -> int:
        return id_bytes(self.ordered)


def id_bytes(ordered: bool) -> int:
    """The length of an identity."""
    return PLAIN + (ORDER_BYTES if ordered else 0)


def young(rows: pl.DataFrame, horizon: str) -> tuple[pl.DataFrame, int]:
    """Rows that have not expired, and how many have: those below the horizon, but for those that have no time."""
    if not horizon or not rows.height:
        return rows, 0
    old = pl.col(ID).is_between(pl.lit(bytes.fromhex(FIRST)), pl.lit(bytes.fromhex(horizon)), closed="left")
    kept = rows.filter(~old)
    return kept, rows.height - kept.height


def identity_of(cleaning: Cleaning, ordered: bool) -> Identity:
    """The identity of a spec's rows; `ordered` where it can be, which needs a field for it, or no unique fields."""
    field = cleaning.ordered_by
    if not ordered or (cleaning.unique and field is None):
        return Identity(FINGERPRINT_VERSION, cleaning.unique)
    if field is None:
        return Identity(ORDERED_VERSION, cleaning.unique)
    return Identity(ORDERED_VERSION, cleaning.unique, field.name, field.type)


def identity_kept(cleaning: Cleaning, recorded: Identity) -> Identity:
    """The identity of a spec's rows in a table that was begun: by the field it was begun with, while that is one of
    unique and stored, whichever a new table would take."""
    if recorded.ordered_by is not None and recorded.ordered_by in cleaning.unique:
        for field in cleaning.columns:
            if field.name == recorded.ordered_by and field.type in ("date", "datetime", "integer"):
                return Identity(ORDERED_VERSION, cleaning.unique, field.name, field.type)
    return identity_of(cleaning, ordered=recorded.ordered)


def same(recorded: Identity, wanted: Identity) -> bool:
    """Whether rows of both can be told to be duplicates of each other."""
    kind = recorded.kind or wanted.kind
    return Identity(recorded.fingerprint, recorded.unique, recorded.ordered_by, kind) == wanted


def words(identity: Identity) -> str:
    """For people."""
    fields = ", ".join(identity.unique) or "object and record number"
    kind = f" ({identity.kind})" if identity.kind else ""
    order = f", in the order of {identity.ordered_by}{kind}" if identity.ordered_by else ""
    return f"{fields} (fingerprint version {identity.fingerprint}{order})"
