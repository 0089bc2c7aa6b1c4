"""The page's desk: the specs as their files are now, and the command line's actions on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dcp_cli.embedded.state import StateFolder
from dcp_pipeline.errors import Unusable, in_words
from dcp_pipeline.settings import SettingInvalid
from dcp_pipeline.setup import Setup, load_setup
from dcp_pipeline.spec.errors import SpecInvalid
from dcp_ui.ground.ports import Found

_SUFFIXES = (".yaml", ".yml")
_KIND = b"DataCleaningPipeline"


def spec_files(given: Sequence[Path]) -> list[Path]:
    """The files, and of each folder those of YAML that are pipelines."""
    found: list[Path] = []
    for each in given:
        if not each.is_dir():
            found.append(each)
            continue
        yaml = sorted(path for path in each.iterdir() if path.suffix in _SUFFIXES and path.is_file())
        found.extend(path for path in yaml if _KIND in path.read_bytes())
    return list(dict.fromkeys(found))


class CommandDesk:
    """Thread-safe: what it keeps are the setups of files that have not changed."""

    def __init__(self, given: Sequence[Path], environment: Mapping[str, str]) -> None:
        self._given = tuple(given)
        self._environment = environment
        self._known: dict[Path, tuple[tuple[int, int], Found]] = {}

    def redact(self, text: str) -> str:
        """A text without any secret that one of the pipelines was given."""
        for _, found in list(self._known.values()):
            if found.setup is not None:
                text = found.setup.secrets.redact(text)
        return text

    def specs(self) -> list[Found]:
        """The specs as their files are now."""
        files = spec_files(self._given)
        found = [self._found(path) for path in files]
        self._known = {path: each for path, each in self._known.items() if path in set(files)}
        return found

    def embedded_url(self, setup: Setup) -> str | None:
        """Where the queue inside a `dcp run` of this machine answers."""
        return StateFolder(setup.state_folder).url() if setup.pipeline.spec.queue.redis is None else None

    def _found(self, path: Path) -> Found:
        try:
            status = path.stat()
            mark = (status.st_mtime_ns, status.st_size)
            known = self._known.get(path)
            if known is not None and known[0] == mark:
                return known[1]
            found = Found(path, load_setup(path, self._environment))
        except (SpecInvalid, SettingInvalid, Unusable, OSError) as error:
            return Found(path, None, in_words(error))
        self._known[path] = (mark, found)
        return found
