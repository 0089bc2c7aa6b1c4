"""Code that is put elsewhere does what it did."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from types import CodeType, FunctionType

from dcp_cli.up.neighbours import made_neighbours


def counter() -> FunctionType:
    count = 0

    def more(by: int = 2, *, least: int = 0) -> int:
        nonlocal count
        count = max(count + by, least)
        return count

    assert isinstance(more, FunctionType)
    return more


async def later(value: int) -> int:
    await asyncio.sleep(0)
    return value


def in_a_thread(found: list[int]) -> None:
    found.append(1)


def never() -> None:
    raise AssertionError


def test_what_is_called_moves_and_goes_on_as_before() -> None:
    more, found = counter(), list[int]()
    functions = [each for each in (more, later, in_a_thread, never) if isinstance(each, FunctionType)]
    codes = {each: each.__code__ for each in functions}
    with made_neighbours():
        assert (more(), asyncio.run(later(3))) == (2, 3)
        thread = threading.Thread(target=in_a_thread, args=(found,))
        thread.start()
        thread.join()
    moved = [each.__name__ for each, code in codes.items() if each.__code__ is not code]
    assert moved == ["more", "later", "in_a_thread"]
    assert (more(), more(least=9), asyncio.run(later(4))) == (4, 9, 4)
    in_a_thread(found)
    assert found == [1, 1]


def doubles(values: list[int]) -> list[int]:
    return [each * 2 for each in values]


def test_what_is_made_inside_moves_along_and_what_was_not_called_stays() -> None:
    assert isinstance(doubles, FunctionType)
    assert isinstance(counter, FunctionType)
    before, made = inner(doubles), counter()
    with made_neighbours():
        assert doubles([1, 2]) == [2, 4]
    assert inner(doubles) is not before, "a comprehension is a function of its own"
    assert made.__code__ is inner(counter), "nobody called what was made"
    assert (doubles([3]), made()) == ([6], 2)


def inner(function: FunctionType) -> object:
    return next(each for each in function.__code__.co_consts if type(each) is CodeType)


def test_the_names_lie_together_and_are_those_of_code_that_comes_after() -> None:
    done = subprocess.run([sys.executable, "-c", _TOGETHER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


_TOGETHER = """
import sys
from dcp_cli.up.neighbours import names_put_together
loaded = "sqlalchemy" in sys.modules
kept = names_put_together()
by_name = {each: each for each in kept}
from dcp_fetcher.loop import FetcherLoop
code = FetcherLoop.run.__code__
assert not loaded, "too late"
assert len(kept) > 1000, len(kept)
known = [each for each in code.co_names if each in by_name]
assert known, code.co_names
assert all(by_name[each] is each for each in known)
"""


def test_a_failure_within_is_raised_and_nothing_listens_any_more() -> None:
    try:
        with made_neighbours():
            never()
    except AssertionError:
        pass
    code = never.__code__
    assert threading.getprofile() is None
    with made_neighbours():
        pass
    assert never.__code__ is code
