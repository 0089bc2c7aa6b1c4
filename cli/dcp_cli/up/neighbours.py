"""Puts what runs side by side in memory, so that processes that are forked afterwards share more of it.

A call counts references in its code object, and Python's cache of attributes in their names; a page that is written to
is copied. What runs lies strewn among what never does, and dirties its pages. ADR 135 and 150.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.resources import files
from types import CodeType, FrameType, FunctionType

NAMES = "names.txt"


def names_put_together() -> tuple[str, ...]:
    """The names that fetchers use, one beside the other, to be kept for as long as processes are forked.

    To be called before what has them in its code is imported, which then uses these. `scripts/make_names.py` writes the
    list; what it lacks, or has too many, costs memory and nothing else.
    """
    return tuple(sys.intern(each) for each in files("dcp_cli.up").joinpath(NAMES).read_text("utf-8").split())


@contextmanager
def made_neighbours() -> Iterator[Collection[CodeType]]:
    """The functions that are called within have their code in a new place afterwards, one beside the other.

    What is handed over is the code in its old places, to be kept for as long as processes are forked: what they
    allocate would go where it lay, and dirty the pages there.
    """
    called: dict[CodeType, None] = {}  # in the order of their first call

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called[frame.f_code] = None

    before = sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(before)
        threading.setprofile(before)
    copies: dict[CodeType, CodeType] = {}
    functions = [each for each in gc.get_objects() if type(each) is FunctionType and each.__code__ in called]
    for function in functions:
        function.__code__ = _copy(function.__code__, called, copies)


def _copy(code: CodeType, called: Collection[CodeType], copies: dict[CodeType, CodeType]) -> CodeType:
    """With what was called of the functions that are made in it; each comprehension is one."""
    if code not in copies:
        inner = tuple(
            _copy(each, called, copies) if type(each) is CodeType and each in called else each
            for each in code.co_consts
        )
        copies[code] = code.replace(co_consts=inner)
    return copies[code]
