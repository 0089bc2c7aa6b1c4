"""Code that is put elsewhere does what it did."""

from __future__ import annotations

import asyncio
import threading
from types import FunctionType

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
