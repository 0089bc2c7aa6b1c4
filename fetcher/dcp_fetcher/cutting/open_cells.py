"""A quote that opens a line's last cell and that nobody closes: where the cell ends with its line (ADR 74)."""

from __future__ import annotations

from dcp_fetcher.cutting.labels_read import labels_of
from dcp_fetcher.cutting.marks import Csv
from dcp_pipeline.batch import RAW_KEPT_BYTES
from dcp_pipeline.spec.words.format import Format


def ends_with_its_line(buffer: bytearray, lead_bytes: int, limit: int, form: Format) -> bool:
    """Whether the record behind `lead_bytes` of comments, in which a quote is open up to `limit` or the buffer's end,
    can be told from a cell of many lines that was cut off.

    It can where each whole line behind its own, one at least, has as many cells, more than one, and no quote. Blank
    lines and comments tell nothing, nor does a last line without its end. Stops at the first that is otherwise, so
    that many such records cost no more than their bytes.
    """
    own = Csv.line_end.search(buffer, lead_bytes, limit)
    if own is None or own.end() > RAW_KEPT_BYTES or form.escape_char or not form.quote:
        return False
    quote, delimiter, mark = (each.encode() for each in (form.quote, form.separator, form.comment_char or "\n"))
    cells = len(labels_of(bytes(buffer[lead_bytes : own.start()]) + quote, form))
    found, at = False, own.end()
    while cells > 1 and (end := Csv.line_end.search(buffer, at, limit)) is not None:
        line = bytes(buffer[at : end.start()])
        at = end.end()
        if not line or line.startswith(mark):
            continue
        if quote in line or line.count(delimiter) != cells - 1:
            return False
        found = True
    return found
