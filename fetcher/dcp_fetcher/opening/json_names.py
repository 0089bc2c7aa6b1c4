"""The members of a JSON object as records: each has its name as a cell of its own.

`"192.0.2.1": {"n": 1}` becomes `{"ip":"192.0.2.1","n": 1}`, an array a record for each element. The values keep their
bytes. What is neither object nor array stays as it is, a record that is refused later.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dcp_fetcher.opening.decompress import PIECE_BYTES, Readable

_MEMBER = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])


class Named:
    """`members`: a stream of them, one a line. What is longer than `longest_bytes` is passed on as it is, in pieces."""

    def __init__(self, members: Readable, label: str, longest_bytes: int) -> None:
        self._members, self._most = members, longest_bytes
        self._label = msgspec.json.encode(label)
        self._held = b""
        self._too_long = False

    def read(self, most: int = PIECE_BYTES) -> bytes:
        """Some bytes of the lines; none at the end."""
        while data := self._members.read(most):
            *whole, self._held = (self._held + data).split(b"\n")
            out = b"".join(self._lines(whole))
            if len(self._held) > self._most:
                out, self._held, self._too_long = out + self._held, b"", True
            if out:
                return out
        return b""

    def _lines(self, whole: list[bytes]) -> Iterator[bytes]:
        for line in whole:
            for record in [line] if self._too_long else self._records(line):
                yield record + b"\n"
            self._too_long = False

    def _records(self, line: bytes) -> list[bytes]:
        try:
            ((name, value),) = _MEMBER.decode(b"{" + line + b"}").items()
            inner = _ELEMENTS.decode(value) if bytes(value).startswith(b"[") else [value]
        except (msgspec.DecodeError, ValueError, RecursionError):
            return [line]
        begun = b"{" + self._label + b":" + msgspec.json.encode(name)
        return [self._named(begun, bytes(each)) for each in inner]

    def _named(self, begun: bytes, value: bytes) -> bytes:
        if not value.startswith(b"{"):
            return value
        behind = value[1:].lstrip(b" \t")
        return begun + (b"" if behind == b"}" else b",") + behind
