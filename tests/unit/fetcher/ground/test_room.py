"""What wants much memory to unpack takes turns; what could never have it is told; what wants little waits for nobody."""

from __future__ import annotations

import io
import lzma
import threading
import zipfile
import zlib
from contextlib import ExitStack
from pathlib import Path

import pytest
import zstandard

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.ground.room import LEAST_BYTES, Room, room_of_the_machine
from dcp_fetcher.opening.decoded import Decoded
from dcp_fetcher.opening.decompress import Caps, memory_wanted
from support.waiting import wait_until

MIB = 1 << 20
TEXT = b"a,b\n" + b"1,2\n" * 1000


def zstd(window_log: int, content: bytes = TEXT) -> bytes:
    wanted = zstandard.ZstdCompressionParameters(window_log=window_log, write_content_size=False)
    packer = zstandard.ZstdCompressor(compression_params=wanted).compressobj()
    return packer.compress(content) + packer.flush()


def xz(dictionary: int) -> bytes:
    return lzma.compress(TEXT, filters=[{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": dictionary}])


@pytest.mark.parametrize("window_log", [10, 19, 23, 27])
def test_a_zstd_window_is_read_from_the_header(window_log: int) -> None:
    steps = 32 * MIB if window_log > 23 else 0
    assert memory_wanted("zstd", zstd(window_log)[:64]) == (1 << window_log) + steps


def test_a_zstd_frame_that_knows_its_size_wants_that() -> None:
    for size in (300, 70_000):
        assert memory_wanted("zstd", zstandard.compress(bytes(size))[:64]) == size


@pytest.mark.parametrize("dictionary", [1 << 16, 8 * MIB, 64 * MIB])
def test_an_xz_dictionary_is_read_from_the_header(dictionary: int) -> None:
    assert memory_wanted("xz", xz(dictionary)[:64]) == dictionary


@pytest.mark.parametrize("head", [b"", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"\x50\x2a\x4d\x18" + bytes(60)])
def test_a_header_that_is_cut_off_wants_nothing_more_than_the_bounds(head: bytes) -> None:
    for name in ("zstd", "xz", "gzip", "bzip2"):
        assert 0 <= memory_wanted(name, head) <= 160 * MIB


def read(raw: bytes, room: Room) -> bytes:
    return b"".join(iter(Decoded(io.BytesIO(raw), Caps(1 << 30, 250, room)).read, b""))


def archived(raw: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.csv.zst", raw)
    return out.getvalue()


@pytest.mark.parametrize("raw", [zstd(27), xz(64 * MIB), archived(zstd(27)), TEXT and zstd(27) + zstd(20)])
def test_what_wants_more_than_there_is_is_told_what_to_give(raw: bytes) -> None:
    with pytest.raises(DamagedError, match=r"wants \d+ MiB of memory, and there are 48 MiB.*spec.fetcher.resources"):
        read(raw, Room(48 * MIB))
    assert read(raw, Room(160 * MIB)).startswith(TEXT)
    assert read(raw, Room()).startswith(TEXT)


def wanting_more(xz_bytes: bytes) -> bytes:
    """The same stream, which says that its dictionary has 4 GiB."""
    head = bytearray(xz_bytes)
    length = (head[12] + 1) * 4
    head[head.index(b"\x21\x01", 12) + 2] = 40
    head[12 + length - 4 : 12 + length] = zlib.crc32(head[12 : 12 + length - 4]).to_bytes(4, "little")
    return bytes(head)


@pytest.mark.parametrize(
    "raw", [wanting_more(xz(1 << 16)), zstd(20)[:5] + b"\xa8" + zstd(20)[6:]], ids=["xz, 4 GiB", "zstd, 2 GiB"]
)
def test_what_wants_larger_than_any_is_refused_on_any_machine(raw: bytes) -> None:
    with pytest.raises(DamagedError, match=r"(?i)memory"):
        read(raw, Room())


def test_two_frames_one_behind_the_other_do_not_add_up() -> None:
    assert read(zstd(26) * 3, Room(100 * MIB)) == TEXT * 3


def test_large_ones_take_turns_in_the_order_of_coming_and_small_ones_fit_beside() -> None:
    room, order, begun = Room(100 * MIB), list[int](), threading.Semaphore(0)

    def unpack(number: int, wanted: int) -> None:
        begun.release()
        with room.taken(wanted, "it"):
            order.append(number)

    with ExitStack() as held:
        held.enter_context(room.taken(64 * MIB, "the first"))
        with room.taken(30 * MIB, "a small one"):
            pass
        threads = []
        for number, wanted in enumerate((64 * MIB, 90 * MIB)):
            threads.append(threading.Thread(target=unpack, args=(number, wanted)))
            threads[-1].start()
            wait_until(lambda n=number: len(room._waiting) == n + 1, "it waits", 60)  # type: ignore[misc]
        assert order == []
    for each in threads:
        each.join(60)
    assert order == [0, 1]
    with room.taken(100 * MIB, "all of it is free again"):
        pass


def test_damage_gives_back_what_it_had() -> None:
    room = Room(100 * MIB)
    for _ in range(3):
        with pytest.raises(DamagedError):
            read(zstd(26)[:-9], room)
    with room.taken(100 * MIB, "all of it is free again"):
        pass


def test_who_stops_in_the_middle_gives_back_what_it_had() -> None:
    room = Room(100 * MIB)
    decoded = Decoded(io.BytesIO(zstd(26, bytes(MIB * 4))), Caps(1 << 30, 1 << 20, room))
    assert decoded.read(10)
    del decoded
    with room.taken(100 * MIB, "all of it is free again"):
        pass


def test_the_room_is_what_the_containers_limit_leaves(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text(f"{256 * MIB}\n")
    assert 96 * MIB <= (room_of_the_machine((limit,)) or 0) < 160 * MIB, "a window of 64 MiB fits, none of 128"
    limit.write_text("max\n")
    assert room_of_the_machine((limit, tmp_path / "none")) is None
    limit.write_text(f"{(1 << 63) - 4096}\n")
    assert room_of_the_machine((limit,)) is None
    limit.write_text(f"{64 * MIB}\n")
    assert room_of_the_machine((limit,)) == LEAST_BYTES
