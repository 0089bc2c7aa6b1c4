"""The labels of an object beside those of the spec, once they are known.

What is missing or new is told; an object that has none of them, or not what cleaning.labels demands, is refused.

Tables and csv say their labels; of JSON the keys of the first records count, of which some may be in few records only:
there a label is missing only if earlier objects of the source had it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec.structs import replace

from dcp_fetcher.cutting.header import Header, HeaderError
from dcp_fetcher.cutting.split import RawCut
from dcp_fetcher.ground.labels_met import LabelsMet
from dcp_fetcher.ground.progress import Progress
from dcp_pipeline.ledger.model import SourceObject
from dcp_pipeline.spec.wanted_labels import LabelsFound, WantedLabels, labels_found, remark_in
from dcp_pipeline.spec.words.format import Format

log = logging.getLogger(__name__)

_SAMPLE_BYTES = 64 * 1024
_RECORD = msgspec.json.Decoder(dict[str, msgspec.Raw])


class LabelsRefused(HeaderError):
    """The object has none of the fields' labels, or not those that cleaning.labels demands."""


class SourceLabels:
    """What a source's objects had for labels, and what is made of the next one's. Thread-safe."""

    def __init__(
        self, source: str, wanted: WantedLabels, headers: Callable[[], Iterable[tuple[str, ...]]], progress: Progress
    ) -> None:
        self._source, self._wanted, self._headers, self._progress = source, wanted, headers, progress
        self._lock = threading.Lock()
        self._earlier: set[str] | None = None
        self._first = False

    def judge(self, labels: Sequence[str], sampled: bool) -> LabelsFound:
        """What this object's labels are; from now on they are earlier ones."""
        with self._lock:
            if self._earlier is None:
                headers = list(self._headers())
                self._earlier, self._first = {label for header in headers for label in header}, not headers
            found = labels_found(self._wanted, labels, None if self._first else self._earlier)
            if sampled and not found.refused:
                before = self._earlier
                seen = tuple(each for each in found.missing if before & set(each.split(" or ")))
                found = replace(found, missing=seen)
            if not found.refused:
                self._earlier.update(labels)
                self._first = False
            self._progress.labels(self._source, found)
        return found


class ObjectLabels:
    """Those of one object; `met` is filled while it is opened."""

    def __init__(self, source: SourceLabels, met: LabelsMet, form: Format, growing: bool) -> None:
        self._source, self._met, self._form, self._growing = source, met, form, growing
        self._judged: LabelsFound | None = None

    def known(self, header: Header | None, cuts: Sequence[RawCut]) -> tuple[str, ...] | None:
        """The labels, once they are known."""
        if header is not None and header.labels:
            return header.labels
        if self._met.labels is None and self._form.sampled and cuts:
            return _keys(cuts[0].raw)
        return self._met.labels

    def check(self, labels: tuple[str, ...], uri: str) -> None:
        """Tell what is missing or new. Raises LabelsRefused."""
        sampled = self._form.sampled
        self._judged = self._source.judge(labels, sampled)
        if self._judged.refused and not (sampled and self._growing):
            raise LabelsRefused(self._judged.refused)
        if self._judged.remark:
            log.warning("%s", self._judged.remark, extra={"uri": uri})

    def remark(self, recorded: SourceObject) -> str:
        """What the ledger is to say of an object that was read to its end: empty where there is nothing to tell."""
        if self._judged is None:  # it was begun before
            return remark_in(recorded.reason)
        return self._judged.remark or ""


def _keys(raw: bytes) -> tuple[str, ...] | None:
    """The keys of the first records; None where none of them is an object."""
    keys: dict[str, None] = {}
    lines = raw[:_SAMPLE_BYTES].split(b"\n")
    for line in lines[:-1] if len(raw) > _SAMPLE_BYTES and len(lines) > 1 else lines:
        try:
            keys.update(dict.fromkeys(_RECORD.decode(line)))
        except (msgspec.DecodeError, RecursionError):
            continue
    return tuple(keys) or None
