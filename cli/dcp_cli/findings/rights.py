"""A user's rights in MySQL and MariaDB, from what SHOW GRANTS says. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE")
"""On every table, at all times."""
MAKING = ("CREATE", "ALTER", "INDEX")
"""For making tables, and for what a newer release adds to them."""
EXPIRING = ("DROP",)
"""By which rows that expire go with their partition, and not by batches."""
SEEING = ("TRIGGER",)
"""By which triggers on a table of one's own are seen."""
_GRANT = re.compile(r"(GRANT|REVOKE) (.+?) ON (?:TABLE )?(`(?:[^`]|``)+`|\*)\.(`(?:[^`]|``)+`|\*) (?:TO|FROM) ", re.I)
_WHOLE = "*"


class Rights(msgspec.Struct, frozen=True):
    """What a user may do: in a whole database, and beyond that with single tables."""

    everywhere: frozenset[str]
    tables: Mapping[str, frozenset[str]]

    def on(self, table: str) -> frozenset[str]:
        return self.everywhere | self.tables.get(table, frozenset())


def rights_of(grants: Iterable[str], database: str) -> Rights:
    """Of the lines of SHOW GRANTS, as far as they are about this database. Grants of single columns do not count."""
    everywhere: set[str] = set()
    tables: dict[str, set[str]] = {}
    taken: set[str] = set()
    for line in grants:
        found = _GRANT.match(line)
        if found is None or not _covers(found[3], database):
            continue
        named = _named(found[2])
        if found[1].upper() == "REVOKE":
            taken |= named
        elif found[4] == _WHOLE:
            everywhere |= named
        else:
            tables.setdefault(_bare(found[4]), set()).update(named)
    return Rights(frozenset(everywhere - taken), {name: frozenset(each) for name, each in tables.items()})


def missing_rights(rights: Rights, tables: Sequence[str], wanted: Sequence[str]) -> dict[str, list[str]]:
    """The rights that are missing, with the tables that they are missing for; where it is all of them, with none."""
    lacking = {right: [each for each in tables if right not in rights.on(each)] for right in wanted}
    return {right: [] if len(each) == len(tables) else each for right, each in lacking.items() if each}


def _named(text: str) -> set[str]:
    words = {each.strip().upper() for each in re.sub(r"\([^)]*\)", "(", text).split(",")}
    if words & {"ALL PRIVILEGES", "ALL"}:
        return {*ROWS, *MAKING, *EXPIRING, *SEEING}
    return {each for each in words if "(" not in each}


def _covers(quoted: str, database: str) -> bool:
    """Databases of grants are patterns: _ is any character, % any number of them, \\_ an underscore."""
    if quoted == _WHOLE:
        return True
    name = _bare(quoted)
    if name == database:
        return True
    pattern = re.sub(r"\\(.)|([%_])|(.)", _as_regex, name)
    return re.fullmatch(pattern, database) is not None


def _as_regex(found: re.Match[str]) -> str:
    if found[2]:
        return ".*" if found[2] == "%" else "."
    return re.escape(found[1] or found[3])


def _bare(quoted: str) -> str:
    return quoted.strip("`").replace("``", "`")
