"""The specs that are to run, as their files are now."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dcp_cli.spec_files import load_marked, mark_of, spec_files
from dcp_pipeline.errors import Unusable, in_words
from dcp_pipeline.settings import SettingInvalid
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.errors import SpecInvalid

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """A spec file: what to run by it, or why it cannot be used."""

    path: Path
    digest: str
    """Of all that it is made of."""
    setup: Setup | None
    problem: str | None = None


Load = Callable[[Path], Setup]


class SpecFolder:
    """Looks at the files again and again; parses those that have changed."""

    def __init__(self, given: Sequence[Path], load: Load) -> None:
        self._given, self._load = tuple(given), load
        self._known: dict[Path, tuple[object, Wanted]] = {}

    def forget(self) -> None:
        """Read every file anew at the next look."""
        self._known.clear()

    def redact(self, text: str) -> str:
        """A text without any secret that one of the pipelines was given."""
        for _, wanted in self._known.values():
            if wanted.setup is not None:
                text = wanted.setup.secrets.redact(text)
        return text

    def look(self) -> list[Wanted]:
        """In the order of their names. Of two that have one queue the first is taken."""
        try:
            files = spec_files(self._given, self._known)
        except OSError as error:
            # A folder that is away for a moment ends nothing that runs.
            return [_broken(wanted, in_words(error)) for _, wanted in self._known.values()]
        found = {path: self._looked_at(path) for path in files}
        self._known = found
        return list(_one_for_each_queue(wanted for _, wanted in found.values()))

    def _looked_at(self, path: Path) -> tuple[object, Wanted]:
        known = self._known.get(path)
        if known is not None and known[1].setup is not None and known[0] == mark_of(known[1].setup):
            return known
        try:
            str(path).encode()
            mark, setup = load_marked(path, self._load, known[1].setup if known else None)
            return mark, Wanted(path, _digest(setup), setup)
        except UnicodeEncodeError:
            return None, Wanted(path, "", None, "its path is no UTF-8: give it another name")
        except (SpecInvalid, SettingInvalid, Unusable, OSError) as error:
            # Looked at again each time: what it extends may be what is mended.
            return None, Wanted(path, "", None, in_words(error))
        except Exception as error:
            # One file, whatever it holds, is no trouble of the other pipelines.
            problem = f"a defect of this program: {type(error).__name__}; its log says more"
            if known is None or known[1].problem != problem:
                log.exception("%s: a defect of this program", path)
            return None, Wanted(path, "", None, problem)


def _digest(setup: Setup) -> str:
    passwords = f"{setup.passwords.sink} {setup.passwords.redis}"
    return hashlib.sha256(repr(setup.pipeline).encode() + passwords.encode()).hexdigest()


def renamed(wanted: Wanted, running: Setup | None) -> Wanted:
    """As it is, or refused where another name would have all that is in its table read anew and written once more."""
    if wanted.setup is None or running is None:
        return wanted
    before, after = running.pipeline, wanted.setup.pipeline
    if before.key == after.key or (running.sink_url, before.table) != (wanted.setup.sink_url, after.table):
        return wanted
    return _broken(
        wanted,
        f"metadata: it was {before.key} and is {after.key}: another pipeline, which would read all anew and "
        f"write it into table {after.table} once more; give it its name back, or a table of its own (sink.sql.table)",
    )


def _broken(wanted: Wanted, problem: str) -> Wanted:
    return Wanted(wanted.path, "", None, problem)


def _one_for_each_queue(found: Iterable[Wanted]) -> Iterable[Wanted]:
    taken: dict[str, Path] = {}
    for each in found:
        if each.setup is None:
            yield each
            continue
        queue = each.setup.pipeline.queue_name
        first = taken.setdefault(queue, each.path)
        yield (
            each if first == each.path else _broken(each, f"has the same queue ({queue}) as {first}: name it otherwise")
        )
