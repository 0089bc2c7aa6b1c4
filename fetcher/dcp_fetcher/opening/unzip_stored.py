"""A zip's file that is stored as it is, its size told behind it only: its writer could not go back (a pipe).

Where it ends is found without the directory at the archive's end: behind it stands its descriptor, whose checksum and
size are those of all bytes before it. An archive in the archive has descriptors too, of other sizes.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from dcp_fetcher.opening.decompress import Peekable, truncated

_BEHIND = re.compile(rb"PK(?:\x07\x08|\x03\x04|\x01\x02)")
"""The descriptor's signature, which is optional, or the next entry of the archive, or of its directory."""
_SIGNED = b"PK\x07\x08"
_LONGEST_BYTES = 4 + 4 + 16 + 4
"""Signature, checksum, two sizes of 8 bytes, and the signature of what comes next."""
_FORMS = (struct.Struct("<III"), struct.Struct("<IQQ"))


def stored_until_descriptor(stream: Peekable) -> Iterator[bytes]:
    """The file's bytes; its descriptor is read too. Raises DamagedError where none comes that is right."""
    sum_, given, held = 0, 0, b""
    while True:
        data = stream.read()
        held += data
        at = 0
        while found := _BEHIND.search(held, at):
            end, behind = _ending(held, found.start(), sum_, given)
            if len(held) - found.start() < _LONGEST_BYTES and data and end is None:
                break
            if end is not None:
                yield held[:end]
                stream.unread(held[behind:])
                return
            at = found.end()
        if not data:
            raise truncated(stream)
        sure = max(0, (found.start() if found else len(held)) - _LONGEST_BYTES)
        if sure:
            yield held[:sure]
            sum_, given, held = zlib.crc32(held[:sure], sum_), given + sure, held[sure:]


def _ending(held: bytes, at: int, sum_: int, given: int) -> tuple[int | None, int]:
    """Where the file ends and what comes behind its descriptor begins, by a signature that stands at `at`."""
    signed = held.startswith(_SIGNED, at)
    for form in _FORMS:
        start = at + 4 if signed else at - form.size
        end = at if signed else start
        if start < 0 or held[start + form.size :][:2] != b"PK":
            continue
        crc, packed, plain = form.unpack_from(held, start)
        if packed == plain == given + end and crc == zlib.crc32(held[:end], sum_):
            return end, start + form.size
    return None, 0
