"""Durations as Go writes them (and days), quantities as Kubernetes writes them: typed strings that know their value."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$"
QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
LONGEST_SECONDS = 1_000_000 * 3600
MOST_BYTES = 2**62

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_BYTES |= {f"{letter}i": 2 ** (10 * (n + 1)) for n, letter in enumerate("KMGTP")}


class Duration(str):
    """A duration such as `90s`, `1h30m` `250ms` or `7d`.

    Raises ValueError where the text is not one.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Duration:
        if not isinstance(text, str) or not re.fullmatch(DURATION_PATTERN, text):
            raise ValueError(f"{text!r} is not a duration such as 30s, 5m or 1h30m")
        made = super().__new__(cls, text)
        if made.seconds > LONGEST_SECONDS:
            raise ValueError(f"{text[:20]!r}... is longer than {LONGEST_SECONDS // 3600} hours")
        return made

    @property
    def seconds(self) -> float:
        return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(r"([0-9.]+)(ms|s|m|h|d)", str(self)))

    @property
    def timedelta(self) -> timedelta:
        return timedelta(seconds=self.seconds)


class Quantity(str):
    """An amount of bytes such as `256Mi` or `1G`.

    Raises ValueError where the text is not one.
    """

    __slots__ = ()

    def __new__(cls, text: str | int) -> Quantity:
        if isinstance(text, bool) or not re.fullmatch(QUANTITY_PATTERN, str(text)):
            raise ValueError(f"{text!r} is not a quantity such as 512Ki, 256Mi or 1G")
        made = super().__new__(cls, str(text))
        if made._amount > MOST_BYTES:
            raise ValueError(f"{str(text)[:20]!r}... is more than {MOST_BYTES} bytes")
        return made

    @property
    def bytes(self) -> int:
        return int(self._amount)

    @property
    def _amount(self) -> float:
        number, unit = re.fullmatch(r"([0-9.]+)(.*)", str(self)).groups()  # type: ignore[union-attr]
        return float(number) * _BYTES[unit]


def decode_unit(wanted: type, value: Any) -> Any:
    """The hook by which msgspec builds a Duration or a Quantity."""
    if wanted is Duration:
        return Duration(value)
    if wanted is Quantity:
        return Quantity(value)
    raise NotImplementedError(wanted)
