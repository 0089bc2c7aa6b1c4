"""Which files are specs, where commands are given folders."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from dcp_cli.errors import CommandFailed
from dcp_pipeline.files.places import folder_of
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.composing.dotenv import NAME as DOTENV

_SUFFIXES = (".yaml", ".yml")
_KIND = b"DataCleaningPipeline"
_LOOKED_INTO_BYTES = 1 << 20


def spec_files(given: Sequence[Path], known: Collection[Path] = ()) -> list[Path]:
    """The files, and of each folder those of YAML that are pipelines; `known`: were, when they were looked into."""
    found: list[Path] = []
    for each in given:
        if not each.is_dir():
            found.append(each)
            continue
        yaml = sorted(path for path in each.iterdir() if path.suffix in _SUFFIXES and path.is_file())
        found.extend(path for path in yaml if path in known or _is_meant(path))
    return list(dict.fromkeys(found))


def _is_meant(path: Path) -> bool:
    """Whether a pipeline is named at its beginning. What cannot be read may be one: whoever loads it says why not."""
    try:
        with path.open("rb") as file:
            return _KIND in file.read(_LOOKED_INTO_BYTES)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def none_in(given: Sequence[Path]) -> CommandFailed:
    """What to fail with where there is no spec."""
    return CommandFailed(f"no spec (*.yaml, *.yml) in {', '.join(map(str, given))}")


def mark_of(setup: Setup) -> object:
    """That changes where one of its files, or the `.env` beside it, may have changed."""
    return tuple(_status(path) for path in _files_of(setup))


def load_marked(path: Path, load: Callable[[Path], Setup], known: Setup | None) -> tuple[object, Setup]:
    """Load a spec, with the mark of its files as they were before: what changes while it is read is read once more.

    A file that only this reading has named (by `extends`) has no mark yet: the next look reads the spec again. Raises
    what `load` raises.
    """
    before = {each: _status(each) for each in (_files_of(known) if known else (path, folder_of(path) / DOTENV))}
    setup = load(path)
    return tuple(before.get(each) for each in _files_of(setup)), setup


def _files_of(setup: Setup) -> tuple[Path, ...]:
    return (*setup.files, setup.folder / DOTENV)


def _status(path: Path) -> object:
    try:
        status = path.stat()
    except OSError as error:
        return str(error)
    return status.st_mtime_ns, status.st_size, status.st_ino
