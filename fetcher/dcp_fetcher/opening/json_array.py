"""A JSON document that holds an array of records, read as ndjson: one element a line, however large the document is.

Elements keep their bytes; line breaks between tokens become blanks, so that an element is one line. The same of values
that stand one behind the other without an array around them.
"""

from __future__ import annotations

import re

from dcp_fetcher.ground.errors import CutOffError, DamagedError
from dcp_fetcher.ground.partial import Around, more_counted, more_said, only_a_part
from dcp_fetcher.opening.decompress import PIECE_BYTES, Readable
from dcp_fetcher.opening.json_behind import Behind

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|["\[\]{},]', re.DOTALL)
_PREAMBLE_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|["\[\]{},:]', re.DOTALL)
_IN_STRING = re.compile(rb'["\\]')
_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n"
_AS_BLANK = bytes.maketrans(b"\r\n", b"  ")
_AS_CONTROL = bytes.maketrans(b"\r\n", b"\x01\x01")
"""A bare line break inside a string is no JSON: it stays a control character, for which the record is refused."""
_GAPS = _BLANKS + b"\x1e,"
"""Between values: RFC 7464 puts a record separator before each, others a comma behind."""
_KEYS_NAMED = 20
_OPENING, _CLOSING = b"[{", b"]}"


class JsonArray:
    """The elements of the array at `items` (a dotted path; None: the document is the array) as lines; `by_name`: the
    members of the object there, each with its name.

    read() raises DamagedError where there is no such array, where the document ends before its end or another follows,
    and, unless `parts` will do, at the end of a document that says that it is only a part.
    """

    def __init__(
        self,
        stream: Readable,
        items: str | None,
        longest_token_bytes: int,
        parts: bool = False,
        by_name: bool = False,
    ) -> None:
        self._stream, self._parts, self._by_name = stream, parts, by_name
        self._around, self._behind, self._closing = Around(), Behind(0), b"}" if by_name else b"]"
        self._preamble = _Preamble(items, longest_token_bytes, b"{" if by_name else b"[")
        self._buffer = b""
        self._elements: _Elements | None = None
        self._over = False

    def read(self, most: int = PIECE_BYTES) -> bytes:
        """Some bytes of the lines; none at the end."""
        while not self._over:
            data = self._stream.read(most)
            if not data:
                self._over = True
                if self._elements is None:
                    raise CutOffError(str(self._preamble.not_found()))
                if not self._elements.closed:
                    what = "object" if self._by_name else "array"
                    raise CutOffError(f"the JSON document ends inside its {what}: it is cut off")
                self._behind.check()
                if not self._parts and (more := self._what_follows(self._elements.count)) is not None:
                    raise DamagedError(only_a_part(more))
                return b""
            if self._elements is None:
                rest = self._preamble.feed(data)
                self._around.before(data if rest is None else data[: len(data) - len(rest)])
                if rest is None:
                    continue
                self._elements, data = _Elements(closing=self._closing), rest
                self._behind = Behind(self._preamble.open_around)
            if self._elements.closed:
                self._end(data)
                continue
            lines = self._elements.feed(data)
            if self._elements.closed:
                self._end(self._elements.rest)
            if lines:
                return lines
        return b""

    def _end(self, data: bytes) -> None:
        self._around.behind(data)
        self._behind.feed(data)

    def _what_follows(self, held: int) -> str | None:
        """Where the document says that there is more than it holds. Members by name may hold several each."""
        document = self._around.document(self._closing)
        return more_said(document) or (None if self._by_name else more_counted(document, held))


class JsonValues:
    """The values of a file that holds nothing else, as lines: pretty-printed, or one right behind the other.

    read() raises DamagedError where the file ends inside one. What is no object is a record too, and refused later.
    """

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._start: bytes | None = b""
        self._elements = _Elements(concatenated=True)
        self._over = False

    def read(self, most: int = PIECE_BYTES) -> bytes:
        """Some bytes of the lines; none at the end."""
        while not self._over:
            data = self._stream.read(most)
            self._over = not data
            if self._start is not None:
                self._start += data
                if len(self._start) < len(_BOM) and data:
                    continue
                data, self._start = self._start.removeprefix(_BOM), None
            lines = self._elements.feed(data) + (self._elements.last_line() if self._over else b"")
            if lines:
                return lines
        return b""


class _Elements:
    """From behind the array's bracket on; `concatenated`: from a file's first value on, without an array. Pure: how the
    bytes are chunked changes nothing.
    """

    def __init__(self, concatenated: bool = False, closing: bytes = b"]") -> None:
        self._closing = closing
        self.closed = False
        self.rest = b""
        """What stood behind the array's end."""
        self.count = 0
        self._concatenated = concatenated
        self._gaps = _GAPS if concatenated else _BLANKS
        self._depth = 0
        self._in_string = self._escaped = False
        self._empty = True
        self._out: list[bytes] = []

    def feed(self, data: bytes) -> bytes:
        """The lines, or parts of lines, that these bytes make."""
        at = 0
        while at < len(data) and not self.closed:
            at = self._string(data, at) if self._in_string else self._structure(data, at)
        lines, self._out = b"".join(self._out), []
        return lines

    def _structure(self, data: bytes, start: int) -> int:
        """Up to where a string begins that is not whole in these bytes, or to the end."""
        kept = start
        for token in _TOKEN.finditer(data, start):
            byte, at = token[0][:1], token.start()
            if byte == b'"' and len(token[0]) == 1:
                self._give(data[kept : at + 1])
                self._in_string = True
                return at + 1
            if byte == b'"':
                if _broken(token[0]):
                    self._give(data[kept:at])
                    self._out.append(token[0].translate(_AS_CONTROL))
                    self._empty, kept = False, token.end()
            elif byte in _OPENING:
                if self._concatenated and not self._depth:
                    kept = self._begin_value(data, kept, at)
                self._depth += 1
            elif self._depth:
                self._depth -= byte in _CLOSING
                if self._concatenated and not self._depth:
                    self._give(data[kept : at + 1])
                    kept = at + 1
                    self._end_element(last=False)
            elif byte in (b",", self._closing) and not self._concatenated:
                self._give(data[kept:at])
                kept = at + 1
                if self._end_element(last=byte == self._closing):
                    self.rest = data[kept:]
                    return len(data)
        self._give(data[kept:])
        return len(data)

    def _string(self, data: bytes, start: int) -> int:
        at = start
        if self._escaped:
            at, self._escaped = at + 1, False
        while found := _IN_STRING.search(data, at):
            at = found.end()
            if found[0] == b'"':
                self._in_string = False
                self._out.append(data[start:at].translate(_AS_CONTROL))
                return at
            if at == len(data):
                self._escaped = True
            at += 1
        self._out.append(data[start:].translate(_AS_CONTROL))
        return len(data)

    def _begin_value(self, data: bytes, kept: int, at: int) -> int:
        """Where an object or array begins, what stood before it was one of its own, which is none."""
        self._give(data[kept:at])
        if not self._empty:
            self._end_element(last=False)
        return at

    def last_line(self) -> bytes:
        """What is left at the file's end. Raises DamagedError where it is not whole."""
        if self._depth or self._in_string:
            raise DamagedError("the file ends inside a JSON value: it is cut off")
        return b"" if self._empty else b"\n"

    def _give(self, piece: bytes) -> None:
        if self._empty:
            piece = piece.lstrip(self._gaps)
        if piece:
            self._empty = False
            self._out.append(piece.translate(_AS_BLANK))

    def _end_element(self, last: bool) -> bool:
        if not (last and self._empty):  # [] has no element, and a comma before the bracket makes none
            self._out.append(b"\n")
            self.count += 1
        self._empty = True
        self.closed = last
        return last


def _broken(string: bytes) -> bool:
    return b"\n" in string or b"\r" in string


class _Preamble:
    """Everything up to the array's bracket, nothing of it kept but keys for the message."""

    def __init__(self, items: str | None, longest_token_bytes: int, wanted: bytes = b"[") -> None:
        self._wanted = wanted
        self._path = [part.encode() for part in items.split(".")] if items else []
        self._items, self._most = items, longest_token_bytes
        self._held = b""
        self._depth = self._matched = 0
        self._key: bytes | None = None
        self._key_due = self._value_due = False
        self._keys: list[str] = []

    @property
    def open_around(self) -> int:
        """How many objects stand open around the array, once its bracket was found."""
        return self._depth - 1 if self._path else 0

    def feed(self, data: bytes) -> bytes | None:
        """The bytes behind the bracket; None while it was not there."""
        data, self._held = self._held + data, b""
        if not self._depth and len(data) < len(_BOM) and _BOM.startswith(data):
            self._held = data
            return None
        if not self._depth and (start := data.removeprefix(_BOM).lstrip(_BLANKS)[:1]) not in (b"", b"[", b"{"):
            raise DamagedError(f"it is no JSON document: it starts with {start!r}")
        end = 0
        for token in _PREAMBLE_TOKEN.finditer(data):
            text, end = token[0], token.end()
            if text == b'"':
                self._held = data[token.start() :]
                if len(self._held) > self._most:
                    raise DamagedError(f"a string before the array is longer than maxRecordBytes ({self._most})")
                return None
            if self._step(text):
                return data[end:]
        return None

    def _step(self, text: bytes) -> bool:
        """One token; True at the array's bracket."""
        here = self._depth == self._matched + 1
        if text.startswith(b'"'):
            if here and self._key_due:
                self._key = text[1:-1]
                self._note(self._key)
            elif self._value_due:
                raise self.not_found()
        elif text == b":":
            self._value_due = here and self._key_due and self._path[self._matched : self._matched + 1] == [self._key]
            self._key_due = False
        elif text == b",":
            if self._value_due:
                raise self.not_found()
            self._key_due = here
        elif text in (b"[", b"{"):
            return self._open(text)
        else:
            self._depth -= 1
            if self._depth <= self._matched:
                raise self.not_found()
        return False

    def _open(self, bracket: bytes) -> bool:
        if not self._depth:
            if not self._path and bracket == self._wanted:
                return True
            if not self._path and bracket == b"[":
                raise DamagedError("the JSON document is an array, and no object of records by name (format.keyAs)")
            if self._path and bracket == b"[":
                raise DamagedError(f"the JSON document is an array itself; format.items ({self._items}) is not needed")
            self._depth, self._key_due = 1, True
            return False
        self._depth += 1
        if self._value_due:
            self._value_due = False
            if self._matched + 1 == len(self._path):
                if bracket == self._wanted:
                    return True
                raise self.not_found()
            if bracket == b"[":
                raise self.not_found()
            self._matched += 1
            self._key_due = True
        return False

    def _note(self, key: bytes) -> None:
        if self._depth == 1 and len(self._keys) < _KEYS_NAMED:
            self._keys.append(key.decode(errors="replace"))

    def not_found(self) -> DamagedError:
        """What to say where there is no such array."""
        keys = f"; its keys are {', '.join(self._keys)}" if self._keys else ""
        if self._items:
            what = "array" if self._wanted == b"[" else "object"
            return DamagedError(f"the JSON document has no {what} at format.items ({self._items}){keys}")
        if self._wanted == b"{":
            return DamagedError("the JSON document is no object of records by name (format.keyAs)")
        return DamagedError(
            "the JSON document is no array: name the array's path in format.items, or set format.concatenated where "
            f"objects stand one behind the other, or format.keyAs where they stand in an object by name{keys}"
        )
