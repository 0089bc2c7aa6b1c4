"""Files that a crash or a full disk leaves whole: as they were, or as they were to be."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_durably(path: Path, text: str) -> None:
    """Put a file with this text at `path`: written beside it, forced to disk, renamed into place.

    A link that stands there is replaced, never followed. Raises OSError; what stood there then stands there still.
    """
    try:
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
            made = Path(file.name)
            try:
                file.write(text.encode())
                file.flush()
                put_in_place(made, path)
            except BaseException:
                made.unlink(missing_ok=True)
                raise
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)  # a write tells of no file, and whoever reads it wants to know which disk
        raise


def put_in_place(made: Path, path: Path) -> None:
    """Rename a finished file over `path`, once its bytes, and then its name, are on the disk. Raises OSError."""
    _sync(made)
    made.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
