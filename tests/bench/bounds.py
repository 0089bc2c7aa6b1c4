"""What is small to send and endless to hold: how long each keeps its reader, and what it takes at most.

python -m bench.bounds [WORD]: each case in a process of its own, a line of the table in docs/security.md each.
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
ADDRESS_SPACE_BYTES = 8 << 30
"""A case that asks for more is told so, instead of the machine."""


def _read(raw: bytes, kind: str = "csv") -> str:
    from dcp_fetcher.ground.errors import FetchError
    from dcp_fetcher.reading import Content, HowToCut
    from dcp_fetcher.sites.site import Opened
    from dcp_pipeline.spec.model import BatchSize, Decompression
    from support.batches import format_of
    from support.reading import Served

    count = 0
    try:
        content = Content(Opened("1", Served(raw, 1 << 18)), HowToCut(format_of(kind), BatchSize(), Decompression()))
        while data := content.read(1 << 18):
            count += len(data)
    except FetchError as error:
        return f"refused: {error}"
    return f"read: {count:,} bytes"


def _workbook() -> bytes:
    from openpyxl import Workbook

    book, out = Workbook(), io.BytesIO()
    book.active["A1"], book.active["XFD1048576"] = "a", 1
    book.save(out)
    return out.getvalue()


def _parquet() -> bytes:
    import polars as pl

    out = io.BytesIO()
    pl.DataFrame({"a": ["x" * MIB] * 2000}).write_parquet(out)
    return out.getvalue()


def _xz(dictionary_code: int) -> bytes:
    raw = bytearray(lzma.compress(b"a,b\n" + b"1,2\n" * 1000, preset=0))
    length = (raw[12] + 1) * 4
    raw[raw.index(b"\x21\x01", 12) + 2] = dictionary_code
    raw[12 + length - 4 : 12 + length] = zlib.crc32(raw[12 : 12 + length - 4]).to_bytes(4, "little")
    return bytes(raw)


def _zstd() -> bytes:
    import zstandard

    wanted = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    packer = zstandard.ZstdCompressor(compression_params=wanted).compressobj()
    noise = b"".join(b"%d,%d\n" % (n, n * 7919) for n in range(400_000))
    return b"".join(packer.compress(noise) for _ in range(40)) + packer.flush()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", bytes(1 << 30))
    return out.getvalue()


def _gzip() -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb") as file:
        for _ in range(1024):
            file.write(bytes(MIB))
    return out.getvalue()


def _yaml() -> bytes:
    levels = "\n".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 10)}]" for n in range(1, 9))
    return f"b0: &b0 [{', '.join(['x'] * 10)}]\n{levels}\n".encode()


def _spec(raw: bytes) -> str:
    from dcp_pipeline.spec.errors import SpecInvalid
    from dcp_pipeline.spec.parse import parse_pipeline

    try:
        parse_pipeline(raw.decode())
    except SpecInvalid as error:
        return f"refused: {error}"
    return "taken"


def _listing(body: bytes, content_type: str) -> str:
    from dcp_fetcher.ground.errors import FetchError
    from dcp_fetcher.ground.wall import Damage
    from dcp_fetcher.sites.listing import parse_listing

    try:
        with Damage():
            page = parse_listing(body, "http://h/", content_type, None)
    except FetchError as error:
        return f"refused: {error}"
    return f"{len(page.entries)} entries"


def _task(raw: bytes) -> str:
    from dcp_fetcher.tasks.request import TaskInvalid, parse_request

    try:
        parse_request(raw)
    except TaskInvalid as error:
        return f"refused: {error}"
    return "taken"


@dataclass(frozen=True)
class Case:
    """What is made, in a process of its own, and who reads it, in another."""

    make: Callable[[], bytes]
    read: Callable[[bytes], str] = _read


CASES = {
    "nothing: the reader alone": Case(lambda: b"a\n1\n"),
    "a workbook with one cell at XFD1048576": Case(_workbook, lambda raw: _read(raw, "xlsx")),
    "Parquet, 2,000 times a value of 1 MB": Case(_parquet, lambda raw: _read(raw, "parquet")),
    "xz, a dictionary of 255 MiB and more": Case(lambda: _xz(32)),
    "xz, a dictionary of 64 MiB": Case(lambda: _xz(28)),
    "zstd, a window of 128 MiB, filled": Case(_zstd),
    "gzip of 1 GiB of zeros": Case(_gzip),
    "zip of 1 GiB of zeros": Case(_zip),
    "a YAML bomb of 10^9": Case(_yaml, _spec),
    "a listing of 400 kB of <!--": Case(lambda: b"<!--" * 100_000, lambda raw: _listing(raw, "text/html")),
    "a listing of JSON, 100,000 deep": Case(lambda: b"[" * 100_000, lambda raw: _listing(raw, "application/json")),
    "a task of 9 MiB": Case(lambda: json.dumps({"url": "http://h/" + "y" * (9 * MIB)}).encode(), _task),
}


def _play(name: str, path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    raw, begun = path.read_bytes(), time.perf_counter()
    said = CASES[name].read(raw)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"| {name} | {len(raw):,} | {peak} | {seconds:.1f} | {' '.join(said.split())[:90]} |")


def _in_process(word: str, name: str, path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.bounds", word, name, str(path)]
    return subprocess.run(command, capture_output=True, text=True)


def main(arguments: list[str]) -> int:
    """0 where no case ended its process."""
    if arguments[:1] == ["--make"]:
        Path(arguments[2]).write_bytes(CASES[arguments[1]].make())
        return 0
    if arguments[:1] == ["--play"]:
        _play(arguments[1], Path(arguments[2]))
        return 0
    ended = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in CASES:
            if arguments and arguments[0] not in name:
                continue
            path = Path(folder) / "case"
            _in_process("--make", name, path).check_returncode()
            done = _in_process("--play", name, path)
            print(done.stdout.strip() or f"| {name} | ended with {done.returncode}: {done.stderr[-300:]} |", flush=True)
            ended += done.returncode != 0
    return 1 if ended else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
