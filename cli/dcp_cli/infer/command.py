"""`dcp infer`: read a sample, tell its layout, read its records as a worker will, tell their types, print the draft."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import polars as pl
import yaml

from dcp_cli.infer.columns import guess, missing_in
from dcp_cli.infer.draft import draft_of, yaml_of
from dcp_cli.infer.encoding import one_byte, readings
from dcp_cli.infer.layout import Layout, layout_of
from dcp_cli.infer.trial import MOST_BYTES, tried
from dcp_cli.options import print_json
from dcp_cli.shown.say import hand_out, say
from dcp_fetcher.ground.errors import FetchError
from dcp_fetcher.ground.wall import in_words
from dcp_fetcher.opening.as_lines import type_beginning
from dcp_fetcher.opening.encodings import SAMPLE_BYTES, sniff
from dcp_fetcher.sample import Head, Spread, head, spread
from dcp_pipeline.process.exit_codes import DONE, FAILED
from dcp_pipeline.setup import Setup, load_setup
from dcp_pipeline.spec.errors import SpecInvalid
from dcp_pipeline.spec.model import API_VERSION, KIND, Source
from dcp_pipeline.spec.sources import KINDS
from dcp_worker.formats.readers import known_labels, reader_of
from dcp_worker.formats.records import cell_column

_HEAD_BYTES = 256 * 1024
_MOST_LABELS = 200
_MOST_TITLES = 10
_UNFORESEEN = (LookupError, ValueError, TypeError, RecursionError, MemoryError, pl.exceptions.PolarsError)
"""What odd files make a library raise: no draft, and no trace."""


def infer_spec(where: str, records: int, name: str | None, output: str) -> int:
    """Print the draft of a spec for what is there; the exit code: 1 where it cannot be read, or no draft made of it."""
    try:
        return _infer(where, records, name or name_of(where), output)
    except FetchError as error:
        say(f"dcp: {where}: {error}", err=True)
    except (SpecInvalid, *_UNFORESEEN) as error:
        say(f"dcp: {where}: no draft can be made of it: {in_words(error)}; begin with a spec of docs/spec.md", err=True)
    return FAILED


def _infer(where: str, records: int, name: str, output: str) -> int:
    source = _source(where)
    setup = _setup(name, source, {})
    layout = _layout(head(setup, _source_of(setup), _HEAD_BYTES))
    setup = _setup(name, source, layout.words)
    taken = spread(setup, _source_of(setup), records, MOST_BYTES)
    if layout.words["type"] == "xlsx":
        setup, taken = _below_titles(setup, taken, layout, lambda words: _setup(name, source, words), records)
    if where.endswith("/") or Path(where).is_dir():
        layout.note(f"CHECK the other files: only {unquote(taken.uri.rsplit('/', 1)[-1])} was looked at", sure=False)
    columns = _columns(taken, _source_of(setup))
    if len(columns) > _MOST_LABELS:
        layout.note(f"CHECK: the first {_MOST_LABELS} of {len(columns)} columns; a table has no more", sure=False)
        columns = dict(list(columns.items())[:_MOST_LABELS])
    if not any(columns.values()):
        say(f"dcp: {where}: none of its first records can be read as {layout.words.get('type')}", err=True)
        return FAILED
    missing = missing_in(list(columns.values()))
    guesses = [guess(label, cells, missing) for label, cells in columns.items()]
    draft = tried(draft_of(name, source, layout, guesses, missing), layout, taken)
    text = yaml_of(draft)
    if output == "json":
        print_json({"spec": draft.document, "format": draft.format_seen, "fields": draft.fields_seen,
                    "unique": draft.key_seen, "sure": layout.sure, "yaml": text})  # fmt: skip
    else:
        hand_out(text)
    return DONE


def _below_titles(
    setup: Setup, taken: Spread, layout: Layout, setup_of: Callable[[dict[str, Any]], Setup], records: int
) -> tuple[Setup, Spread]:
    """A sheet whose first row has one cell, over several columns, has a title there, and its labels further down."""
    found = (setup, taken)
    for skipped in range(_MOST_TITLES + 1):
        if skipped:
            setup = setup_of({**layout.words, "skipRows": skipped})
            taken = spread(setup, _source_of(setup), records, MOST_BYTES)
        labels = _labels(taken, _source_of(setup))
        if sum(not re.fullmatch(r"col\d+", label) for label in labels) > 1:
            if skipped:
                layout.words["skipRows"] = skipped
                layout.note(f"CHECK: the first {skipped} rows are no table", sure=False)
            return setup, taken
        if len(labels) < 2:
            break
    return found


def _source(where: str) -> dict[str, Any]:
    for name, kind in KINDS.items():
        if (settings := kind.drafted(where)) is not None:
            return {name: settings}
    return {"file": {"path": str(Path(where).resolve())}}


def name_of(where: str) -> str:
    """The file's, in letters that a name may have; where others fall away, with a digest of it. For pipelines of one
    name beside each other share table and books.
    """
    stem = Path(unquote(urlsplit(where).path)).name.split(".")[0] or urlsplit(where).hostname or "feed"
    name = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:56].strip("-") or "feed"
    digest = blake2b(stem.encode(errors="surrogateescape"), digest_size=3).hexdigest()
    return name if stem.isascii() else f"{name}-{digest}"


def _setup(name: str, source: dict[str, Any], words: dict[str, Any]) -> Setup:
    """As for a spec of the same source; its fields don't matter yet. It may be led to any public host."""
    source = {kind: {**where, "allow": ["*"]} if kind == "http" else where for kind, where in source.items()}
    document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {
            "sources": [{"name": "feed", **source, "format": words}],
            "cleaning": {"fields": [{"name": "any"}], "unique": ["any"]},
        },
    }
    with tempfile.NamedTemporaryFile("w", prefix="dcp-infer-", suffix=".yaml") as file:
        yaml.safe_dump(document, file)
        file.flush()
        return load_setup(file.name, {})


