"""Encodings of one byte a character: none is ever sure, for nearly every byte is a character in each. Pure."""

from __future__ import annotations

import codecs

_OLD = ("mac_roman", "cp850", "cp437")
_BETTER = 0.2
_SIGNS = "\u20ac\u2013\u2014\u2018\u2019\u201c\u201d\u201e\u2026\u2122\u00ab\u00bb\u00a3\u00a7\u00b0\u00a9\u00ae\u00bd"


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
    """The share of letters, and of signs where a writer puts them, among the characters beyond ASCII."""
    text = f" {sample.decode(encoding, errors='replace')} "
    beyond = [place for place, each in enumerate(text) if not each.isascii()]
    right = sum(text[place].isalpha() or _is_sign(*text[place - 1 : place + 2]) for place in beyond)
    return right / len(beyond) if beyond else 0.0


def _is_sign(before: str, sign: str, behind: str) -> bool:
    """Quotes, dashes and currencies, which no word has inside; an apostrophe as in don't."""
    inside = before.isalpha() and behind.isalpha()
    return sign in _SIGNS and (not inside or (sign == "\u2019" and behind in "stmdlrv"))
