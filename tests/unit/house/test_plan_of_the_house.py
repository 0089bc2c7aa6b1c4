"""The house is as docs/architecture.md shows it: folders that one can take in at a glance, paths that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from dcp_cli.commands import COMMANDS
from dcp_cli.commands.fleet import COMMANDS as FLEET
from dcp_cli.commands.ledger import COMMANDS as ON_THE_LEDGER
from dcp_cli.commands.server import COMMANDS as ON_A_SERVER
from dcp_fetcher.gauges import FILES as GAUGES
from dcp_operator.status.conditions import FILES as CONDITIONS
from dcp_operator.status.metrics import FILES as OPERATOR_METRICS
from dcp_pipeline.observe.metrics import FILES as METRICS
from dcp_pipeline.spec.enrichments import FILES as ENRICHMENTS
from dcp_pipeline.spec.formats import FILE_OF as FORMAT_FILE_OF
from dcp_pipeline.spec.formats import FILES as FORMATS
from dcp_pipeline.spec.formats import KINDS
from dcp_pipeline.spec.sources import FILES as SOURCES
from dcp_pipeline.spec.transforms import FILES as TRANSFORMS

ROOT = Path(__file__).parents[3]
PARTS = ("cli", "pipeline", "fetcher", "worker", "operator", "ui")
FOLDERS = sorted(
    folder for part in PARTS for folder in (ROOT / part).rglob("dcp_*/**/") if list(folder.glob("*.py"))
) + [each for part in PARTS for each in (ROOT / part).glob("dcp_*")]
MOST_FILES = 14
LISTS: list[tuple[str, tuple[str, ...], set[str]]] = [
    ("cli/dcp_cli/commands", COMMANDS, set()),
    ("cli/dcp_cli/commands/ledger", ON_THE_LEDGER, set()),
    ("cli/dcp_cli/commands/fleet", FLEET, set()),
    ("cli/dcp_cli/commands/server", ON_A_SERVER, set()),
    ("operator/dcp_operator/status/conditions", CONDITIONS, set()),
    ("operator/dcp_operator/status/metrics", OPERATOR_METRICS, set()),
    ("pipeline/dcp_pipeline/observe/metrics", METRICS, {"metric"}),
    ("fetcher/dcp_fetcher/gauges", GAUGES, set()),
    ("pipeline/dcp_pipeline/spec/transforms", TRANSFORMS, {"listed"}),
    ("pipeline/dcp_pipeline/spec/formats", FORMATS, {"listed"}),
    ("pipeline/dcp_pipeline/spec/sources", SOURCES, {"listed"}),
    ("pipeline/dcp_pipeline/spec/enrichments", ENRICHMENTS, {"listed"}),
]
"""Folder, the list of what there is of a kind, and which of its files are none of that."""
OF_ONE_KIND = {folder for folder, _, _ in LISTS}
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def name_of(folder: Path) -> str:
    return str(folder.relative_to(ROOT))


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_a_folder_can_be_taken_in_at_a_glance_and_says_what_it_is(folder: Path) -> None:
    files = sorted(folder.glob("*.py"))
    few = len(files) <= MOST_FILES or name_of(folder) in OF_ONE_KIND
    assert few, f"{len(files)} files: {[each.name for each in files]}"
    init = folder / "__init__.py"
    assert init in files
    if len(files) > 2:
        assert ast.get_docstring(ast.parse(init.read_text())), (
            f"{init} has no docstring that says what the folder is for"
        )


def test_the_architecture_page_names_paths_that_are_there() -> None:
    linked = re.findall(r"\]\(\.\./([^)]+)\)", PAGE)
    named = [each for each in re.findall(r"`([\w./]+/[\w./]*)`", PAGE) if each.startswith(PARTS)]
    assert len(linked) > 20
    assert len(named) > 20
    assert [each for each in (*linked, *named) if not (ROOT / each).exists()] == []


@pytest.mark.parametrize("part", PARTS)
def test_the_architecture_page_shows_every_wing(part: str) -> None:
    (package,) = (ROOT / part).glob("dcp_*")
    wings = [each.parent.name for each in package.glob("*/__init__.py")]
    assert [each for each in wings if f"{each}/" not in PAGE] == []


@pytest.mark.parametrize(("folder", "listed", "beside"), LISTS)
def test_what_is_listed_are_the_files_of_the_folder(folder: str, listed: tuple[str, ...], beside: set[str]) -> None:
    files = {each.stem for each in (ROOT / folder).glob("*.py")} - {"__init__"}
    assert set(listed) == files - beside
    assert len(set(listed)) == len(listed)


def files_of(folder: str) -> set[str]:
    return {each.stem for each in (ROOT / folder).glob("*.py")} - {"__init__"}


def test_each_part_of_a_kind_lies_where_it_is_looked_for() -> None:
    """By the name of its file in the list, in the component that has a part of it."""
    opened = {FORMAT_FILE_OF[name] for name, kind in KINDS.items() if kind.opened}
    lines = {FORMAT_FILE_OF[name] for name, kind in KINDS.items() if kind.cut == "lines"}
    assert files_of("fetcher/dcp_fetcher/opening/kinds") - {"how"} == opened
    assert files_of("worker/dcp_worker/formats/kinds") == lines
    assert files_of("fetcher/dcp_fetcher/sites/kinds") - {"place"} == set(SOURCES)
    assert files_of("worker/dcp_worker/enrich/kinds") == set(ENRICHMENTS)
    assert files_of("worker/dcp_worker/clean/transforms") - {"change", "compile", "json_path"} == set(TRANSFORMS)


def test_a_test_that_a_page_names_is_there() -> None:
    pages = [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")]
    named = {(page.name, path) for page in pages for path in re.findall(r"tests/[\w/]+\.py", page.read_text())}
    assert named
    assert [each for each in sorted(named) if not (ROOT / each[1]).exists()] == []
