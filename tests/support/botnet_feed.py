"""Generates botnet feeds: the records that examples, oracle tests and benchmarks clean.

5 % duplicates (half of them differing outside the key), 2 % invalid in every way that the spec can refuse, mixed
case, stray blanks, IPv4 and IPv6, quoted newlines. The same seed gives the same bytes.

    python tests/support/botnet_feed.py FOLDER --records 50000 --files 4 --seed 7
"""

from __future__ import annotations

import argparse
import gzip
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

HEADER = "timestamp,src_ip,src_port,src_asn,dst_ip,dst_port,protocol,infection,agent,event_id"
FAMILIES = ("Mirai", "emotet", "QakBot", "TrickBot", "gamarue", "Conficker", "ZeuS", "nymaim", "Avalanche", "m0yv")
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML; like Gecko) Chrome/120.0",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; SLCC2; .NET CLR 2.0.50727; rv:11)",
    "curl/7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 OpenSSL/3.0.11 zlib/1.2.13 brotli/1.0.9 zstd/1.5",
)
INVALID = (
    "ip",
    "date",
    "port",
    "no_family",
    "long_family",
    "no_time",
    "short",
    "long",
    "blank",
    "bytes",
    "nul",
    "quote",
)
UNQUOTED = tuple(each for each in INVALID if each != "quote")
"""Of a feed without quoted cells: what a stray quote means is the reader's own, and peers read on."""


@dataclass(frozen=True)
class Mix:
    """Shares of the special records."""

    duplicates: float = 0.05
    invalid: float = 0.02
    quoted: float = 0.01
    ipv6: float = 0.1


def lines(count: int, seed: int, mix: Mix = Mix()) -> Iterator[bytes]:
    """`count` records as lines with their terminator, without the header. About 182 bytes each."""
    chance = random.Random(seed)
    recent: list[list[str]] = []
    for number in range(count):
        draw = chance.random()
        if draw < mix.duplicates and recent:
            cells = list(chance.choice(recent))
            if chance.random() < 0.5:
                cells[2], cells[9] = str(chance.randrange(1, 65536)), f"dup-{seed}-{number}"
            cells[7] = _dressed(cells[7].strip(), chance)
        else:
            cells = _record(chance, seed, number, mix)
            if len(recent) < 2000:
                recent.append(cells)
            else:
                recent[chance.randrange(2000)] = cells
        if mix.duplicates <= draw < mix.duplicates + mix.invalid:
            yield _spoiled(list(cells), chance.choice(INVALID if mix.quoted else UNQUOTED), chance)
            continue
        yield _line(_quoted(cells, chance) if chance.random() < mix.quoted else cells)


def _line(cells: list[str]) -> bytes:
    return ",".join(cells).encode() + b"\n"


def _record(chance: random.Random, seed: int, number: int, mix: Mix) -> list[str]:
    second = (number * 7 + seed) % 2_500_000
    day, rest = divmod(second, 86400)
    moment = f"2026-10-{1 + day:02d} {rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return [
        moment,
        _address(chance, mix.ipv6),
        str(chance.randrange(1, 65536)),
        str(chance.randrange(1, 400000)),
        "-" if chance.random() < 0.02 else f"198.51.{chance.randrange(256)}.{chance.randrange(1, 255)}",
        str(chance.choice((80, 443, 8080, 25))),
        chance.choice(("tcp", "udp")),
        _dressed(chance.choice(FAMILIES), chance),
        chance.choice(AGENTS),
        f"{seed:04x}{number:012x}",
    ]


def _address(chance: random.Random, ipv6: float) -> str:
    if chance.random() < ipv6:
        groups = [f"{chance.randrange(65536):x}" for _ in range(4)]
        text = f"2001:db8:{groups[0]}:{groups[1]}::{groups[2]}:{groups[3]}"
        return text.upper() if chance.random() < 0.5 else text
    return f"{chance.randrange(1, 224)}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"


def _dressed(family: str, chance: random.Random) -> str:
    draw = chance.random()
    if draw < 0.1:
        return f"  {family.upper()} "
    return family.lower() if draw < 0.3 else family


def _quoted(cells: list[str], chance: random.Random) -> list[str]:
    dressed = list(cells)
    inside = chance.choice(("line one\nline two", "comma, inside", 'a ""quoted"" word', "\r\n"))
    dressed[8] = f'"{inside} {cells[8]}"'
    return dressed


def _spoiled(cells: list[str], how: str, chance: random.Random) -> bytes:
    if how == "blank":
        return b"\n" if chance.random() < 0.5 else b"," * (len(cells) - 1) + b"\n"
    if how == "short":
        return _line(cells[: chance.randrange(2, len(cells))])
    if how == "long":
        return _line([*cells, "one", "too many"])
    if how == "bytes":
        return _line(cells).replace(b"/", b"\xff\xfe", 1)
    if how == "nul":
        return _line(cells).replace(b"/", b"\0", 1)
    if how == "quote":  # closed, and not at the cell's end
        cells[8] = f'"{cells[8]}" beta'
        return _line(cells)
    column, value = {
        "ip": (1, chance.choice(("999.1.2.3", "1.2.3", "fe80::zz", "1.2.3.04"))),
        "date": (0, chance.choice(("2026-02-31 10:00:00", "yesterday", "2026-13-01 00:00:00"))),
        "port": (2, chance.choice(("65536", "-1", "http", "12.5"))),
        "no_family": (7, chance.choice(("", "NULL", "   "))),
        "long_family": (7, "x" * 101),
        "no_time": (0, "-"),
    }[how]
    cells[column] = value
    return _line(cells)


def write_feed(
    folder: Path, records: int, files: int, seed: int, mix: Mix = Mix(), compress_every: int = 2
) -> list[Path]:
    """Write a feed of several files, every `compress_every`-th gzipped (0: none); returns their paths.

    1 % of each file's records stand in the file before it too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(files):
        share = records // files + (1 if number < records % files else 0)
        packed = compress_every and number % compress_every == compress_every - 1
        path = folder / f"2026-10-{number + 1:02d}-sinkhole.csv{'.gz' if packed else ''}"
        with path.open("wb") as raw:
            # mtime 0: the same records give the same bytes.
            out = gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6, mtime=0, filename="") if packed else raw
            out.write(HEADER.encode() + b"\n")
            overlap = share // 100 if number else 0
            out.writelines(islice(lines(share, seed * 1000 + number - 1, mix), overlap))
            out.writelines(lines(share - overlap, seed * 1000 + number, mix))
            if packed:
                out.close()
        paths.append(path)
    return paths


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a botnet feed.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    for written in write_feed(options.folder, options.records, options.files, options.seed):
        print(written)
