"""Write cli/dcp_cli/up/names.txt: the names in the code that a fetcher of `dcp up` runs.

scripts/make_names.py      # after larger changes of the fetcher; scripts/measure_up.py says what it brings
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType

from dcp_cli.embedded import EmbeddedValkey, StateFolder
from dcp_cli.up.command import warm_up
from dcp_cli.up.neighbours import NAMES, made_neighbours

LIST = Path(__file__).parents[1] / "cli" / "dcp_cli" / "up" / NAMES


def names_of(codes: Iterable[CodeType]) -> Iterator[str]:
    """What is looked up by name, or handed over by name."""
    for code in codes:
        yield from (*code.co_names, *code.co_varnames, *code.co_freevars, code.co_name)
        for each in code.co_consts:
            yield from (each,) if isinstance(each, str) else each if isinstance(each, tuple) else ()


def main() -> None:
    """Run one fetcher's way twice, as the supervisor does."""
    os.environ.pop("LOG_FORMAT", None)
    with tempfile.TemporaryDirectory() as folder, EmbeddedValkey(StateFolder(Path(folder))) as queue:
        warm_up(queue.url)
        with made_neighbours() as called:
            warm_up(queue.url)
    found = dict.fromkeys(each for each in names_of(called) if isinstance(each, str) and each.isidentifier())
    LIST.write_text("".join(f"{each}\n" for each in found), encoding="utf-8")
    print(f"{len(found):,} names of {len(called):,} codes in {LIST}")


if __name__ == "__main__":
    main()
