"""Labels that change inside an object: by a comment above a record, by a header further down that has them in another
order (files that were put one behind the other), or because another file of an archive begins.

A batch has one header, so that a change ends the batch before it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from dcp_fetcher.cutting.labels_read import Relabelled, labels_in_comment, labels_of
from dcp_fetcher.cutting.marks import Dialect, Marks
from dcp_fetcher.ground.errors import DamagedError
from dcp_pipeline.spec.words.format import Format

MOST_CHANGES = 10_000
_TOLD_FROM = 3
"""So many labels in another order are a header; of two, a record may have them for values."""

Labels = tuple[str, ...]


class LabelWatch:
    """The labels that hold where cutting stands. `announced` may grow while the object is read."""

    def __init__(self, form: Format, dialect: Dialect, labels: Labels | None, announced: Sequence[Relabelled]) -> None:
        self.labels = labels
        self._form, self._dialect, self._announced = form, dialect, announced
        self._next = self._changes = 0
        self._mark = (form.comment_char or "").encode() if form.commented_header else b""
        self._headed = form.delimited and form.header and not form.commented_header
        self._comment = re.compile(rb"(?:\A|(?<=[\r\n]))%b[^\r\n]*" % re.escape(self._mark))

    def change(self, buffer: bytearray, found: Marks, offset: int) -> tuple[int, Labels] | None:
        """The first of the complete records that has other labels, or the one behind them. `offset`: the buffer's."""
        changes = [self._announced_change(buffer, found, offset)]
        if self._mark and self._mark in buffer:
            changes.append(self._commented_change(buffer, found))
        if self._headed and self.labels is not None and len(self.labels) >= _TOLD_FROM:
            changes.append(self._headed_change(buffer, found, self.labels))
        return min((each for each in changes if each is not None), default=None)

    def before_the_rest(self, buffer: bytearray, offset: int) -> Labels | None:
        """Other labels of the record at the buffer's start, which is not complete."""
        lead = self._dialect.lead(buffer)
        told = self._next_announced()
        announced = told.labels if told and told.offset <= offset + lead else None
        labels = (self._newest(buffer[:lead]) if self._mark and lead else None) or announced
        return labels if labels != self.labels else None

    def take(self, labels: Labels) -> None:
        """From here on they hold. Raises DamagedError where that happens without end."""
        self.labels = labels
        self._changes += 1
        if self._changes > MOST_CHANGES:
            raise DamagedError(f"its labels change more than {MOST_CHANGES} times: is the format right?")

    def _next_announced(self) -> Relabelled | None:
        while self._next < len(self._announced) and self._announced[self._next].labels == self.labels:
            self._next += 1
        return self._announced[self._next] if self._next < len(self._announced) else None

    def _announced_change(self, buffer: bytearray, found: Marks, offset: int) -> tuple[int, Labels] | None:
        told = self._next_announced()
        at = max(0, told.offset - offset) if told else 0
        if told is None or at > found.end:
            return None
        record = found.marks.rfind(b"\n", 0, at) + 1
        if at > record + self._dialect.lead(buffer[record : found.end]):  # inside a record that began before
            record = found.marks.find(b"\n", at, found.end) + 1
        return record, told.labels

    def _commented_change(self, buffer: bytearray, found: Marks) -> tuple[int, Labels] | None:
        newest: dict[int, Labels] = {}
        known = self.labels
        for comment in self._comment.finditer(buffer, 0, found.end):
            labels = labels_in_comment(comment[0], self._form, known)
            record = found.marks.rfind(b"\n", 0, comment.start()) + 1
            if labels is not None and comment.start() < record + self._dialect.lead(buffer[record : found.end]):
                newest[record] = known = labels
        return next(((record, labels) for record, labels in newest.items() if labels != self.labels), None)

    def _headed_change(self, buffer: bytearray, found: Marks, labels: Labels) -> tuple[int, Labels] | None:
        """Behind a header in another order. It is the first of its batch, so that whoever goes on there sees it."""
        words = [each.encode(self._form.text_encoding, errors="replace") for each in labels]
        rarest = max(words, key=len)
        at = buffer.find(rarest, 0, found.end) if rarest else -1
        while at >= 0:
            record, end = found.marks.rfind(b"\n", 0, at) + 1, found.marks.find(b"\n", at, found.end) + 1
            line = bytes(buffer[record:end])
            if all(each in line for each in words):
                now = labels_of(
                    line[self._dialect.lead(buffer[record:end]) :].removeprefix(codecs.BOM_UTF8), self._form
                )
                if now != labels and sorted(now) == sorted(labels):
                    return record, now
            at = buffer.find(rarest, end, found.end)
        return None

    def _newest(self, lead: bytearray) -> Labels | None:
        known, found = self.labels, None
        for comment in self._comment.finditer(lead):
            labels = labels_in_comment(comment[0], self._form, known)
            if labels is not None:
                known = found = labels
        return found
