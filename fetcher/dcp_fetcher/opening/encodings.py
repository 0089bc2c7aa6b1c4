"""Character encodings: told from a file's first bytes, where they tell it, and made utf-8.

A byte that is not of the encoding becomes one that is not of utf-8 either, so that its record, and no other, is
refused.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from dcp_fetcher.ground.errors import CutOffError, DamagedError
from dcp_fetcher.opening.decompress import PIECE_BYTES, Ahead
from dcp_pipeline.spec.words.format import AUTO

SAMPLE_BYTES = 64 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_USUAL = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "koi8_r", "koi8_u",
    "iso8859_2", "iso8859_5", "cp932", "euc_jp", "gb18030", "big5", "cp949", "tis_620",
]  # fmt: skip
"""What files are in today. Encodings of DOS and old Macs fit nearly any bytes, and would make every answer unsure."""
_AS_GOOD = 0.02
_NEARLY_ALL = 4
"""So many valid characters for each bad byte make it utf-8, of which the odd record is rejected. (gb18030: 1 in 7.)"""
_MANY_NULS = 100
"""One byte in so many, and it is no text of single bytes; a stray NUL costs its record."""
_INVALID = "dcp_fetcher.invalid"


@dataclass(frozen=True)
class Sniffed:
    """What the bytes say. `encoding` is None where they don't say it; `why` is for people."""

    encoding: str | None
    why: str


def sniff(sample: bytes, whole: bool) -> Sniffed:
    """The encoding of a file that starts with `sample`, or, where `whole`, is it."""
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return Sniffed(name, f"it starts with the byte order mark of {name}")
    if sample.count(0) * _MANY_NULS > len(sample):
        return _sixteen_bits(sample)
    good, bad = _utf8_sequences(sample, whole)
    if not bad:
        return Sniffed("utf-8", "all its bytes are valid utf-8" if good else "every byte is ASCII")
    if good >= bad * _NEARLY_ALL:
        return Sniffed("utf-8", f"{good} of its characters beyond ASCII are valid utf-8, and {bad} bytes are not")
    if b"\0" in sample:
        return _sixteen_bits(sample)
    from charset_normalizer import from_bytes  # 3 MB, which few specs need

    found = list(from_bytes(sample, cp_isolation=_USUAL))
    if not found:
        return Sniffed(None, "its bytes fit no usual encoding")
    best = found[0]
    rivals = [each for each in found[1:] if each.chaos <= best.chaos + _AS_GOOD and each.coherence >= best.coherence]
    if rivals:
        names = ", ".join(each.encoding for each in (best, *rivals))
        return Sniffed(None, f"its bytes fit {names} as well as each other")
    alike = [each for each in _USUAL if each in best.could_be_from_charset]
    name = alike[0] if alike else best.encoding
    others = f" (read as {', '.join(alike[1:])} it would be the same text)" if alike[1:] else ""
    return Sniffed(name, f"its bytes look like {name}{others}")


def _utf8_sequences(sample: bytes, whole: bool) -> tuple[int, int]:
    """How many characters beyond ASCII are valid utf-8, and how many stretches of bytes are not.

    In another encoding hardly any are: a byte of the first half would have to stand before one of the second.
    """
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(sample, final=whole)
    bad = text.count("\ufffd") - sample.count("\ufffd".encode())
    beyond = len(text) - len(text.encode("ascii", "ignore"))
    return beyond - bad, bad


def _sixteen_bits(sample: bytes) -> Sniffed:
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if odd > len(sample) // 5 and even * 10 < odd:
        return Sniffed("utf-16-le", "every second byte is NUL, as in utf-16-le")
    if even > len(sample) // 5 and odd * 10 < even:
        return Sniffed("utf-16-be", "every second byte is NUL, as in utf-16-be")
    return Sniffed(None, "it holds NUL bytes and is no utf-16: is it text?")


class Transcoded:
    """`stream` as utf-8. With `auto` its first SAMPLE_BYTES decide, the same way each time it is read.

    read() raises DamagedError where they don't tell the encoding, or the order of its bytes.
    """

    def __init__(self, stream: Ahead, encoding: str) -> None:
        self._stream, self._encoding = stream, encoding
        self._decoder: codecs.IncrementalDecoder | None = None
        self._over = False

    def read(self, most: int = PIECE_BYTES) -> bytes:
        """Some bytes; none at the end."""
        if self._decoder is None:
            self._decoder = codecs.getincrementaldecoder(self._told())(_INVALID)
        while not self._over:
            data = self._stream.read(most)
            self._over = not data
            if self._over and self._decoder.getstate()[0]:
                raise CutOffError("the text ends inside a character: it is cut off")
            try:
                text = self._decoder.decode(data, final=self._over)
            except UnicodeError as error:  # bad bytes are _INVALID's; this is of the whole
                raise DamagedError(f"{error}: name the order in format.encoding, as in utf-16-le") from error
            if text:
                return text.encode("utf-8", "surrogateescape")
        return b""

    def _told(self) -> str:
        if self._encoding != AUTO:
            return self._encoding
        sample = self._stream.peek(SAMPLE_BYTES)
        sniffed = sniff(sample, len(sample) < SAMPLE_BYTES)
        if sniffed.encoding is None:
            raise DamagedError(f"its encoding cannot be told: {sniffed.why}; name it in format.encoding")
        return sniffed.encoding


def _invalid(error: UnicodeError) -> tuple[str, int]:
    """Half a surrogate pair for each bad byte, which utf-8 has no valid bytes for."""
    assert isinstance(error, UnicodeDecodeError)
    bad = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) if byte >= 0x80 else "\udcff" for byte in bad), error.end


codecs.register_error(_INVALID, _invalid)