def _source_of(setup: Setup) -> Source:
    return setup.pipeline.spec.sources[0]


def _layout(found: Head) -> Layout:
    table = type_beginning(found.magic)
    if table:
        return Layout({"type": table}, [f"the file starts like {table}"])
    sniffed = sniff(found.start[:SAMPLE_BYTES], found.whole and len(found.start) <= SAMPLE_BYTES)
    encoding, rivals = readings(found.start[:SAMPLE_BYTES], sniffed.encoding or "cp1252")
    layout = layout_of(found.start.decode(encoding, errors="replace"), found.whole)
    if encoding != "utf-8":
        layout.words["encoding"] = encoding
    if sniffed.encoding is None or one_byte(encoding):
        others = f"; it may be {' or '.join(rivals)} as well" if rivals else ""
        layout.note(f"CHECK the encoding: {sniffed.why}{others}; {encoding} is a guess", sure=False)
    else:
        layout.note(f"encoding: {sniffed.why}")
    return layout


def _columns(taken: Spread, source: Source) -> dict[str, list[str | None]]:
    """The cells by label, of the records that can be read."""
    labels = _labels(taken, source)
    reader = reader_of(source.format, tuple(labels))
    columns: dict[str, list[str | None]] = {label: [] for label in labels}
    for batch in taken.batches:
        if batch.defect is not None:
            continue
        cells = reader.read(batch.raw(), batch.header or known_labels(source.format)).cells
        for label, column in columns.items():
            name = cell_column(label)
            column += cells[name].to_list() if name in cells.columns else [None] * cells.height
    return columns


def _labels(taken: Spread, source: Source) -> Sequence[str]:
    known = known_labels(source.format) or taken.batches[0].header
    if known is not None:
        return [label for label in dict.fromkeys(known) if label]
    reader, found = reader_of(source.format, ()), dict[str, None]()
    for batch in taken.batches:
        raw = batch.raw()
        for span in reader.spans(raw):
            found |= dict.fromkeys(_keys(raw[span.start : span.end]))
    return list(found)


def _keys(record: bytes) -> list[str]:
    """The keys of an object, and the dotted paths of the objects in it."""
    try:
        values = msgspec.json.decode(record, type=dict[str, Any])
    except msgspec.DecodeError:
        return []
    paths: list[str] = []
    for key, value in values.items():
        inner = isinstance(value, dict) and value and all(not isinstance(each, dict | list) for each in value.values())
        paths += [f"{key}.{each}" for each in value] if inner else [key]
    return paths
