"""What follows from numbers."""

from __future__ import annotations

import pytest

from dcp_cli.findings.finding import Finding, State
from dcp_cli.findings.limits import address_space, connections, disk, file_size, memory_for_queue, open_files, skew

MIB = 1 << 20


@pytest.mark.parametrize(
    ("finding", "state", "told"),
    [
        (skew("c", 100.0, 99.0, 101.0), State.OK, "agrees"),
        (skew("c", 3700.0, 99.0, 101.0), State.WARNING, "3,599 s ahead of"),
        (skew("c", 40.0, 99.0, 101.0), State.WARNING, "59 s behind"),
        (skew("c", 99.5, 90.0, 130.0), State.OK, "agrees"),
        (disk("d", "/x", 50 * MIB), State.WRONG, "50 MiB free in /x"),
        (disk("d", "/x", 900 * MIB), State.WARNING, "900 MiB"),
        (disk("d", "/x", 9000 * MIB), State.OK, "9,000 MiB"),
        (connections(40, 0, 2, 10), State.WRONG, "46 are wanted"),
        (connections(50, 20, 2, 10), State.WARNING, "20 in use"),
        (connections(151, 20, 2, 10), State.OK, "46 are wanted"),
        (open_files(None), State.OK, "any number"),
        (open_files(256), State.WARNING, "only 256"),
        (next(memory_for_queue(100 * MIB, 256 * MIB)), State.WRONG, "maxmemory is 100 MiB"),
        (next(memory_for_queue(300 * MIB, 256 * MIB)), State.WARNING, "maxmemory is 300 MiB"),
        (next(memory_for_queue(0, 256 * MIB)), State.OK, "no maxmemory"),
        (next(file_size(10 * MIB)), State.WARNING, "10 MiB"),
        (next(address_space(1000 * MIB)), State.WARNING, "1,000 MiB"),
    ],
)
def test_each_number_is_judged_and_told(finding: Finding, state: State, told: str) -> None:
    assert finding.state is state
    assert told in finding.says
    assert (finding.mend != "") == (state is not State.OK)


def test_what_is_not_limited_is_not_told() -> None:
    assert [*file_size(None), *address_space(None), *address_space(1 << 40)] == []
