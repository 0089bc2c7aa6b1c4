"""Which namespaces are looked after: named ones, those that match a pattern, those with a label, or all. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Scope:
    """`names` are names, patterns (`team-*`, `?`, `[ab]`), and those that are not to be (`!team-test`); `selector` is
    a label selector. Without both: all namespaces, listed and watched as one."""

    names: tuple[str, ...] = ()
    selector: str = ""

    @property
    def looked_up(self) -> bool:
        """Whether the cluster's namespaces have to be listed to know."""
        return bool(self.selector) or any(_is_pattern(each) for each in self.names)

    def chosen(self, there: Iterable[str]) -> tuple[str | None, ...]:
        """Of the namespaces that there are, those that are looked after; (None,) for all of them at once."""
        if not self.names and not self.selector:
            return (None,)
        if not self.looked_up:
            return tuple(dict.fromkeys(self.names))
        return tuple(sorted(each for each in there if self._takes(each)))

    def _takes(self, namespace: str) -> bool:
        wanted = [each for each in self.names if not each.startswith("!")]
        unwanted = [each[1:] for each in self.names if each.startswith("!")]
        if any(fnmatchcase(namespace, each) for each in unwanted):
            return False
        return not wanted or any(fnmatchcase(namespace, each) for each in wanted)


def _is_pattern(name: str) -> bool:
    return name.startswith("!") or any(letter in name for letter in "*?[")
