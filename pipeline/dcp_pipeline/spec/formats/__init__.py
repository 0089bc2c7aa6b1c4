"""The types of files, as sources[].format.type names them. FILES lists them; a file of this folder has KINDS.

Words that several types share are in spec/words/format.py; those of one type only are its kind's `own`. What does the
work is found by the file's name: dcp_fetcher.opening.kinds where a type is made into lines, dcp_worker.formats.kinds
where its lines are taken apart. docs/formats.md shows each with an example.
"""

from __future__ import annotations

import importlib

from dcp_pipeline.spec.formats.listed import Kind

FILES = (
    "csv",
    "ndjson",
    "json",
    "regex",
    "fixed",
    "syslog",
    "accesslog",
    "xlsx",
    "parquet",
)

_found = {name: importlib.import_module(f"{__name__}.{name}").KINDS for name in FILES}
KINDS: dict[str, Kind] = {type_: kind for kinds in _found.values() for type_, kind in kinds.items()}
FILE_OF = {type_: name for name, kinds in _found.items() for type_ in kinds}
"""Type, as people write it: the file that has it, here and in fetcher and worker."""
