"""Files that cannot be cut as they are, made into text that can: other encodings, JSON arrays, tables."""

from __future__ import annotations

from dcp_fetcher.ground.labels import LabelsMet
from dcp_fetcher.opening.decompress import Ahead, Readable
from dcp_fetcher.opening.encodings import Transcoded
from dcp_fetcher.opening.json_array import JsonArray, JsonValues
from dcp_pipeline.spec.format import Format


def as_lines(stream: Ahead, form: Format, parts: bool = False, met: LabelsMet | None = None) -> Readable:
    """Text of one record a line, or of csv records, in an encoding that keeps ASCII. `met` is told a table's labels.

    Its read() raises DamagedError where the file is not what the format says, or says that it is only a part and
    `parts` will not do.
    """
    if form.type == "xlsx":
        from dcp_fetcher.opening.tables.spreadsheet import sheet_lines

        return sheet_lines(stream, form, met or LabelsMet())
    if form.type == "parquet":
        from dcp_fetcher.opening.tables.parquet import parquet_lines

        return parquet_lines(stream, met or LabelsMet())
    text: Readable = Transcoded(stream, form.encoding) if form.transcoded else stream
    if form.concatenated:
        return JsonValues(text)
    if form.type != "json":
        return text
    return JsonArray(text, form.items, form.max_record_bytes.bytes, parts)
