"""What differs by dialect is in the dialect's rooms, and nobody else asks which one it is."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from dcp_pipeline.database.rooms import room_called
from dcp_pipeline.dialects import PACKAGES, all_facts, facts_of
from dcp_worker.sink.dialects import room_of

ROOT = Path(__file__).parents[4]
COMPONENTS = ("cli", "fetcher", "operator", "pipeline", "worker")
ROOM_MODULES = (*PACKAGES, *map(room_of, PACKAGES))
LISTS = ("dcp_pipeline.dialects", "dcp_pipeline.database.rooms", "dcp_worker.sink.dialects")
DRIVERS = ("pymysql", "sqlite3", "sqlalchemy.dialects")
NAMES = {each.name for each in all_facts()}


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the product that is in no room and no list."""
    for component in COMPONENTS:
        for path in sorted((ROOT / component).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT / component).with_suffix("").parts).removesuffix(".__init__")
            if not name.startswith(ROOM_MODULES) and name not in LISTS:
                yield name, ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def asks_for_a_name(node: ast.AST) -> bool:
    """`engine.dialect.name`, `x == "sqlite"`, `url.startswith("sqlite")`, `case "mysql"`."""
    if isinstance(node, ast.Attribute) and node.attr == "name" and isinstance(node.value, ast.Attribute):
        return node.value.attr in ("dialect", "engine")
    tested: list[ast.AST] = []
    if isinstance(node, ast.Compare):
        tested = [node.left, *node.comparators]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "startswith":
        tested = [*node.args]
    elif isinstance(node, ast.MatchValue):
        tested = [node.value]
    constants = (each for part in tested for each in ast.walk(part) if isinstance(each, ast.Constant))
    return any(isinstance(each.value, str) and each.value.startswith(tuple(NAMES)) for each in constants)


def test_no_module_outside_the_rooms_knows_a_driver_or_a_room() -> None:
    wrong = [
        (name, each)
        for name, tree in modules()
        for each in imported(tree)
        if each.startswith((*DRIVERS, *ROOM_MODULES))
    ]
    assert wrong == []


def test_no_module_outside_the_rooms_asks_for_a_dialects_name() -> None:
    wrong = [(name, node.lineno) for name, tree in modules() for node in ast.walk(tree) if asks_for_a_name(node)]  # type: ignore[attr-defined]
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    ["a.dialect.name", "if kind == 'sqlite': pass", "url.startswith('mysql+pymysql')", "kind in ('mysql', 'mariadb')"],
)
def test_a_question_for_the_name_would_be_seen(line: str) -> None:
    assert any(asks_for_a_name(node) for node in ast.walk(ast.parse(line)))


def test_every_dialect_has_its_two_rooms() -> None:
    assert [each for each in PACKAGES if find_spec(f"{room_of(each)}.room") is None] == []
    assert [room_called(name).errors for name in NAMES]


@pytest.mark.parametrize(
    ("url", "name", "path"),
    [
        ("mysql+pymysql://u@h/db", "mysql", None),
        ("mariadb://u@h/db", "mysql", None),
        ("sqlite:///./a b.db", "sqlite", "./a b.db"),
        ("sqlite:////var/x.db?timeout=3", "sqlite", "/var/x.db"),
        ("oracle://u@h/db", None, None),
        ("mysqlx://u@h/db", None, None),
        ("", None, None),
    ],
)
def test_a_url_tells_its_dialect(url: str, name: str | None, path: str | None) -> None:
    facts = facts_of(url)
    assert (facts.name if facts else None, facts.path_in(url) if facts else None) == (name, path)


def test_the_room_that_is_not_used_is_not_loaded() -> None:
    program = (
        "import sys, dcp_worker.process\n"
        "from dcp_pipeline.ledger import Ledger, connect\n"
        "from dcp_worker.sink import SinkWriter\n"
        "engine = connect('mysql://u@h/db'); Ledger(engine, 'n/p'); SinkWriter(engine, 'n/p', 't')\n"
        "print([each for each in sys.modules if 'sqlite' in each and each.count('.') > 1 or each == 'sqlite3'])\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert set(ast.literal_eval(said)) <= {"dcp_pipeline.database.sqlite"}
