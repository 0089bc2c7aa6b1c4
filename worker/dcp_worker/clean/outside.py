"""What transforms take from outside the spec: the values of Secrets, and tables in files."""

from __future__ import annotations

import csv
import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from dcp_pipeline.spec.part import SecretKeyRef
from dcp_pipeline.spec.transforms.values import Lookup
from dcp_worker.ground.errors import PlanError

log = logging.getLogger(__name__)

Table = Callable[[], Mapping[str, str]]
_Stamp = tuple[int, int, int]


class Outside(Protocol):
    """The world outside the spec."""

    def secret(self, ref: SecretKeyRef) -> str:
        """The text of a Secret's key; raises SecretMissing."""

    def table(self, lookup: Lookup, path: str) -> Table:
        """The table of a lookup as it is now; raises PlanError naming `path` where it cannot be read at first."""


class Reachable:
    """Secrets and files as this process sees them. `located` turns a path of the spec into a file's. Thread-safe."""

    def __init__(self, secret: Callable[[SecretKeyRef], str], located: Callable[[str], Path]) -> None:
        self._secret, self._located = secret, located

    def secret(self, ref: SecretKeyRef) -> str:
        return self._secret(ref)

    def table(self, lookup: Lookup, path: str) -> Table:
        return LookupFile(self._located(lookup.path), lookup, path).current


class Pretended:
    """For checking a spec where its Secrets and files need not be: no row may come of it."""

    def secret(self, ref: SecretKeyRef) -> str:
        return "no secret"

    def table(self, lookup: Lookup, path: str) -> Table:
        return dict


class Unreachable:
    """Where there is no world outside; raises PlanError when it is asked for."""

    def secret(self, ref: SecretKeyRef) -> str:
        raise PlanError("spec.cleaning.fields", f"names the Secret {ref.name}, which cannot be read here")

    def table(self, lookup: Lookup, path: str) -> Table:
        raise PlanError(path, "files cannot be read here")


class LookupFile:
    """A CSV file in memory. A new one that replaces it is read; one that cannot be read leaves the old in use."""

    def __init__(self, file: Path, lookup: Lookup, path: str) -> None:
        self._file, self._lookup = file, lookup
        self._lock = threading.Lock()
        self._complained = False
        try:
            self._stamp = _stamp_of(file)
            self._values = _read(file, lookup)
        except (OSError, ValueError, csv.Error) as error:
            raise PlanError(f"{path}.path", f"{file} cannot be used: {error}") from error

    def current(self) -> Mapping[str, str]:
        """Key: value, as the file is now."""
        with self._lock:
            try:
                stamp = _stamp_of(self._file)
                if stamp != self._stamp:
                    self._values = _read(self._file, self._lookup)
                    self._stamp, self._complained = stamp, False
            except (OSError, ValueError, csv.Error) as error:
                if not self._complained:  # it is asked with every batch
                    log.warning("lookup table cannot be read; the old one stays", extra={"error": str(error)})
                self._complained = True
            return self._values


def _stamp_of(file: Path) -> _Stamp:
    seen = file.stat()
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


def _read(file: Path, lookup: Lookup) -> Mapping[str, str]:
    """Raises ValueError where a label is absent, or a key stands there with two values."""
    values: dict[str, str] = {}
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = csv.DictReader(opened, delimiter=lookup.delimiter, restval="")
        for label in (lookup.key, lookup.value):
            if label not in (rows.fieldnames or ()):
                raise ValueError(f"there is no column {label!r} among {', '.join(rows.fieldnames or ('none',))}")
        for row in rows:
            key, value = row[lookup.key], row[lookup.value]
            if "\0" in value:
                raise ValueError(f"line {rows.line_num}: the value holds a NUL")
            if values.setdefault(key, value) != value:
                raise ValueError(f"line {rows.line_num}: the key {key!r} has another value above")
    return values
