"""Encodings of one byte a character: none is ever sure, for nearly every byte is a character in each. Pure."""

from __future__ import annotations

import codecs

_OLD = ("mac_roman", "cp850", "cp437")
_BETTER = 0.2


def one_byte(encoding: str) -> bool:
    """Whether each byte is a character in it, so that any bytes fit."""
    try:
        return len(bytes(range(128, 256)).decode(encoding, errors="ignore")) > 90
    except LookupError:
        return False


def readings(sample: bytes, told: str) -> tuple[str, tuple[str, ...]]:
    """The encoding to guess, and others that read the sample as well; `told`, unless an old one finds more letters."""
    if not one_byte(told):
        return told, ()
    scores = {name: _letters(sample, name) for name in (told, *_OLD)}
    best = max(scores, key=lambda name: scores[name])
    guess = best if scores[best] > scores[told] + _BETTER else told
    as_good = [codecs.lookup(name).name for name in scores if name != guess and scores[name] >= scores[guess]]
    return guess, tuple(dict.fromkeys(as_good))


def _letters(sample: bytes, encoding: str) -> float:
    """The share of letters among the characters beyond ASCII."""
    beyond = [each for each in sample.decode(encoding, errors="replace") if not each.isascii()]
    return sum(each.isalpha() for each in beyond) / len(beyond) if beyond else 0.0
