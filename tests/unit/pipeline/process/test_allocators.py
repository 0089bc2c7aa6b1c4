"""What a process does with freed memory, seen by the pages that the kernel has to give it anew."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource
from dcp_pipeline.process import allocators
getattr(allocators, "{habit}")(1)
bytearray(4 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    bytearray(4 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = 50 * 1024


def page_faults(habit: str) -> int:
    """Of fifty blocks of 4 MiB, one after the other."""
    environment = {
        name: value for name, value in os.environ.items() if "MALLOC" not in name and name != "GLIBC_TUNABLES"
    }
    program = [sys.executable, "-c", PROGRAM.format(habit=habit)]
    done = subprocess.run(program, capture_output=True, text=True, check=True, env=environment)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_a_worker_keeps_its_pages_and_a_laptops_process_gives_them_back() -> None:
    assert page_faults("keep_memory_at_hand") < PAGES / 10
    assert page_faults("keep_memory_small") > PAGES / 2
