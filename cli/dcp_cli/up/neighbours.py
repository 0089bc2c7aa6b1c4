"""Puts the code that runs side by side in memory, so that processes that are forked afterwards share more of it.

A call counts references in its code object, and a page that is written to is copied. What runs lies strewn among what
never does, and dirties its pages. ADR 135.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, FunctionType


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
        code = function.__code__
        function.__code__ = copies.get(code) or copies.setdefault(code, code.replace())
