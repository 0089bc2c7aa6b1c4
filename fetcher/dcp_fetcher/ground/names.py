"""Which files are meant, by their names alone. Pure.

Folders, listings and archives hold files that nobody means as data: what editors, office programs, downloads and
operating systems leave there. They are left out unless a pattern is of their kind itself, as `.*` or `*.part` is.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

_BEGINNINGS = (".", "~$", "._")
"""Hidden files, among them .DS_Store, .~lock.x#, .x.csv.swp, .nfs000 and rsync's; Office's locks; a Mac's forks."""
_ENDS = (
    "~",
    ".swp", ".swo", ".swx",
    ".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload", ".aria2", "._copying_",
    ".tmp", ".temp", ".inprogress", ".lock",
)  # fmt: skip
_ABOUT = frozenset({"readme", "read_me", "license", "licence", "copying", "notice"})
_WHOLE = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "$recycle.bin", "icon\r"})


def wanted(name: str, include: Iterable[str], exclude: Iterable[str]) -> bool:
    """Is the file meant: named by the patterns, and nothing that is left out by default?"""
    include = tuple(include)
    return named(name, include, exclude) and not left_out(name, include)


def named(name: str, include: Iterable[str], exclude: Iterable[str]) -> bool:
    """Does a file's name match one of `include` (any, if there is none) and none of `exclude`?"""
    patterns = tuple(include) or ("*",)
    return any(fnmatchcase(name, each) for each in patterns) and not any(fnmatchcase(name, each) for each in exclude)


def left_out(path: str, include: Iterable[str]) -> bool:
    """Is it, or a folder of an archive that it lies in, of a kind that is left out, and no pattern of that kind?"""
    return _is_left_behind(path) and not any(_is_left_behind(each) and fnmatchcase(path, each) for each in include)


def is_member(path: str, patterns: Iterable[str]) -> bool:
    """Is a file of an archive meant? Archives come with a README and a licence too."""
    patterns = tuple(patterns)
    if not named(path, patterns, ()):
        return False
    about = path.rpartition("/")[2].lower().partition(".")[0] in _ABOUT
    return not left_out(path, patterns) and not (about and not patterns)


def _is_left_behind(path: str) -> bool:
    return any(_is_kind(part.lower()) for part in path.split("/") if part not in ("", ".", ".."))


def _is_kind(name: str) -> bool:
    return name.startswith(_BEGINNINGS) or name.endswith(_ENDS) or name in _WHOLE or (name[:1] == name[-1:] == "#")
