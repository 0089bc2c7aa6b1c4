"""Peak resident memory of `dcp run` with one worker, without its embedded server, on files of growing size.

    python tests/bench/memory.py [--megabytes 100 400 2000]

Each size is one file. The older system's figure is 180 MB.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.botnet_feed import HEADER, lines
from support.dcp_process import DcpProcess, served, write_spec

BLOCK_RECORDS = 100_000
AS_INSTALLED = [
    sys.executable,
    "-c",
    "import runpy, sys; sys.modules['cryptography'] = None; runpy.run_module('dcp_cli', run_name='__main__')",
]
"""`dcp` without a package that only tests bring along (for their TLS): PyMySQL imports it where it is, 8 MB."""


@dataclass(frozen=True)
class Memory:
    """What one run took."""

    file_megabytes: float
    peak_megabytes: float
    records: int
    seconds: float


def write_file(path: Path, megabytes: float) -> None:
    """One csv file of about this size. Blocks differ, so that records are not all duplicates of each other."""
    wanted = int(megabytes * 1e6)
    with path.open("wb") as out:
        written = out.write(HEADER.encode() + b"\n")
        seed = 0
        while written < wanted:
            block = b"".join(lines(min(BLOCK_RECORDS, 1 + (wanted - written) // 180), seed))
            written += out.write(block)
            seed += 1


def peak_of(pid: int) -> float:
    """VmHWM of a process in MB (10^6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def measure(folder: Path, megabytes: float) -> Memory:
    """Run on one file; the peak is read while the process lives."""
    feed = folder / "feed"
    feed.mkdir()
    write_file(feed / "big.csv", megabytes)
    with served(feed) as url:
        spec = write_spec(folder / "spec.yaml", url, concurrency=1)
        process = DcpProcess(folder, "run", str(spec), "--once", "-o", "json", program=AS_INSTALLED)
        started, peak = time.monotonic(), 0.0
        while process.process.poll() is None:
            try:
                peak = max(peak, peak_of(process.process.pid))
            except OSError:
                break
            time.sleep(0.05)
        assert process.wait(3600) == 0, process.err()[-2000:]
    return Memory(megabytes, peak, process.answer()["read"], time.monotonic() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, nargs="+", default=[100, 400, 2000])
    for megabytes in parser.parse_args().megabytes:
        with tempfile.TemporaryDirectory(prefix="dcp-bench-") as name:
            memory = measure(Path(name), megabytes)
        print(
            f"{memory.file_megabytes:>8,.0f} MB file  {memory.peak_megabytes:>6.0f} MB peak  "
            f"{memory.records:>12,} records  {memory.seconds:>7.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
