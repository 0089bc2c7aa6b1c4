"""What a Parquet file's footer says of its columns that Polars does not: which bytes are a UUID or JSON, which moments
are INT96. The footer is Thrift's compact protocol: https://github.com/apache/parquet-format#file-format
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

_MAGIC = b"PAR1"
_TAIL_BYTES = 8
_LONGEST_FOOTER_BYTES = 64 << 20
_DEEPEST = 64
_INT96 = 3
_JSON_CONVERTED = 19
_JSON, _UUID = 12, 14
_SCHEMA = 2

Leaf = Literal["int96", "json", "uuid", "plain"]


class FooterError(ValueError):
    """The file's end is no footer."""


@dataclass(frozen=True)
class Column:
    """A top-level column, and the leaves below it in their order."""

    name: str
    leaves: tuple[Leaf, ...]


def columns_of(path: Path) -> list[Column]:
    """The columns of a file. Raises FooterError, OSError."""
    raw = _footer(path)
    try:
        fields = _Compact(raw).struct(until=_SCHEMA)
        elements = iter(fields[_SCHEMA])
        root = next(elements)
        return [_column(elements) for _ in range(root[5])]
    except (IndexError, KeyError, TypeError, StopIteration, RecursionError, UnicodeDecodeError, ValueError) as error:
        raise FooterError("the file's end holds no schema") from error


def _footer(path: Path) -> bytes:
    with path.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(0, end - _TAIL_BYTES))
        tail = file.read()
        length = int.from_bytes(tail[:4], "little")
        if len(tail) < _TAIL_BYTES or tail[4:] != _MAGIC or not 0 < length <= min(end, _LONGEST_FOOTER_BYTES):
            raise FooterError("the file does not end as a Parquet file does")
        file.seek(end - _TAIL_BYTES - length)
        return file.read(length)


def _column(elements: Iterator[dict[int, Any]]) -> Column:
    element = next(elements)
    return Column(element[4].decode(), tuple(_leaves(element, elements)))


def _leaves(element: dict[int, Any], elements: Iterator[dict[int, Any]]) -> Iterator[Leaf]:
    children = element.get(5, 0)
    if not children:
        yield _leaf(element)
    for _ in range(children):
        yield from _leaves(next(elements), elements)


def _leaf(element: dict[int, Any]) -> Leaf:
    logical = element.get(10, {})
    if element.get(1) == _INT96:
        return "int96"
    if _JSON in logical or element.get(6) == _JSON_CONVERTED:
        return "json"
    return "uuid" if _UUID in logical else "plain"


class _Compact:
    """A reader of Thrift's compact protocol: structs as {field id: value}."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def struct(self, until: int | None = None, depth: int = 0) -> dict[int, Any]:
        if depth > _DEEPEST:
            raise ValueError("nested too deep")
        found: dict[int, Any] = {}
        number = 0
        while kind := (head := self._byte()) & 0x0F:
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            found[number] = self._value(kind, depth)
            if number == until:
                break
        return found

    def _value(self, kind: int, depth: int) -> Any:
        match kind:
            case 1 | 2:
                return kind == 1
            case 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._zigzag()
            case 7:
                return self._take(8)
            case 8:
                return self._take(self._varint())
            case 9 | 10:
                head = self._byte()
                size = head >> 4 if head >> 4 < 15 else self._varint()
                return [self._element(head & 0x0F, depth) for _ in range(size)]
            case 12:
                return self.struct(depth=depth + 1)
        raise ValueError(f"type {kind} is not expected here")

    def _element(self, kind: int, depth: int) -> Any:
        return self._byte() == 1 if kind in (1, 2) else self._value(kind, depth)

    def _byte(self) -> int:
        self._at += 1
        return self._raw[self._at - 1]

    def _take(self, length: int) -> bytes:
        taken = self._raw[self._at : self._at + length]
        if len(taken) < length:
            raise IndexError
        self._at += length
        return taken

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
        return value | byte << shift

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)
