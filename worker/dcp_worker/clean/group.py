"""Many small batches cleaned as one: a pass over five records costs as much as one over five thousand.

Their bytes are put one behind the other and read once. Where each batch's first record begins exactly where its bytes
do, each was read as it would have been by itself, for no record knows of another. A batch with a record that is odd to
the reader is cleaned by itself, and so are all of them where the places do not fit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain, repeat
from typing import Protocol

import msgspec
import polars as pl

from dcp_pipeline.batch import Batch
from dcp_pipeline.ledger.model import Reject
from dcp_worker.clean.rejects import rejects_of
from dcp_worker.formats.records import Fault, Reader, Records

AT = "_dcp_at"
"""Column of a group's rows: the number in the group of the batch that a row is of."""
OBJECT = "_dcp_object"
"""Column beside the rows while their identity is made: the id of the object."""
NUMBER = "_dcp_number"
"""The same of the record's number in the object."""


class Account(msgspec.Struct, frozen=True):
    """What became of a batch's records: read = its rows in the group + duplicates + rejects + filtered."""

    batch: Batch
    read: int
    duplicates: int
    rejects: tuple[Reject, ...]
    filtered: int


class CleanedGroup(msgspec.Struct, frozen=True):
    """What became of several batches, by their numbers. `frames` have the rows, one for each set of columns: as those
    of a CleanedBatch, and AT. An identity may stand there more than once, of two batches or of one: which is the first
    is told when it is known which of the batches count."""

    accounts: Mapping[int, Account]
    frames: tuple[pl.DataFrame, ...]

    def part(self, numbers: Sequence[int]) -> CleanedGroup:
        """Some of them."""
        frames = tuple(frame.filter(pl.col(AT).is_in(list(numbers))) for frame in self.frames)
        return CleanedGroup({number: self.accounts[number] for number in numbers}, frames)


def together(groups: Iterable[CleanedGroup]) -> CleanedGroup:
    """Groups of different numbers as one."""
    accounts: dict[int, Account] = {}
    frames: list[list[pl.DataFrame]] = []
    for group in groups:
        accounts.update(group.accounts)
        for frame in group.frames:
            alike = next((some for some in frames if some[0].schema == frame.schema), None)
            if alike is None:
                frames.append([frame])
            else:
                alike.append(frame)
    return CleanedGroup(accounts, tuple(pl.concat(some) for some in frames))


class Counted(Protocol):
    """What became of a batch's records that are no rows."""

    @property
    def rejects(self) -> Sequence[Reject]: ...
    @property
    def read(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def filtered(self) -> int: ...


class Cleaned(Counted, Protocol):
    """What came of a batch that was cleaned by itself: `rows` are the fields, `_dcp_id` and `_dcp_record`, unique by
    `_dcp_id`."""

    @property
    def rows(self) -> pl.DataFrame: ...


def alone(number: int, batch: Batch, cleaned: Cleaned) -> CleanedGroup:
    """A group of one batch, that was cleaned by itself."""
    account = Account(batch, cleaned.read, cleaned.duplicates, tuple(cleaned.rejects), cleaned.filtered)
    return CleanedGroup({number: account}, (cleaned.rows.with_columns(pl.lit(number, pl.Int32).alias(AT)),))


class Joined(msgspec.Struct, frozen=True):
    """Batches whose bytes stand one behind the other, and what was read of them. `firsts` are the places of their first
    records among all; `odd` are those of which the reader could not read a record as it should be."""

    batches: Mapping[int, Batch]
    records: Records
    firsts: Sequence[int]
    odd: frozenset[int]

    def beside(self, object_too: bool) -> pl.DataFrame:
        """For each record AT and NUMBER, and OBJECT where that is asked for."""
        every = self.batches.values()
        numbers = chain.from_iterable(range(each.first_record, each.first_record + each.records) for each in every)
        made = [self._of_each(AT, self.batches, pl.Int32), pl.Series(NUMBER, list(numbers), dtype=pl.Int64)]
        if object_too:
            made.append(self._of_each(OBJECT, [each.object_id for each in every], pl.String))
        return pl.DataFrame(made)

    def accounts(self, faults: Iterable[Fault], left_out: pl.Series, reader: Reader) -> dict[int, Account]:
        """Of those that are not odd; `faults` and `left_out` are of what was read."""
        names, refused = list(self.batches), dict[int, list[Fault]]()
        for fault in faults:
            place = bisect_right(self.firsts, fault.index) - 1
            here = msgspec.structs.replace(fault, index=fault.index - self.firsts[place])
            refused.setdefault(names[place], []).append(here)
        filtered = Counter(names[bisect_right(self.firsts, index) - 1] for index in left_out.to_list())
        made = {}
        for number, batch in self.batches.items():
            if number not in self.odd:
                found = refused.get(number)
                rejects = rejects_of(batch, batch.raw(), found, reader.spans(batch.raw())) if found else ()
                made[number] = Account(batch, batch.records, 0, rejects, filtered[number])
        return made

    def _of_each(self, name: str, values: Iterable[object], dtype: type[pl.DataType]) -> pl.Series:
        counts = [batch.records for batch in self.batches.values()]
        return pl.Series(name, list(chain.from_iterable(map(repeat, values, counts))), dtype=dtype)


def may_be_joined(batch: Batch) -> bool:
    """May other bytes stand behind the batch's own?"""
    return batch.defect is None and not batch.raw().endswith(b"\r")


def joined(batches: Mapping[int, Batch], reader: Reader, header: tuple[str, ...] | None) -> Joined | None:
    """Batches of one header, read at once; None where that does not tell what is whose. Raises what the reader does."""
    raws = [raw if raw.endswith(b"\n") else raw + b"\n" for raw in (batch.raw() for batch in batches.values())]
    firsts = list(accumulate((batch.records for batch in batches.values()), initial=0))
    starts = list(accumulate(map(len, raws), initial=0))
    records = reader.read(b"".join(raws), header)
    if records.count != firsts.pop() or [records.spans[first].start for first in firsts] != starts[:-1]:
        return None
    names = list(batches)
    odd = frozenset(names[bisect_right(firsts, fault.index) - 1] for fault in records.faults)
    return Joined(batches, records, firsts, odd)
