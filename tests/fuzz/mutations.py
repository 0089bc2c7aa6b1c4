"""Bytes as they come from outside: good ones, and good ones that something has damaged."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

TOKENS = (
    b'"', b'""', b",", b";", b"\t", b"\n", b"\r\n", b"\r", b"\0", b"\\", b"{", b"}", b"[", b"]", b":", b"'",
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xff", b"\xc3", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x1a", b"\x85",
    b"null", b"NaN", b"-0", b"1e999", b"9" * 40, b"\\ud800", b"\\u0000", b"::1", b"0.0.0.0", b"2026-02-30", b" ", b"=1+1",
    b"a" * 300,
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, corpus: Sequence[bytes], most: int = 6) -> bytes:
    """One of the corpus, with up to `most` places cut, doubled, flipped, overwritten or grafted from another."""
    raw = draw(st.sampled_from(corpus))
    for _ in range(draw(st.integers(0, most))):
        raw = _damage(draw, raw, corpus)
    return raw


def _damage(draw: st.DrawFn, raw: bytes, corpus: Sequence[bytes]) -> bytes:
    start = draw(st.integers(0, len(raw)))
    end = min(len(raw), start + draw(st.sampled_from([0, 1, 2, 5, 20, 200])))
    match draw(st.sampled_from(["insert", "overwrite", "remove", "double", "flip", "graft", "cut off"])):
        case "insert":
            return raw[:start] + draw(st.sampled_from(TOKENS)) + raw[start:]
        case "overwrite":
            return raw[:start] + draw(st.sampled_from(TOKENS)) + raw[end:]
        case "remove":
            return raw[:start] + raw[end:]
        case "double":
            return raw[:end] + raw[start:]
        case "flip":
            flipped = bytes(byte ^ draw(st.sampled_from([1, 0x20, 0x80, 0xFF])) for byte in raw[start : start + 1])
            return raw[:start] + flipped + raw[start + 1 :]
        case "graft":
            other = draw(st.sampled_from(corpus))
            return raw[:start] + other[draw(st.integers(0, len(other))) :][:100] + raw[end:]
    return raw[:start]


def pieces(raw: bytes, lengths: Sequence[int]) -> list[bytes]:
    """The bytes in pieces of these lengths, the last one of what is left."""
    made, at = [], 0
    for length in lengths:
        made.append(raw[at : at + length])
        at += length
    return [*made, raw[at:]]
