"""What stands behind the array of a JSON document: the rest of the document, and then nothing. Pure."""

from __future__ import annotations

import re

from dcp_fetcher.ground.errors import CutOffError, DamagedError

_MARK = re.compile(rb'["\[\]{}]')
_IN_STRING = re.compile(rb'["\\]')
_BLANKS = b" \t\r\n"
_SHOWN_BYTES = 24


class Behind:
    """`depth`: how many objects are open around the array. How the bytes are chunked changes nothing."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._in_string = self._escaped = False
        self._more = b""

    def feed(self, data: bytes) -> None:
        """Bytes behind the bracket that closes the array."""
        at = 0
        while self._depth and at < len(data):
            at = self._string(data, at) if self._in_string else self._structure(data, at)
        if not self._depth and len(self._more) < _SHOWN_BYTES:
            self._more = (self._more + data[at : at + (1 << 16)]).lstrip(_BLANKS)[:_SHOWN_BYTES]

    def check(self) -> None:
        """At the file's end. Raises CutOffError where the document is not whole, DamagedError where another follows."""
        if self._depth:
            raise CutOffError("the JSON document ends behind its records and before its own end: it is cut off")
        if self._more:
            raise DamagedError(
                "behind the end of the JSON document there is more, which is not read; it begins with "
                f"{self._more.decode(errors='replace')!r}. Have a file for each document, or set format.concatenated "
                "where records stand one behind the other without an array"
            )

    def _structure(self, data: bytes, start: int) -> int:
        found = _MARK.search(data, start)
        if found is None:
            return len(data)
        if found[0] == b'"':
            self._in_string = True
        else:
            self._depth += 1 if found[0] in b"[{" else -1
        return found.end()

    def _string(self, data: bytes, start: int) -> int:
        at = start + self._escaped
        self._escaped = False
        found = _IN_STRING.search(data, at)
        if found is None:
            return len(data)
        if found[0] == b'"':
            self._in_string = False
        else:
            self._escaped = True
        return found.end()
