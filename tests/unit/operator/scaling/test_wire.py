"""What a reply that is the same as the last time costs, and that nothing else is taken for one."""

from __future__ import annotations

from typing import Any

import pytest

from dcp_operator.scaling.resp import LONGEST_KNOWN, Refused, Said, Unreadable, replies_of

FIRST = [b"*2\r\n:1\r\n:22\r\n", b"$5\r\nabc\r\n\r\n", b"*0\r\n", b"-NOSCRIPT no\r\n"]
VALUES: list[Any] = [[1, 22], b"abc\r\n", [], Refused("NOSCRIPT")]


def read(known: list[Said | None], sent: bytes, size: int = 1 << 20, most: int = 1 << 20) -> list[Said]:
    """The replies, fed `size` bytes at a time; nothing is asked for once all are there."""
    reading = replies_of(known, most)
    next(reading)
    for start in range(0, len(sent), size):
        try:
            reading.send(sent[start : start + size])
        except StopIteration as done:
            assert start + size >= len(sent), "it ended before the last byte"
            found: list[Said] = done.value
            return found
    raise AssertionError("it waits for more")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_the_same_bytes_give_the_same_object_and_others_are_read_however_they_come_in(size: int) -> None:
    before = read([None] * 4, b"".join(FIRST), size)
    assert [each.reply for each in before] == VALUES
    assert [each.raw for each in before] == FIRST
    for changed, other, value in (
        (0, b"*2\r\n:1\r\n:23\r\n", [1, 23]),  # as long
        (0, b"*2\r\n:1\r\n:2\r\n", [1, 2]),  # what is there begins as the former does
        (1, b"$8\r\nabc\r\n\r\nx\r\n", b"abc\r\n\r\nx"),
        (2, b"*1\r\n*0\r\n", [[]]),
        (3, b"*0\r\n", []),
    ):
        sent = [other if n == changed else each for n, each in enumerate(FIRST)]
        now = read(list(before), b"".join(sent), size)
        assert [each.reply for each in now] == [value if n == changed else each for n, each in enumerate(VALUES)]
        assert [one is two for one, two in zip(now, before, strict=True)] == [n != changed for n in range(4)]


def test_a_shorter_last_reply_is_not_waited_for_as_if_it_were_to_become_the_former() -> None:
    (before,) = read([None], b"*2\r\n$4\r\nabcd\r\n:1\r\n")
    for size in (1, 1000):
        (now,) = read([before], b"*1\r\n$4\r\nabcd\r\n", size)
        assert now.reply == [b"abcd"]


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_a_long_reply_is_not_kept_to_be_compared(size: int) -> None:
    long = b"$%d\r\n%s\r\n" % (LONGEST_KNOWN, b"x" * LONGEST_KNOWN)
    before = read([None, None], long + b":5\r\n", size)
    assert [each.raw for each in before] == [None, b":5\r\n"]
    now = read(list(before), long + b":5\r\n", size)
    assert now[0].reply == b"x" * LONGEST_KNOWN
    assert now[1] is before[1]


def test_the_bound_in_bytes_holds_for_knownreplies_of_too() -> None:
    (before,) = read([None], b":5\r\n")
    with pytest.raises(Unreadable, match="longer"):
        read([before] * 100, b":5\r\n" * 100, size=4, most=40)
