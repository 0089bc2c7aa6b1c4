"""A batch: the records between two cuts of an object, as they travel from fetcher to worker.

The envelope is msgpack, the records inside are one zstd frame. A batch can be read alone: it carries the
header's labels and the revision of the spec that its object is read with.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Protocol

import msgspec
import zstandard

ENVELOPE_VERSION = 1
RAW_KEPT_BYTES = 64 * 1024
"""What is kept of a record that is too long to be held: its first bytes, its length and its digest."""
OPEN_CELL = "a quote opens the line's last cell and is never closed"
"""The defect of a line whose last cell can be taken to end with it: every line behind it is a record of its own."""
MOST_BYTES = 1 << 30
"""That a batch may decompress to: what is larger no fetcher has cut."""


class BatchError(ValueError):
    """The bytes are no envelope, or not of a version that this release reads."""


class BatchVersion(BatchError):
    """The envelope is of a release that this one cannot read."""


class BatchForged(Exception):
    """The batch is not the one that the ledger has under its id: somebody wrote to the queue."""


class Batch(msgspec.Struct, frozen=True, kw_only=True, array_like=True, dict=True):
    """Records of one object, from byte `start` to byte `end` of its decompressed bytes.

    `records` is what the fetcher counted (the header is not a record); `first_record` and `first_line` are
    1-based and say where the first of them stands in the object. `digest` is of the whole range's bytes
    (`digest_of`). Where `defect` is set the range is one record that cannot be read as one (too long, or a
    quote that is never closed): it is to be rejected for that reason, and `body` holds only its first
    RAW_KEPT_BYTES. OPEN_CELL is such a reason with which it can be read all the same.
    """

    version: int = ENVELOPE_VERSION
    id: str
    pipeline: str
    source: str
    object_id: str
    uri: str
    sequence: int
    start: int
    end: int
    records: int
    first_record: int
    first_line: int
    digest: str
    revision: str
    header: tuple[str, ...] | None
    defect: str | None
    body: bytes
    """zstd frame of the records' bytes."""

    def raw(self) -> bytes:
        """The records' bytes, decompressed once: for who checks them (`forged`), and then for who reads them."""
        return self._raw

    @cached_property
    def _raw(self) -> bytes:
        return zstandard.ZstdDecompressor().decompress(self.body)


def digest_of(raw: bytes) -> str:
    """BLAKE2b, 16 bytes, in hex: the digest of a range's bytes. For longer ranges update `digester` piecewise."""
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


class Digester(Protocol):
    """A digest in the making."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


def digester() -> Digester:
    """A hash object whose hexdigest() equals digest_of of everything it was given."""
    return hashlib.blake2b(digest_size=16)


def compress(raw: bytes) -> bytes:
    """One zstd frame with its content size."""
    return zstandard.ZstdCompressor(level=1).compress(raw)


def batch_id(pipeline: str, source: str, object_id: str, start: int, end: int, digest: str) -> str:
    """The deterministic id of a cut: 32 hex characters. The object's id carries its uri and version."""
    return stable_id("batch", pipeline, source, object_id, str(start), str(end), digest)


def object_id(pipeline: str, source: str, uri: str, version: str) -> str:
    """The id of one version of one file: 32 hex characters."""
    return stable_id("object", pipeline, source, uri, version)


def stable_id(*parts: str) -> str:
    """A 16-byte BLAKE2b over length-prefixed parts, in hex."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode()
        state.update(len(encoded).to_bytes(8, "big"))
        state.update(encoded)
    return state.hexdigest()


def forged(batch: Batch, expected_id: str) -> str | None:
    """Why a batch cannot be the one of this id; None where its bytes are of its digest. That they are the ones that
    were cut the ledger says, when it is committed (ledger/claims.py)."""
    size_bytes = batch.end - batch.start
    kept_bytes = size_bytes if batch.defect is None else min(size_bytes, RAW_KEPT_BYTES)
    if expected_id != batch.id:
        return f"it is queued as {expected_id} and says {batch.id}"
    try:
        held_bytes = zstandard.frame_content_size(batch.body)
        if held_bytes != kept_bytes or held_bytes > MOST_BYTES:
            return f"it holds {held_bytes} bytes, not {kept_bytes}"
        digest = digest_of(batch.raw())
    except zstandard.ZstdError as error:
        return f"its bytes cannot be decompressed: {error}"
    # Of a record that is too long only the first bytes are there.
    if kept_bytes == size_bytes and digest != batch.digest:
        return f"its bytes are of digest {digest}, not {batch.digest}"
    return None


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Batch)


def encode_batch(batch: Batch) -> bytes:
    """The envelope's bytes."""
    return _ENCODER.encode(batch)


def decode_batch(envelope: bytes) -> Batch:
    """The batch of an envelope.

    Raises BatchError where the bytes are none, BatchVersion where another release made them.
    """
    try:
        batch = _DECODER.decode(envelope)
    except msgspec.DecodeError as error:
        raise BatchError(f"not a batch: {error}") from error
    if batch.version != ENVELOPE_VERSION:
        raise BatchVersion(f"batch of envelope version {batch.version}; this release reads {ENVELOPE_VERSION}")
    return batch
